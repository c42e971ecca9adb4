"""`xattn translate`: one line in, one line out."""

import sys
from typing import TYPE_CHECKING, BinaryIO

from tyro.conf import Positional

from xattn import process
from xattn.commands.common import run_and_texts
from xattn.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xattn.translation.translator import Translation


def translate(
    words: Positional[tuple[str, ...]] = (),
    /,
    beam: int | None = None,
    n_best: int = 1,
    length_penalty: float | None = None,
    prefix: str = "",
    sample: bool = False,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> int:
    """Translates text: one line in, one line out, and a blank line for a blank one.

    Args:
        words: The run folder, if not the toy model that comes with the package; then texts. Without texts, the lines
            of standard input are translated.
        beam: Hypotheses kept while searching; 1 is greedy. What --tune chose or the run's config says, unless this
            does.
        n_best: Translations of each line, best first. With more than one, each is written after the number of its
            line and its log-probability.
        length_penalty: Alpha of GNMT's length normalisation; 0 is none. As for --beam.
        prefix: How every translation begins: whole words, the last of which may go on ("chat" as "chats").
        sample: Draw at random instead of searching; --n-best says how many for each line.
        temperature: With --sample: below 1 for the probable, above 1 for the rare; 1 is the model's own.
        top_k: With --sample: only the most probable pieces at every step; all, unless this says how many.
        top_p: With --sample: only the fewest pieces that have this probability together (nucleus); 1 is all.
        seed: With --sample: what is drawn depends on it and the number of the line only; 0, unless given.
    """
    run, texts = run_and_texts(words)
    given = {"--temperature": temperature, "--top-k": top_k, "--top-p": top_p, "--seed": seed}
    for name in (name for name, value in given.items() if value is not None and not sample):
        raise ConfigError(f"{name} belongs to --sample: add it, or leave {name} out.")
    for name, value in {"--beam": beam, "--length-penalty": length_penalty}.items():
        if value is not None and sample:
            raise ConfigError(f"{name} belongs to a search, but --sample draws: leave one of them out.")
    bounds = [
        ("--beam", beam, beam is None or beam >= 1, "at least 1"),
        ("--n-best", n_best, n_best >= 1, "at least 1"),
        ("--temperature", temperature, temperature is None or 0 < temperature < float("inf"), "above 0"),
        ("--top-k", top_k, top_k is None or top_k >= 1, "at least 1"),
        ("--top-p", top_p, top_p is None or 0 < top_p <= 1, "above 0 and at most 1"),
        ("--seed", seed, seed is None or 0 <= seed < 2**31, "between 0 and 2147483647"),
    ]
    for name, value, holds, wanted in bounds:
        if not holds:
            raise ConfigError(f"{name} must be {wanted}, not {value}.")
    process.prepare()
    from xattn.commands import text_lines as writing
    from xattn.translation.translator import Translator

    model = Translator.open(run)
    width = model.settings.beam if beam is None else beam
    if not sample and n_best > width:
        raise ConfigError(f"--n-best must be between 1 and the beam ({width}), not {n_best}.")
    longest = model.settings.max_length
    if len(model.encode(prefix)) > longest:
        raise ConfigError(f"--prefix has {len(model.encode(prefix))} pieces; it may have {longest}.")

    def search(lines: list[str], first: int, done: "Callable[[], object]") -> "list[list[Translation]]":
        return model.translate(
            lines, beam=width, n_best=n_best, length_penalty=length_penalty, prefix=prefix, done=done
        )

    def draw(lines: list[str], first: int, done: "Callable[[], object]") -> "list[list[Translation]]":
        return model.sample(
            lines,
            seed=seed or 0,
            first=first,
            count=n_best,
            temperature=1.0 if temperature is None else temperature,
            top_k=top_k,
            top_p=1.0 if top_p is None else top_p,
            prefix=prefix,
            done=done,
        )

    lines = [text.encode() for text in texts] if texts else sys.stdin.buffer
    total = len(texts) if texts else _count_lines(sys.stdin.buffer)
    writing.write_translations(
        draw if sample else search, writing.readable(model, lines), total=total, numbered=n_best > 1
    )
    return 0


def _count_lines(stream: BinaryIO) -> int | None:
    """How many lines are left in a file; None for a pipe, which can be read once only."""
    if not stream.seekable():
        return None
    start = stream.tell()
    count = sum(1 for _ in stream)
    stream.seek(start)
    return count
