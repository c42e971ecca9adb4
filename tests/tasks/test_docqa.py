"""Questions about stories: what is read, what is gold, what the model may see, and how its hops are scored."""

import io
import tarfile
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from xattn.config import DocQA, Experiment, Model, Optimizer, Training
from xattn.data.benchmarks import stories
from xattn.errors import ConfigError, UserError
from xattn.runs import folder as runs
from xattn.tasks.array_evaluation import knock_out, measure, pointing
from xattn.tasks.docqa import DocQATask

SETTINGS = DocQA(sentences=7, told=(5, 7), train_examples=23, held_out_examples=8)
SMALL = Experiment(
    task=SETTINGS,
    model=Model(width=12, heads=2, layers=2, mlp=17, dropout=0.0),
    optimizer=Optimizer(warmup=0),
    training=Training(steps=5, batch_tokens=5 * 15),
)

TRAIN = """\
1 Mary moved to the hall.
2 John went to the bathroom.
3 Where is Mary? \thall\t1
1 John got the milk.
2 John went to the hall.
3 Mary got up.
4 Where is the milk? \thall\t1 2
5 Mary moved to the bathroom.
6 Where is the milk? \thall\t1 2
1 Mary went to the bathroom.
2 Where is Mary? \tbathroom\t1
"""
TEST = """\
1 John got the milk.
2 John moved to the bathroom.
3 Mary went to the hall.
4 Where is the milk? \tbathroom\t1 2
"""


def make(folder, **changes):
    return DocQATask(runs.create(folder, replace(SMALL, **changes)), Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make(tmp_path_factory.mktemp("stories") / "run")


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "tasks.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for part, text in {"train": TRAIN, "test": TEST}.items():
            info = tarfile.TarInfo(f"en-10k/qa2_two_{part}.txt")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def _babi(archive, folder, **changes):
    few = {"corpus": str(archive), "tasks": (2,), "sentences": 3, "held_out_examples": 2}
    return make(folder, task=replace(SETTINGS, **few | changes), model=replace(SMALL.model, layers=1))


def test_a_story_stands_at_the_end_of_its_slots_and_its_facts_with_it(archive, tmp_path):
    """Slot 3 is the latest sentence, whatever the length of the story; what is before the first slot is cut off."""
    task = _babi(archive, tmp_path / "run")
    train, validation, test = (task.examples(split) for split in ("train", "validation", "test"))
    # Validation is two questions of the training file at least, in whole stories from its end.
    assert (len(train.answer), len(validation.answer), len(test.answer)) == (1, 3, 1)
    np.testing.assert_array_equal(train.facts, [[2]])
    assert (train.story[0, 0] == 0).all()
    np.testing.assert_array_equal(validation.facts, [[1, 2], [0, 1], [3, 0]])
    np.testing.assert_array_equal(test.facts, [[1, 2]])
    one = jax.tree.map(lambda x: x[1], validation)
    sentences = ["john went to the hall", "mary got up", "mary moved to the bathroom"]
    assert task.labels(one) == (sentences, ["where is the milk?"])
    answers = task.vocabulary.answers
    assert [answers[place] for place in (*validation.answer, *test.answer)] == ["hall", "hall", "bathroom", "bathroom"]
    np.testing.assert_array_equal(
        task.gold(validation), [[[True, True, False]], [[True, False, False]], [[False, False, True]]]
    )
    assert task.split_metrics(None, "validation") == {"facts_cut_off": pytest.approx(1 / 5)}  # of one layer: no hops
    # The constant answer, and the latest sentence with a shared word, by hand.
    assert task.baselines("validation") == {
        "commonest answer": {"accuracy": pytest.approx(2 / 3)},
        "latest sentence with a word of the question": {"pointing": pytest.approx(2 / 3)},
    }


def test_splits_have_kinds(task):
    kinds = [task.examples(f"test_{kind}") for kind in ("person", "object", "before", "giver")]
    assert [len(each.answer) for each in kinds] == [2] * 4
    whole = task.examples("test")
    np.testing.assert_array_equal(whole.answer, np.concatenate([each.answer for each in kinds]))
    assert [(each.facts > 0).any(axis=0).sum() for each in kinds] == [1, 2, 3, 1]
    with pytest.raises(ConfigError, match=r"no split 'test_qa1': there are train, .* test_person \(person, object"):
        task.examples("test_qa1")


def test_a_split_that_is_not_there_and_a_corpus_that_is_not_named_are_found_before_training(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="There is no split 'nosuch'"):
        make(tmp_path / "run", task=replace(SETTINGS, test=("test", "nosuch")))
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(UserError, match="the environment variable NOWHERE, which is not set: export NOWHERE=FOLDER"):
        make(tmp_path / "other", task=replace(SETTINGS, corpus="$NOWHERE/babi.tar.gz", tasks=(1,)))


@pytest.mark.parametrize("told", [(2, 2), (2, 3), (1, 5), (5, 4)])
def test_stories_that_are_too_short_for_a_question_are_refused(told):
    """Four sentences are the shortest story in which somebody is given something; in three, drawing never ends."""
    with pytest.raises(ConfigError, match=r"task\.told is two numbers of sentences"):
        replace(SETTINGS, told=told)
    for split in ("train", "validation", "test"):
        question = stories.draw(0, split, 0, "giver", replace(SETTINGS, told=(2, 4)).told)
        assert len(question.story) >= 4


def test_the_archive_is_part_of_a_run(archive, task, tmp_path):
    assert DocQATask.sources(task.config) == {}  # generated: the config says all
    config = _babi(archive, tmp_path / "run").config
    before = DocQATask.sources(config)
    archive.write_bytes(b"another archive")
    assert before.keys() == DocQATask.sources(config).keys() == {"tasks.tar.gz"}
    assert before != DocQATask.sources(config)
    archive.unlink()
    with pytest.raises(UserError, match=r"There is no file .*tasks\.tar\.gz"):
        DocQATask.sources(config)


def test_words_and_answers_that_were_not_trained_are_explained(archive, tmp_path):
    task = _babi(archive, tmp_path / "run")
    (question,) = task.asked("test", "qa2")
    for changed, message in [
        (question._replace(words=("where", "is", "the", "piano")), "'where is the piano' is longer than .* not there"),
        (question._replace(answer="cellar"), "The answer 'cellar' to 'where is the milk' is none of training"),
    ]:
        with pytest.raises(UserError, match=message):
            task.vocabulary.read([changed], 3)
    with pytest.raises(ConfigError, match=r"task.held_out_examples \(4\) must be below the 4 questions of qa2"):
        _babi(archive, tmp_path / "none left", held_out_examples=4)
    with pytest.raises(ConfigError, match=r"task.tasks are bAbI's, and task.corpus is 'generated'"):
        make(tmp_path / "other", task=replace(SETTINGS, tasks=(1,)))


def test_what_is_hidden_is_read_by_no_way(task):
    """Other words in a hidden sentence change nothing, and in one that is seen they do."""
    params = task.parameters()
    story, question, _, facts = task.examples("test_object")
    slot = int(facts[0, 0]) - 1
    told = np.repeat(story[:1], 2, axis=0)
    told[1, slot] = told[1, slot][::-1]
    hide = np.broadcast_to(np.arange(7) == slot, (2, 1, 7))

    @jax.jit
    def read(params, hide):
        return nnx.merge(task.graph, params)(jnp.asarray(told), jnp.asarray(question[[0, 0]]), None, hide)[:2]

    (seen, _), (hidden, weights) = read(params, None), read(params, hide)
    assert not np.allclose(seen[0], seen[1], atol=1e-3)
    np.testing.assert_allclose(hidden[0], hidden[1], rtol=1e-6)
    assert np.asarray(weights)[..., slot].max() == 0


def test_a_slot_without_words_is_not_seen(task):
    outcome = task.apply(task.parameters(), batch := task.batches("test")[0], None)
    seen, weights = np.asarray(outcome.visible), np.asarray(outcome.weights)
    np.testing.assert_array_equal(seen, (np.asarray(batch.examples.story) > 0).any(axis=-1))
    assert not (weights * ~seen[None, :, None, None]).any()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)


def test_what_is_scored(task):
    params = task.parameters()
    assert pointing(task, params, "test").rows == 8
    row = measure(task, params, "test_object", None)
    assert {"accuracy", "two_hops", "two_hops_contrary", "two_hops_chance", "facts_cut_off"} <= row.keys()
    real = (task.examples("test_object").story > 0).any(axis=-1).sum(axis=-1)
    whole = (task.examples("test_object").facts > 0)[:, :2].all(axis=-1)
    assert row["two_hops_chance"] == pytest.approx((1 / real[whole] ** 2).mean(), abs=1e-4)
    assert "two_hops" not in task.split_metrics(params, "test_person")  # has one fact
    knocked = knock_out(task, params, "test")
    assert knocked["whole"] == pytest.approx(measure(task, params, "test", None)["accuracy"], abs=1e-4)


def test_a_memory_without_sentences_is_scored_without_hops(tmp_path):
    task = make(tmp_path / "run", model=replace(SMALL.model, memory="mean"))
    row = measure(task, task.parameters(), "test_object", None)
    assert "two_hops" not in row
    assert "facts_cut_off" in row
    assert task.example_map(task.parameters(), "test", 0).weights.shape == (2, 2, 1, 1)
