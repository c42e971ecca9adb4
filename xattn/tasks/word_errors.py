"""The word error rate, and the substitutions, deletions and insertions that it counts."""

from collections.abc import Mapping, Sequence

from sacrebleu.metrics.lib_ter import BeamEditDistance


def word_errors(references: Sequence[Sequence[str]], written: Sequence[Sequence[str]]) -> Mapping[str, tuple[int, int]]:
    """The errors of texts by kind, and all together as "wer", each with the number of words of the references.

    They are those of the shortest edits. The beam of the library reaches 25 words to either side of the diagonal.

    >>> word_errors([["one", "two", "three"]], [["one", "ten", "three", "three"]])
    {'wer': (2, 3), 'substitutions': (1, 3), 'deletions': (0, 3), 'insertions': (1, 3)}
    """
    # The library says what makes the reference of what was written, so its insertions are what was deleted.
    edits = "".join(BeamEditDistance([*a])([*b])[1] for a, b in zip(references, written, strict=True))
    words = sum(map(len, references))
    counts = {"substitutions": edits.count("s"), "deletions": edits.count("i"), "insertions": edits.count("d")}
    return {"wer": (sum(counts.values()), words), **{name: (count, words) for name, count in counts.items()}}
