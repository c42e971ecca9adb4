"""`xattn translate`: one line in, one line out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from xattn import lines, process
from xattn.commands.common import run_and_texts, text_of
from xattn.errors import quantity, require

if TYPE_CHECKING:
    from xattn.translation.translator import Translation, Translator


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `xattn translate`.

    Attributes:
        words: A run folder, if it is not a model of the package; then texts. Without texts, the lines of standard input
            are translated.
        model: The model: everyday or toy, which come with the package, or a run folder.
        beam: Hypotheses kept while searching; 1 is greedy. By default as --tune chose, or else as the run's config
            says.
        n_best: Translations of each line, best first. With more than one, each is written after the number of its line,
            its log-probability, and its normalised score, which orders them.
        length_penalty: Alpha of GNMT's length normalisation; 0 is none. The default is that of --beam.
        prefix: How every translation begins: whole words, the last of which may go on ("chat" as "chats").
        sample: Draw at random instead of searching; --n-best is the number of samples for each line.
        temperature: With --sample: below 1 favours probable pieces, above 1 rare ones; 1 is the model's own
            distribution.
        top_k: With --sample: draw from the k most probable pieces at every step; from all by default.
        top_p: With --sample: draw from the fewest pieces that have this probability together (nucleus); 1 is all.
        seed: With --sample: a sample depends on the seed and the number of its line only; 0 by default.
    """

    words: Positional[tuple[str, ...]] = ()
    model: str | None = None
    beam: int | None = None
    n_best: int = 1
    length_penalty: float | None = None
    prefix: str = ""
    sample: bool = False
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None

    def check(self) -> None:
        """Raises `ConfigError` for options that do not go together, and for numbers out of bounds."""
        of_samples = ("temperature", "top_k", "top_p", "seed")
        for name, value in {_flag(name): getattr(self, name) for name in of_samples}.items():
            require(self.sample or value is None, f"{name} belongs to --sample: add it, or leave {name} out.")
        for name, value in {"--beam": self.beam, "--length-penalty": self.length_penalty}.items():
            message = f"{name} belongs to a search, but --sample draws: leave one of them out."
            require(not self.sample or value is None, message)
        bounds: list[tuple[str, Callable[[float], bool], str]] = [
            ("beam", lambda x: x >= 1, "at least 1"),
            ("n_best", lambda x: x >= 1, "at least 1"),
            ("length_penalty", lambda x: -10 <= x <= 10, "between -10 and 10"),
            ("temperature", lambda x: 0.001 <= x <= 1000, "between 0.001 and 1000"),
            ("top_k", lambda x: x >= 1, "at least 1"),
            ("top_p", lambda x: 0 < x <= 1, "above 0 and at most 1"),
            ("seed", lambda x: 0 <= x < 2**31, "between 0 and 2147483647"),
        ]
        for name, holds, wanted in bounds:
            value = getattr(self, name)
            require(value is None or holds(value), f"{_flag(name)} must be {wanted}, not {value}.")


def translate(options: Annotated[Options, arg(name="")]) -> int:
    """Translates text: one line in, one line out, and a blank line for a blank one."""
    run, texts = run_and_texts(
        options.words, options.model, files="to translate its lines, write xattn translate < {file}"
    )
    options.check()
    options = replace(options, prefix=text_of(options.prefix, "--prefix"))
    process.prepare()
    from xattn.commands import text_lines
    from xattn.commands.unknown_words import UnknownWords
    from xattn.translation.translator import Translator

    model = Translator.open(run)
    width = model.settings.beam if options.beam is None else options.beam
    require(
        options.sample or options.n_best <= width,
        f"--n-best must be between 1 and the beam ({width}), not {options.n_best}.",
    )
    pieces, longest = len(model.encode(options.prefix)), model.settings.max_length
    require(pieces <= longest, f"--prefix has {quantity(pieces, 'piece')}; it may have {longest}.")
    given = [text.encode() for text in texts] if texts else lines.read_input()
    total = len(texts) if texts else lines.count_input()
    unknown = UnknownWords(model)
    unknown.add(options.prefix)
    text_lines.write_translations(
        _sampling(model, options) if options.sample else _search(model, options, width),
        unknown.of_texts(text_lines.readable(model, given)),
        total=total,
        numbered=options.n_best > 1,
    )
    unknown.tell()
    return 0


def _search(model: "Translator", options: Options, width: int) -> "Callable[..., list[list[Translation]]]":
    def search(lines: list[str], first: int, done: Callable[[], object]) -> "list[list[Translation]]":
        return model.translate(
            lines,
            beam=width,
            n_best=options.n_best,
            length_penalty=options.length_penalty,
            prefix=options.prefix,
            done=done,
        )

    return search


def _sampling(model: "Translator", options: Options) -> "Callable[..., list[list[Translation]]]":
    def draw(lines: list[str], first: int, done: Callable[[], object]) -> "list[list[Translation]]":
        return model.sample(
            lines,
            seed=options.seed or 0,
            first=first,
            count=options.n_best,
            temperature=1.0 if options.temperature is None else options.temperature,
            top_k=options.top_k,
            top_p=1.0 if options.top_p is None else options.top_p,
            prefix=options.prefix,
            done=done,
        )

    return draw


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
