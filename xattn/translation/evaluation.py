"""Evaluation of a translation run: exact match, BLEU, chrF, and the alignment error rate of its attention."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from sacrebleu.metrics import CHRF  # pyright: ignore[reportPrivateImportUsage]

from xattn.alignment.links import Links
from xattn.alignment.maps import Readout
from xattn.alignment.scores import best_readout, interval, score
from xattn.alignment.words import words
from xattn.data.corpora import BadLines, Pair
from xattn.errors import quantity
from xattn.runs.folder import Run
from xattn.runs.readout import CHOSEN_BY, guided_readout
from xattn.translation.corpus import bleu as bleu_of
from xattn.translation.corpus import load, settings_of
from xattn.translation.translator import Translator


def evaluate(run: Run, splits: Sequence[str], console: Console) -> dict[str, Any]:
    """Scores a run on splits of its corpus, by default those of `task.test`; keeps and returns the results.

    Layer, head and row convention of the alignment are chosen on the validation split, and used on the others. Without
    gold there, they are those of guided alignment, if the run was guided. `console` shows progress.
    """
    model, settings = Translator.open(run), settings_of(run.config)
    results: dict[str, Any] = run.read_results() | {
        "task": settings.kind,
        "headline": settings.headline,
        "memory": run.config.model.memory,
    }
    readout = None
    if model.attends_source and (validation := _with_gold(load(settings, settings.validation))):
        with console.status("choosing layer, head and rows on the validation split"):
            golds = [_links(pair) for pair in validation]
            readout, found = best_readout(_maps(model, validation), golds)[0]
        results["readout"] = {
            "layer": readout.layer,
            "head": readout.head,
            "convention": readout.convention,
            "chosen_by": "AER on validation",
            "validation_aer": round(found.aer, 4),
        }
    elif (readout := guided_readout(run.config)) is not None:
        results["readout"] = {**asdict(readout), "chosen_by": CHOSEN_BY}
    results.setdefault("splits", {})
    for name in splits or settings.test:
        bad = BadLines(settings.bad_lines)
        pairs = load(settings, name, bad)
        with console.status(f"translating {name}: {quantity(len(pairs), 'sentence')}"):
            found = model.translate([pair.source for pair in pairs])
        row = score_text([best[0].text for best in found], pairs, tokenized=settings.tokenized)
        if left_out := bad.report():
            row["left_out"] = left_out
        row["decoding"] = {"beam": model.settings.beam, "length_penalty": model.settings.length_penalty}
        if readout is not None and (gold := _with_gold(pairs)):
            with console.status(f"aligning {name}"):
                row["alignment"] = score_alignment(model, gold, readout)
        results["splits"][name] = row
        run.write_results(results)
    return results


def score_text(hypotheses: Sequence[str], pairs: Sequence[Pair], *, tokenized: bool = False) -> dict[str, Any]:
    """Exact match, BLEU and chrF with their signatures, and what both are made of by source length in words.

    Text that is tokenised already is compared by the words that its spaces part: the convention of published
    Multi30k scores, and some points above that of sacreBLEU, which tokenises by itself (13a).
    """
    references = [pair.target for pair in pairs]
    exact = [hypothesis == reference for hypothesis, reference in zip(hypotheses, references, strict=True)]
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        by_length[len(words(pair.source))].append(number)
    bleu, chrf = bleu_of(tokenized), CHRF()

    def row(numbers: list[int]) -> dict[str, Any]:
        found = bleu.corpus_score([hypotheses[n] for n in numbers], [[references[n] for n in numbers]])
        return {
            "exact": sum(exact[n] for n in numbers),
            "count": len(numbers),
            # n-grams that match, n-grams, and the lengths of output and reference: they add up to the BLEU of many.
            "bleu_statistics": [*found.counts, *found.totals, found.sys_len, found.ref_len],
        }

    return {
        "sentences": len(pairs),
        "exact_match": round(sum(exact) / len(exact), 4),
        "bleu": round(bleu.corpus_score(hypotheses, [references]).score, 2),
        "bleu_signature": str(bleu.get_signature()),
        "chrf": round(chrf.corpus_score(hypotheses, [references]).score, 2),
        "chrf_signature": str(chrf.get_signature()),
        "by_length": {length: row(by_length[length]) for length in sorted(by_length)},
    }


def score_alignment(model: Translator, pairs: Sequence[Pair], readout: Readout) -> dict[str, Any]:
    """AER, precision, recall and F1 of the attention's links against gold, at one readout."""
    golds = [_links(pair) for pair in pairs]
    links = [each.to_words(readout).links() for each in _maps(model, pairs)]
    found = score(links, golds)
    low, high = interval(links, golds)
    return {
        "aer": round(found.aer, 4),
        "aer_95": [round(low, 4), round(high, 4)],
        "precision": round(found.precision, 4),
        "recall": round(found.recall, 4),
        "f1": round(found.f1, 4),
    }


def table(results: dict[str, Any]) -> Table:
    """The results of all splits."""
    view = Table(title="exact match and AER as fractions; BLEU and chrF as sacreBLEU prints them")
    for heading in ("split", "sentences", "exact match", "BLEU", "chrF", "AER (95 %)"):
        view.add_column(heading, justify="left" if heading == "split" else "right")
    for name, row in results["splits"].items():
        aer = row["alignment"] if "alignment" in row else None
        view.add_row(
            name,
            f"{row['sentences']:,}",
            f"{row['exact_match']:.4f}",
            f"{row['bleu']:.2f}",
            f"{row['chrf']:.2f}",
            f"{aer['aer']:.4f} ({aer['aer_95'][0]:.4f}-{aer['aer_95'][1]:.4f})" if aer else "-",
        )
    return view


def _with_gold(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.possible]


def _links(pair: Pair) -> Links:
    return Links.of(pair.sure or (), possible=pair.possible or ())


def _maps(model: Translator, pairs: Sequence[Pair]) -> list:
    return model.attend([(pair.source, pair.target) for pair in pairs])
