"""Whole words by number, for tasks that make their own text; PAD, BOS, EOS and UNK come first."""

from collections.abc import Iterable

PAD, BOS, EOS, UNK = range(4)
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


class WordVocabulary:
    """A vocabulary of whole words.

    >>> words = WordVocabulary(["sat", "cat", "cat"])
    >>> words.size, words.encode(["cat", "sat", "dog"]), words.all[4]
    (6, [4, 5, 3], 'cat')
    """

    def __init__(self, known: Iterable[str]):
        self.all = (*SPECIAL, *sorted(set(known)))
        """Every word, at its number."""
        self.numbers = {word: number for number, word in enumerate(self.all)}

    @property
    def size(self) -> int:
        """How many words there are (V)."""
        return len(self.all)

    def encode(self, words: Iterable[str]) -> list[int]:
        """Their numbers; that of UNK for those that are not known."""
        return [self.numbers[word] if word in self.numbers else UNK for word in words]
