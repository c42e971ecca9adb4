"""Words of the input that a model's vocabulary does not have: collected while they are read, and said once."""

from collections.abc import Iterable, Iterator

from xattn.commands.common import tell
from xattn.translation.translator import Translator
from xattn.viewing.labels import printable

# Words that are listed; more are counted.
LISTED = 10


class UnknownWords:
    """Collects the unknown words of texts that pass through."""

    def __init__(self, model: Translator):
        self._model = model
        self._words: dict[str, None] = {}  # in their first order

    def add(self, text: str) -> None:
        """Collects those of one text."""
        self._words |= dict.fromkeys(self._model.unknown(text))

    def of_texts(self, texts: Iterable[str]) -> Iterator[str]:
        """Yields the texts as they are."""
        for text in texts:
            self.add(text)
            yield text

    def of_pairs(self, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yields the pairs as they are."""
        for pair in pairs:
            self.add(pair[0])
            self.add(pair[1])
            yield pair

    def tell(self) -> None:
        """Lists the words on standard error, if there are any."""
        if self._words:
            listed = ", ".join(list(map(printable, self._words))[:LISTED])
            more = f", and {len(self._words) - LISTED:,} more" if len(self._words) > LISTED else ""
            tell(f"words that the model's vocabulary does not have: {listed}{more}. What becomes of them is a guess.")
