"""Trains English-French and French-English on Tatoeba, and aligns two gold sets by every reading of their attention.

    XATTN_DATA=path python experiments/alignment_en_fr/run.py [own] [eflomal]

Models learn from their `own` links, or from those of `eflomal`; both, unless one is named. Text, links and runs go into
runs/alignment_en_fr, and what is there is not made again; in results.json rows replace those of their names. The gold
is only scored: readings are chosen by the agreement of both directions on Tatoeba's dev split.
eflomal (the extra `bench`) is what others would use on the same text.
"""

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import text
from eflomal import Aligner

from xattn.alignment import link_files as formats
from xattn.alignment import scores
from xattn.alignment.links import Links, diagonal, mutual
from xattn.alignment.maps import AttentionMap, Convention, Kind, Readout
from xattn.alignment.symmetrization import combine, symmetrize
from xattn.cli import main
from xattn.config import Translation
from xattn.data import corpora as sources
from xattn.lines import read_text
from xattn.runs.folder import Run, open_run
from xattn.runs.results import read_measurements, write_measurements
from xattn.translation import aligning

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
CONFIG = HERE.parents[1] / "configs" / "tatoeba_en_fr.py"
RUNS = Path("runs/alignment_en_fr")
# Every pair by itself and, behind these, joined to long sentences; and these alone: they are what is linked.
TEXT, JOINED = RUNS / "text", RUNS / "joined"
DATA = Path(os.path.expandvars("$XATTN_DATA"))
GOLD = ("alibi_dev", "hansards_dev")
TEACHERS = ("own", "eflomal")
SETTINGS = ("--task.tokenized", "True", "--task.max_length", "128")
# An alignment layer learns fast.
SHORT = ("--training.steps", "1500", "--training.validate_every", "250", "--task.buckets", "6")
# Pairs by whose agreement a reading is chosen.
CHOSEN_ON = 1_000

READINGS: list[tuple[str, Convention, Kind]] = [
    ("plain", "produced", "weights"),
    ("shifted", "read", "weights"),
    ("norms", "produced", "norms"),
    ("shifted norms", "read", "norms"),
]

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Gold:
    """A gold set: its words, the parts that models read, and the links."""

    words: list[tuple[list[str], list[str]]]
    pairs: Pairs
    owners: list[tuple[list[int], list[int]]]
    links: list[Links]

    @classmethod
    def read(cls, folder: Path) -> "Gold":
        """The set in a folder, as English and French."""
        sides = [read_text(folder / f"text.{language}") for language in ("en", "fr")]
        words = [(en.split(), fr.split()) for en, fr in zip(*sides, strict=True)]
        cut = [(text.parts(en, "en"), text.parts(fr, "fr")) for en, fr in words]
        return cls(
            words=words,
            pairs=[(" ".join(en[0]), " ".join(fr[0])) for en, fr in cut],
            owners=[(en[1], fr[1]) for en, fr in cut],
            links=formats.read_links(folder / "gold.talp").links,
        )

    def maps(self, run: Run, kind: Kind) -> list[AttentionMap]:
        """The maps of a model over the words of the gold: the parts of a word count together."""
        turned = source_of(run) == "fr"
        each = zip(maps(run, self.pairs, kind), self.owners, strict=True)
        return [_whole_words(attention, (owners[1], owners[0]) if turned else owners) for attention, owners in each]

    def table(self, forward: Sequence[Links], reverse: Sequence[Links]) -> dict[str, dict[str, float | list[float]]]:
        """AER and more of both directions and of what their links make together."""
        both = {"forward": forward, "reverse": reverse}
        for method in ("intersection", "grow-diag"):
            both[method] = [symmetrize(a, b, method) for a, b in zip(forward, reverse, strict=True)]
        return {name: self.score(links) for name, links in both.items()}

    def score(self, links: Sequence[Links]) -> dict[str, float | list[float]]:
        """The scores of links of words, in per cent."""
        found, interval = scores.score(links, self.links), scores.interval(links, self.links)
        figures = {name: round(100 * getattr(found, name), 1) for name in ("aer", "precision", "recall", "f1")}
        return {**figures, "aer_95": [round(100 * bound, 1) for bound in interval]}


def train(name: str, direction: str, *overrides: str, corpus: Path = TEXT) -> Run:
    """Trains a kind of model in a direction, en_fr or fr_en, which stands for `{direction}` in the overrides."""
    source, target = direction.split("_")
    folder = RUNS / f"{name}_{direction}"
    settings = [*SETTINGS, *(each.replace("{direction}", direction) for each in overrides)]
    languages = ["--task.corpus", str(corpus), "--task.source", source, "--task.target", target]
    if status := main(["train", str(CONFIG), *settings, *languages, "--run", str(folder)]):
        raise SystemExit(status)
    return open_run(folder)


def source_of(run: Run) -> str:
    """The source language of a run."""
    assert isinstance(run.config.task, Translation), "a run of this experiment"
    return run.config.task.source


@cache
def opened(run: Run, kind: Kind) -> aligning.Direction:
    """The opened model of a run."""
    return aligning.direction(run, None, None, None, kind)


def maps(run: Run, pairs: Pairs, kind: Kind = "weights") -> list[AttentionMap]:
    """The maps of English-French pairs; a fr_en model reads them with source and target exchanged."""
    pairs = pairs if source_of(run) == "en" else [(fr, en) for en, fr in pairs]
    return opened(run, kind).given(pairs)


def choose(runs: tuple[Run, Run], kind: Kind, pairs: Pairs, *conventions: Convention) -> tuple[Readout, Readout]:
    """The reading of each direction, of these conventions, that agrees most with some reading of the other."""
    ahead, back = (maps(run, pairs, kind) for run in runs)

    def best(mine: Sequence[AttentionMap], other: Sequence[AttentionMap]) -> Readout:
        return next(row[0] for row in scores.best_agreement(mine, other) if row[0].convention in conventions)

    return best(ahead, back), best(back, ahead)


def align(runs: tuple[Run, Run], readouts: tuple[Readout, Readout], kind: Kind, gold: Gold) -> dict:
    """The scores of a reading of both directions, and of the mutual links in the product of their matrices."""
    ahead, back = (
        [attention.to_words(at) for attention in gold.maps(run, kind)] for run, at in zip(runs, readouts, strict=True)
    )
    products = [combine(a.weights, b.weights, "product") for a, b in zip(ahead, back, strict=True)]
    return {
        **gold.table([a.links() for a in ahead], [b.links().turned for b in back]),
        "product, mutual": gold.score([Links.from_matrix(mutual(product)) for product in products]),
    }


def best_of_all(runs: tuple[Run, Run], gold: Gold) -> dict:
    """The best of all layers, heads and conventions of each direction, chosen on the gold that it is scored on."""
    golds = gold.links, [links.turned for links in gold.links]
    ahead, back = (
        scores.best_readout(gold.maps(run, "weights"), links)[0][0] for run, links in zip(runs, golds, strict=True)
    )
    return {"readouts": [str(ahead), str(back)], **align(runs, (ahead, back), "weights", gold)}


def _whole_words(attention: AttentionMap, owners: tuple[list[int], list[int]]) -> AttentionMap:
    """The map whose words are the gold's; `owners` says which of them each of its words is a part of."""
    changed = {}
    for side, numbers in zip(("source", "target"), owners, strict=True):
        parts = getattr(attention, f"{side}_words")
        whole = [[part for part, n in zip(parts, numbers, strict=True) if n == word] for word in range(numbers[-1] + 1)]
        changed[f"{side}_words"] = [" ".join(each) for each in whole]
        ids = getattr(attention, f"{side}_word_ids")
        changed[f"{side}_word_ids"] = [numbers[part] if part >= 0 else part for part in ids]
    return replace(attention, **changed)


def link_text(name: str, runs: tuple[Run, Run], readouts: tuple[Readout, Readout], *how: str) -> None:
    """Aligns the joined training text by the models' own attention, both directions joined as `how` says."""
    path = JOINED / f"{name}.talp"
    if path.exists():
        return
    there, back = ([str(at.layer), str(at.head), at.convention] for at in readouts)
    names = ("layer", "head", "rows")
    at = [word for name, value in zip(names, there, strict=True) for word in (f"--{name}", value)]
    at += [word for name, value in zip(names, back, strict=True) for word in (f"--reverse-{name}", value)]
    files = ["--source", str(JOINED / "train.en"), "--target", str(JOINED / "train.fr")]
    with (half := path.with_suffix(".half")).open("w") as file, contextlib.redirect_stdout(file):
        if status := main(["align", str(runs[0].folder), "--reverse", str(runs[1].folder), *files, *at, *how]):
            raise SystemExit(status)
    half.rename(path)


def links_for(name: str, corpus: Path) -> str:
    """A file of links for both directions: `{direction}` in its name is en_fr or fr_en. Single sentences have none."""
    joined = formats.read_links(JOINED / f"{name}.talp", base="0").links
    single = len(read_text(corpus / "train.en")) - len(joined)
    for direction in ("en_fr", "fr_en"):
        links = [each if direction == "en_fr" else each.turned for each in joined]
        formats.write_links(corpus / f"{name}_{direction}.talp", [Links.of([])] * single + links)
    return str(corpus / f"{name}_{{direction}}.talp")


def eflomal(golds: dict[str, Gold]) -> dict[str, dict]:
    """What eflomal finds in the gold's text, read together with the training text, whose links it leaves too."""
    files = [TEXT / f"eflomal.{name}" for name in ("forward", "reverse")]
    pairs = list(zip(*(read_text(TEXT / f"train.{language}") for language in ("en", "fr")), strict=True))
    first, tables = len(pairs), {}
    pairs += [pair for gold in golds.values() for pair in gold.pairs]
    if not all(file.exists() for file in files):
        english, french = zip(*pairs, strict=True)
        Aligner().align(english, french, links_filename_fwd=str(files[0]), links_filename_rev=str(files[1]))
    forward, reverse = (formats.read_links(file, sentences=len(pairs), base="0").links for file in files)
    joined = slice(first - len(read_text(JOINED / "train.en")), first)
    both = zip(forward[joined], reverse[joined], strict=True)
    formats.write_links(JOINED / "eflomal.talp", [symmetrize(a, b, "intersection") for a, b in both])
    for name, gold in golds.items():
        last = first + len(gold.pairs)
        words = [
            [text.of_words(each, *owners) for each, owners in zip(links[first:last], gold.owners, strict=True)]
            for links in (forward, reverse)
        ]
        tables[name] = gold.table(*words)
        first = last
    return tables


def record(runs: Sequence[Run]) -> dict:
    """How models were trained, and the best greedy BLEU on Tatoeba's dev split."""
    found = {}
    for run in runs:
        rows = [row for row in map(json.loads, run.metrics.read_text().splitlines()) if row["split"] == "validation"]
        environment = json.loads((run.folder / "environment.json").read_text())[0]
        found[run.folder.name] = {
            "bleu": round(max(row["bleu"] for row in rows), 2) if "bleu" in rows[0] else None,
            "steps": rows[-1]["step"],
            "training_seconds": round(rows[-1]["seconds"]),
            "git": environment["git"],
            "command": environment["command"],
        }
    return found


def write_text() -> None:
    """The text of Tatoeba, as models read it."""
    for split in ("train", "dev"):
        pairs = text.cut((pair.source, pair.target) for pair in sources.load(str(DATA / "tatoeba_en_fr"), split))
        long = list(text.joined(pairs))
        text.write([*pairs, *long] if split == "train" else pairs, TEXT, split)
        text.write(long if split == "train" else pairs, JOINED, split)


def where(runs: tuple[Run, Run]) -> tuple[Readout, Readout]:
    """The readouts that guided models learned."""
    return opened(runs[0], "weights").readout, opened(runs[1], "weights").readout


def experiment(teachers: Sequence[str]) -> None:
    """Runs all steps, in the order of their needs."""
    if not (JOINED / "dev.fr").exists():
        write_text()
    golds = {name: Gold.read(DATA / "alignment_gold" / name) for name in GOLD}
    sides = (read_text(TEXT / f"dev.{language}")[:CHOSEN_ON] for language in ("en", "fr"))
    dev = list(zip(*sides, strict=True))
    results = read_measurements(RESULTS) or {"methods": {}, "models": {}}

    def add(method: str, tables: dict[str, dict], **more: object) -> None:
        results["methods"][method] = {**more, **tables}
        write_measurements(RESULTS, results, "alignments")
        for name, table in tables.items():
            rows = {way: row["aer"] for way, row in table.items() if isinstance(row, dict)}
            print(f"{method} on {name}: {rows}")

    def add_models(method: str, runs: tuple[Run, Run], at: tuple[Readout, Readout], kind: Kind = "weights") -> None:
        tables = {name: align(runs, at, kind, gold) for name, gold in golds.items()}
        add(method, tables, kind=kind, readouts=list(map(str, at)))

    def train_both(name: str, *overrides: str, corpus: Path = TEXT) -> tuple[Run, Run]:
        runs = train(name, "en_fr", *overrides, corpus=corpus), train(name, "fr_en", *overrides, corpus=corpus)
        results["models"] |= record(runs)
        return runs

    def layers(method: str, links: str, *overrides: str) -> tuple[Run, Run]:
        runs = train_both(method, "--task.guidance.links", links_for(links, JOINED), *overrides, corpus=JOINED)
        add_models(method, runs, where(runs))
        return runs

    floors = {name: [diagonal(len(en), len(fr)) for en, fr in gold.words] for name, gold in golds.items()}
    add("diagonal", {name: {"forward": golds[name].score(links)} for name, links in floors.items()})
    add("eflomal", eflomal(golds))

    if "own" in teachers:
        plain = train_both("plain")
        for method, convention, kind in READINGS:
            add_models(method, plain, choose(plain, kind, dev, convention), kind)
        add("best of all", {name: best_of_all(plain, gold) for name, gold in golds.items()})

        # Links of the models' own attention teach a layer, whose links teach one that looks earlier in the decoder,
        # whose links teach a head of a new model.
        link_text("attention", plain, choose(plain, "weights", dev, "produced", "read"))
        frozen = ("--task.guidance.into", "layer", "--task.guidance.run", f"{RUNS}/plain_{{direction}}", *SHORT)
        first = layers("layer", "attention", *frozen)
        link_text("layer", first, where(first))
        early = (*frozen, "--task.guidance.layer", "1")
        again = layers("layer_again", "layer", *early)
        link_text("layer_again", again, where(again), "--symmetrize", "product", "--method", "mutual")
        guided = train_both("guided", "--task.guidance.links", links_for("layer_again", TEXT))
        pair = guided[0], again[1]
        add_models("guided, and layer_again in reverse", pair, where(pair))
        add_models("guided", guided, where(guided))
    if "eflomal" in teachers:
        # What the same models make of a better teacher, which is not their own.
        taught = train_both("guided_by_eflomal", "--task.guidance.links", links_for("eflomal", TEXT))
        add_models("guided by eflomal", taught, where(taught))


if __name__ == "__main__":
    asked = sys.argv[1:] or TEACHERS
    if unknown := set(asked) - set(TEACHERS):
        raise SystemExit(f"Models learn from {' or '.join(TEACHERS)}, not from {', '.join(sorted(unknown))}.")
    experiment(asked)
