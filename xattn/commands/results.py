"""`xattn results`: the table of all experiments, from the results beside their READMEs; see `xattn.runs.results`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from xattn.errors import ConfigError, UserError

NOT_RUN = "not run"
ABLATIONS = ("mean", "none", "shuffle")
_LAST = ("best baseline", "pointing accuracy (chance)", "minutes")
HEADINGS = ("experiment", "system", "split", "score", "value", *_LAST)
SHORT = ("experiment", "score", "full", *ABLATIONS, *_LAST)
BEGIN, END = "<!-- xattn results: one line an experiment -->", "<!-- end of xattn results -->"


def results(root: Positional[Path] = Path(), /, *, write: Path | None = None) -> int:
    """Prints the scores of all experiments beside their baselines, in Markdown; a config without any is "not run".

    Args:
        root: The folder that holds configs and experiments; the current one, unless given.
        write: A Markdown file in root, such as README.md: a table of one line an experiment replaces the text between
            its two marks, and nothing is printed.
    """
    if write is None:
        print(table(root))
        return 0
    page = root / write
    try:
        page.write_text(filled(page.read_text(encoding="utf-8"), short_table(root), page), encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot read or write {page}: {error.strerror}.") from None
    return 0


def table(root: Path) -> str:
    """One line a system and split of every experiment in `root`, and one for each config that has none: Markdown.

    `root` holds configs/ and experiments/.
    """
    experiments = _experiments(root)
    rows: list[tuple[str, ...]] = [HEADINGS]
    for experiment, systems in experiments.items():
        for system in systems:
            for split, row in system["splits"].items():
                rows.append((experiment, system["name"], split, *_scores(system, row)))
    rows += [(name, NOT_RUN, *[""] * (len(HEADINGS) - 2)) for name in _not_run(root, experiments)]
    return _markdown(rows)


def short_table(root: Path) -> str:
    """One line an experiment and variant: the full memory and its ablations, on the first test split."""
    from xattn.runs.results import shown

    experiments = _experiments(root)
    rows: list[tuple[str, ...]] = [SHORT]
    for experiment, systems in experiments.items():
        named = {(system["memory"], system["variant"]): system for system in systems}
        for (memory, variant), system in named.items():
            if memory != "full":
                continue
            split, row = next(iter(system["splits"].items()))
            metric, value, *rest = _scores(system, row)
            ablations = [named[each, variant] if (each, variant) in named else None for each in ABLATIONS]
            values = [shown(metric, each["splits"][split][metric]) if each else "-" for each in ablations]
            link = f"[{experiment}](experiments/{experiment}/README.md)"
            rows.append((f"{link} {variant}".strip(), metric.replace("_", " "), value, *values, *rest))
    for name in _not_run(root, experiments):
        rows.append((f"[{name}](configs/{name}.py)", NOT_RUN, *[""] * (len(SHORT) - 2)))
    return _markdown(rows)


def filled(text: str, content: str, page: Path) -> str:
    """The text with the content between the marks `BEGIN` and `END`, which must each stand in it once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UserError(f"{page} must have the lines {BEGIN} and {END} once, in this order: the table goes between.")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{rest.split(END)[1]}"


def _experiments(root: Path) -> dict[str, list[dict[str, Any]]]:
    """The systems of every experiment that has any."""
    from xattn.runs.results import read_systems

    if not (root / "configs").is_dir() or not (root / "experiments").is_dir():
        raise ConfigError(f"{root.absolute()} has no configs and experiments: run this in a checkout of the source.")
    every = {path.parent.name: read_systems(path) for path in sorted(root.glob("experiments/*/results.json"))}
    return {name: systems for name, systems in every.items() if systems}


def _not_run(root: Path, experiments: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    known = set(experiments)
    known |= {each["config"] for systems in experiments.values() for each in systems}
    # An ablation with a config of its own belongs to the experiment whose name its name begins with.
    configs = sorted(path.stem for path in root.glob("configs/*.py"))
    return [name for name in configs if not any(name == each or name.startswith(f"{each}_") for each in known)]


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _scores(system: dict[str, Any], row: dict[str, Any]) -> tuple[str, ...]:
    from xattn.runs.results import LOWER_IS_BETTER, shown

    metric = system["headline"]
    baselines = row["baselines"] if "baselines" in row else {}
    worse = -1 if metric in LOWER_IS_BETTER else 1
    known = [(scores[metric], name) for name, scores in baselines.items() if metric in scores]
    best = max(known, key=lambda each: worse * each[0], default=None)
    looked = "-"
    if "pointing" in row:
        looked = f"{row['pointing']['accuracy']:.4f} ({row['pointing']['chance']:.4f})"
    elif "alignment" in row:
        looked = f"AER {row['alignment']['aer']:.4f}"
    minutes = f"{system['training_seconds'] / 60:.1f}"
    against = f"{shown(metric, best[0])} ({best[1]})" if best else "-"
    return (metric, shown(metric, row[metric]), against, looked, minutes)
