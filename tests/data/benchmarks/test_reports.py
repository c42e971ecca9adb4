"""Reports and their summaries: statements about the subject, and the names of each split."""

import pytest

from xattn.data.benchmarks import reports
from xattn.data.vocabulary import UNK, WordVocabulary

ALL = {
    split: {"training": split == "train", "strange": 1.0 if split == "unseen" else 0.5} for split in ("train", "test")
}
ALL |= {"unseen": {"training": False, "strange": 1.0}}


def draw(split, number, seed=0):
    return reports.draw(seed, split, number, shortest=6, longest=12, **ALL[split])


@pytest.fixture(scope="module")
def drawn():
    return {split: [draw(split, number) for number in range(150)] for split in ALL}


def names(report):
    """The names in a report: words with a dash."""
    return {word for word in report.text if "-" in word}


def test_a_report_depends_on_seed_split_and_number_alone():
    one = draw("test", 3)
    assert draw("test", 3) == one
    assert one not in (draw("test", 4), draw("train", 3), draw("test", 3, seed=1))


def test_the_summary_holds_the_facts_of_the_subject(drawn):
    """The facts are the sentences that begin with the subject, without its name and the full stop."""
    for report in drawn["test"]:
        subject = report.sentences[0][-2]
        told = [sentence[1:-1] for sentence in report.sentences[1:] if sentence[0] == subject]
        assert len(told) == 2
        assert 6 <= len(report.sentences) <= 12
        assert report.summary == (subject, *told[0], "and", *told[1], ".")
        assert max(map(len, told)) <= reports.LONGEST_FACT


def test_places_are_positions_of_the_words_of_the_summary(drawn):
    for report in drawn["test"]:
        text = report.text
        assert len(report.places) == len(report.summary)
        for word, places in zip(report.summary, report.places, strict=True):
            assert {text[place] for place in places} == (set() if word in ("and", ".") else {word})
        # The subject counts only where a sentence is about it, not where others mention it.
        starts = {0} | {place + 1 for place, word in enumerate(text) if word == "."}
        opener, *facts = sorted(report.places[0])
        assert opener == len(report.sentences[0]) - 2
        assert len(facts) == 2
        assert starts.issuperset(facts)


def test_others_mention_the_subject(drawn):
    """So the facts cannot be found by searching for its name alone."""
    mentioned = [
        r for r in drawn["test"] if any(r.summary[0] in s[1:] and s[0] != r.summary[0] for s in r.sentences[1:])
    ]
    assert len(mentioned) > 40


def test_no_split_shares_a_strange_name_or_a_report_with_training(drawn):
    known = {name for each in reports.KNOWN.values() for name in each}
    strange = {split: set().union(*map(names, each)) - known for split, each in drawn.items()}
    assert all(len(each) > 200 for each in strange.values())
    assert not strange["train"] & (strange["test"] | strange["unseen"])
    assert not set().union(*map(names, drawn["unseen"])) & known
    texts = [" ".join(report.text) for each in drawn.values() for report in each]
    assert len(set(texts)) == len(texts)


def test_only_strange_names_are_outside_the_vocabulary(drawn):
    words = WordVocabulary(reports.WORDS)
    for report in drawn["train"]:
        for word, number in zip(report.text, words.encode(report.text), strict=True):
            assert (number == UNK) == (word in names(report) and word not in reports.WORDS)
            assert number == UNK or words.all[number] == word


def test_statements_belong_to_the_machine_of_their_sentence():
    text = "db-1 lost contact with db-2 . db-2 ran out of disk and dropped 12 packets ."
    assert reports.statements(text.split()) == {
        ("db-1", ("lost", "contact", "with", "db-2")),
        ("db-2", ("ran", "out", "of", "disk")),
        ("db-2", ("dropped", "12", "packets")),
    }
    assert reports.statements(["this", "concerns", "db-1", "."]) == set()
    assert reports.statements([]) == set()
