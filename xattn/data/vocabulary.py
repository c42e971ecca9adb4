"""Vocabularies of whole words, for tasks with generated text; the special words PAD, BOS, EOS and UNK come first."""

from collections.abc import Iterable

PAD, BOS, EOS, UNK = range(4)
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


class WordVocabulary:
    """A vocabulary of whole words, numbered in alphabetical order after the special words.

    >>> words = WordVocabulary(["sat", "cat", "cat"])
    >>> words.size, words.encode(["cat", "sat", "dog"]), words.all[4]
    (6, [4, 5, 3], 'cat')
    """

    def __init__(self, words: Iterable[str]):
        self.all = (*SPECIAL, *sorted(set(words)))
        """Every word, at the index of its id."""
        self.numbers = {word: number for number, word in enumerate(self.all)}
        """The id of every word."""

    @property
    def size(self) -> int:
        """Number of words, the special ones included (V)."""
        return len(self.all)

    def encode(self, words: Iterable[str]) -> list[int]:
        """The ids of words; UNK for a word outside the vocabulary."""
        return [self.numbers[word] if word in self.numbers else UNK for word in words]
