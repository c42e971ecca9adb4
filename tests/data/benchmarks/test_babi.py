"""The reader of bAbI's files, on files made here in their format."""

import io
import tarfile

import pytest

from xattn.data.benchmarks.babi import load, parse
from xattn.errors import UserError

# Like real files: a space before the tab, questions between sentences, numbers that restart at 1.
FILE = """\
1 Mary moved to the bathroom.
2 Mary got the football there.
3 Where is the football? \tbathroom\t2 1
4 John went to the hallway.
5 What is Mary carrying? \tfootball,Milk\t2
1 Fred yawned.
2 Julie went back to the school this morning.
3 Where was Julie? \tschool\t2
"""


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, text in members.items():
            data = text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_a_question_has_the_sentences_before_it():
    first, second = parse(FILE.splitlines(), "a file")
    assert [len(each.story) for each in first] == [2, 3]  # questions are no sentences
    assert first[1].story[2] == ("john", "went", "to", "the", "hallway")
    assert [(each.words[0], each.answer, each.facts) for each in (*first, *second)] == [
        ("where", "bathroom", (1, 0)),  # in the order of the file, which is the order of need
        ("what", "football,milk", (1,)),
        ("where", "school", (1,)),
    ]
    assert second[0].story[0] == ("fred", "yawned")


def test_a_task_is_read_from_an_archive(tmp_path):
    path = archive(
        tmp_path / "tasks.tar.gz",
        {
            "tasks/en/qa2_two_train.txt": "1 This is the small set.\n2 Is it? \tno\t1\n",
            "tasks/en-10k/qa2_two_train.txt": FILE,
            "tasks/en-10k/qa20_agents_train.txt": "1 Not this one.\n",
            "tasks/en-10k/qa3_three_test.txt": FILE,
        },
    )
    assert [len(story) for story in load(path, 2, "train")] == [2, 1]
    with pytest.raises(UserError, match=r"has no train questions of task 3 \(en-10k/qa3_\*_train.txt\); .* 2, 20\."):
        load(path, 3, "train")
    with pytest.raises(UserError, match=r"Cannot read .*none\.tar\.gz: .*No such file"):
        load(tmp_path / "none.tar.gz", 2, "train")
    (tmp_path / "text").write_text("not an archive")
    with pytest.raises(UserError, match=r"Cannot read .*text: "):
        load(tmp_path / "text", 2, "train")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Mary moved."], "a file, line 1: a line must begin with its number in the story, not 'Mary'"),
        (["1 Mary moved.", "3 Mary sat."], "line 2: the number after 1 must be 2, or 1 for a new story, not 3"),
        (
            ["1 Mary moved.", "2 Did she?\tyes"],
            "line 2: separate a question, its answer and the numbers of its facts by two tabs",
        ),
        (["1 Mary moved.", "2 Did she?\t\t1"], "line 2: separate a question, its answer"),
        (
            ["1 Mary moved.", "2 Did she?\tyes\t2"],
            "line 2: the supporting fact '2' is not a sentence of the story before",
        ),
        (["1 Mary moved.", "2 Did she?\tyes\tone"], "line 2: the supporting fact 'one'"),
    ],
)
def test_bad_files_are_refused_with_the_line(lines, message):
    with pytest.raises(UserError) as refused:
        list(parse(lines, "a file"))
    assert message in str(refused.value)
