"""A new modality is one new file: traces of a sensor to the words of its events, which the package knows nothing of."""

import io
import json
import zlib
from dataclasses import replace
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rich.console import Console

from xattn import cli, config, tasks
from xattn.alignment.layouts import Time
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.encoders.text import TextEncoder
from xattn.nn.memory_transforms import MemoryTransform
from xattn.runs.folder import open_run
from xattn.tasks.array_task import ArrayTask, Outcome
from xattn.training.losses import cross_entropy, sum_of

# From here to the next comment is the file that a new modality takes.
SHAPES = {
    "spike": np.bartlett(9),
    "dip": -np.bartlett(9),
    "step": np.ones(9),
    "wave": np.sin(np.linspace(0, 4 * np.pi, 9)),
}
EVENTS, PART, FRAME, RATE = 3, 24, 3, 30  # events of a trace, samples for each, samples of a frame and of a second


class Examples(NamedTuple):
    trace: np.ndarray  # [E, samples]
    starts: np.ndarray  # [E, T]: the first sample of every event
    kinds: np.ndarray  # [E, T]


class Sensor(nnx.Module):
    def __init__(self, model, rngs):
        dims, width = Dimensions.of(model), model.width
        normal = nnx.initializers.normal(0.5)
        self.frames = nnx.Linear(FRAME, width, rngs=rngs)
        self.places = nnx.Param(normal(rngs.params(), (EVENTS * PART // FRAME, width)))
        self.queries = nnx.Param(normal(rngs.params(), (EVENTS, width)))
        self.encoder = TextEncoder(replace(dims, layers=1), rngs=rngs)
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)
        self.decoder = CrossDecoder(dims, rngs=rngs)
        self.head = nnx.Linear(width, len(SHAPES), rngs=rngs)

    def __call__(self, trace, real, dropout_key, hide):
        x_BSD = self.frames(trace.reshape(len(trace), -1, FRAME)) + self.places[...][None]
        memory = self.encoder(
            x_BSD, jnp.broadcast_to(real[:, None], x_BSD.shape[:2]), dropout_key and dropout_key.fold_in(0)
        )
        memory = self.transform(memory, dropout_key and dropout_key.fold_in(1))
        queries = jnp.broadcast_to(self.queries[...], (len(trace), *self.queries.shape))
        states, weights = self.decoder(queries, memory, dropout_key and dropout_key.fold_in(2), hide)
        return self.head(states), weights, memory.mask


@config.settings("task")
class Sensors(config.TaskSettings):
    kind: Literal["sensors"] = "sensors"


class SensorTask(ArrayTask):
    headline, loss_unit = "accuracy", "events"
    positions = EVENTS * PART // FRAME + EVENTS

    def read(self, split):
        size = 2048 if split == "train" else 128
        generator = np.random.default_rng(zlib.crc32(split.encode()))
        starts = PART * np.arange(EVENTS) + generator.integers(PART - 9, size=(size, EVENTS))
        kinds = generator.integers(len(SHAPES), size=(size, EVENTS))
        trace = generator.normal(0, 0.05, (size, EVENTS * PART))
        for place in np.ndindex(size, EVENTS):
            trace[place[0], starts[place] : starts[place] + 9] += [*SHAPES.values()][kinds[place]]
        return Examples(trace.astype(np.float32), starts, kinds.astype(np.int32))

    def build(self, rngs):
        return Sensor(self.config.model, rngs)

    def forward(self, model, batch, dropout_key, hide=None):
        trace, _, kinds = batch.examples
        logits, weights, seen = model(trace, batch.valid, dropout_key, hide)
        counts = jnp.broadcast_to(batch.valid[:, None], kinds.shape)
        sums = {"loss": sum_of(cross_entropy(logits, kinds), counts)}
        return Outcome(sums | {"accuracy": sum_of(logits.argmax(axis=-1) == kinds, counts)}, weights, seen)

    def gold(self, examples):
        begins, starts = FRAME * np.arange(EVENTS * PART // FRAME), np.asarray(examples.starts)[..., None]
        return (begins + FRAME > starts) & (begins < starts + 9)

    def labels(self, examples):
        times = FRAME / RATE * np.arange(EVENTS * PART // FRAME)
        return [f"{each:.1f} s" for each in times], [[*SHAPES][kind] for kind in examples.kinds]

    def layout(self, examples):
        times = FRAME / RATE * np.arange(EVENTS * PART // FRAME)
        return Time(seconds=times, signal=np.asarray(examples.trace)[:, None])

    def baselines(self, split):
        return {"chance": {"accuracy": 1 / len(SHAPES)}}


# All else is what the package does for every row.
CONFIG = '''"""Question: which event is it?"""
from xattn.config import SETTINGS, Experiment, Model, Optimizer, Training
config = Experiment(
    task=SETTINGS["sensors"](),
    model=Model(width=32, heads=2, layers=1, mlp=32, dropout=0.0),
    optimizer=Optimizer(learning_rate=5e-3, warmup=10),
    training=Training(steps=160, batch_tokens=64 * 27, validate_every=80),
)
'''


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensors")
    (folder / "sensors.py").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(config.SETTINGS, "sensors", Sensors)
        patch.setitem(tasks.TASKS, Sensors, SensorTask)
        assert cli.main(["train", str(folder / "sensors.py"), "--run", str(folder / "run")]) == 0
        assert cli.main(["evaluate", str(folder / "run")]) == 0
        yield folder / "run"


def test_it_learns_and_is_scored_as_every_row_is(trained):
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    before, after = (row["loss"] for row in rows if row["split"] == "validation")
    assert after < before
    (found,) = json.loads((trained / "results.json").read_text())["splits"].values()
    assert found["accuracy"] > 0.75  # chance is a quarter
    assert found["baselines"]["chance"]["accuracy"] == 0.25
    # An event is 9 of 72 samples, and touches 3 or 4 of 24 frames.
    assert 3 / 24 < found["pointing"]["chance"] < 4 / 24
    assert found["pointing"]["accuracy"] > 2 * found["pointing"]["chance"]
    assert found["knock_out"]["drop"]["gold"] > found["knock_out"]["drop"]["others"]


def test_it_is_seen_over_time_in_figures_and_in_the_page(trained, tmp_path):
    for format in ("png", "svg", "html"):
        assert cli.main(["view", str(trained), "3", "--format", format, "--output", str(tmp_path / f"x.{format}")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert (trained / "figures" / "example.png").read_bytes().startswith(b"\x89PNG")
    assert b"seconds" in (tmp_path / "x.svg").read_bytes()
    page = (tmp_path / "x.html").read_text()
    assert 'name:"time"' in page
    assert '"traces": [[' in page


def test_its_memory_is_taken_away_by_the_same_flag(trained):
    """Without a memory there is nothing to look at; and what looks at a shuffled one looks at slots, not at moments."""
    run = open_run(trained)
    run = replace(run, config=replace(run.config, model=replace(run.config.model, memory="none")))
    task = SensorTask(run, Console(file=io.StringIO()))
    outcome = task.apply(task.parameters(), task.batches("test")[0], None)
    assert not jax.device_get(outcome.weights).any()
    assert task.example_map(task.parameters(), "test", 0).layout.name == "slots"
