"""How fast `xattn train` trains beside the same model plainly written in PyTorch: tokens a second, in turn in one go.

    pip install -e '.[bench]'
    python experiments/training_speed/run.py

Each side lives in a process of its own, as its user would run it, and waits while the other one is timed. Writes
results.json beside this file.
"""

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from xattn import process
from xattn.config import Experiment, Model
from xattn.runs.environment import environment
from xattn.runs.results import write_measurements

HERE = Path(__file__).parent
ROUNDS = 9
STEPS = 5  # a side and round

VOCABULARY = 6000
SMOOTHING = 0.1
CONFIG = Experiment(model=Model(layers=4, dropout=0.3))
# (sentences, source and target positions): short, middling and long captions, 4,096 positions a batch.
SHAPES = [(170, 12, 12), (128, 16, 16), (64, 32, 32)]


def batch_of(shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """A batch of random pieces; a sentence fills at least three quarters of its row."""
    rows, source, target = shape
    rng = np.random.default_rng(0)

    def mask(length: int) -> np.ndarray:
        return np.arange(length)[None] < rng.integers(length * 3 // 4, length + 1, (rows, 1))

    return {
        "source": rng.integers(4, VOCABULARY, (rows, source)),
        "source_mask": mask(source),
        "target_in": rng.integers(4, VOCABULARY, (rows, target)),
        "target_out": rng.integers(4, VOCABULARY, (rows, target)),
        "target_mask": mask(target),
    }


def xattn_step() -> Callable[[dict], None]:
    """A step as `xattn train` makes it."""
    process.prepare()
    import jax
    from flax import nnx

    from xattn.data.batching import TextBatch
    from xattn.training import devices, optimizer
    from xattn.training.step import make_update, start
    from xattn.translation.loss import loss_of
    from xattn.translation.translator import build

    graph, _ = nnx.split(nnx.eval_shape(lambda: build(CONFIG, VOCABULARY)), nnx.Param)
    params = jax.jit(lambda: nnx.to_pure_dict(nnx.state(build(CONFIG, VOCABULARY), nnx.Param)))()
    tx, placement = optimizer.make(CONFIG), devices.place("single")
    update = placement.compile(
        make_update(lambda params, batch, number: loss_of(CONFIG, nnx.merge(graph, params), batch, number), tx),
        donate=True,
    )
    state = placement.replicate(start(params, tx))

    def step(batch: dict) -> None:
        nonlocal state
        ids = {name: x.astype(np.int32) if x.dtype != bool else x for name, x in batch.items()}
        ids["rows"] = np.arange(len(batch["source"]), dtype=np.uint32)
        state, _ = update(state, TextBatch(**ids))
        jax.block_until_ready(state.params)

    return step


def torch_step() -> Callable[[dict], None]:
    """A step as one would plainly write it in PyTorch."""
    import torch
    from plain_torch import Translation, loss_of

    settings, rates = CONFIG.model, CONFIG.optimizer
    model = Translation(VOCABULARY, settings.width, settings.heads, settings.layers, settings.mlp, settings.dropout)
    adam = torch.optim.AdamW(
        model.parameters(), rates.learning_rate, (rates.beta1, rates.beta2), weight_decay=rates.weight_decay
    )

    def step(batch: dict) -> None:
        adam.zero_grad()
        loss_of(model, {name: torch.from_numpy(x) for name, x in batch.items()}, SMOOTHING).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), rates.clip)
        adam.step()

    return step


def product_step() -> Callable[[dict], None]:
    """A large product of matrices: what the machine can do."""
    import jax
    import jax.numpy as jnp

    square, product = jnp.ones((2048, 2048)), jax.jit(lambda a: a @ a)
    return lambda batch: jax.block_until_ready(product(square))


SIDES = {"xattn": xattn_step, "PyTorch": torch_step, "product": product_step}


def serve(name: str) -> None:
    """Reads shapes, one a line, and answers each with the seconds of a step: the mean of a few."""
    step = SIDES[name]()
    print("ready", flush=True)
    for line in sys.stdin:
        batch = batch_of(json.loads(line))
        step(batch)  # compiled, and in the cache
        began = time.perf_counter()
        for _ in range(STEPS):
            step(batch)
        print((time.perf_counter() - began) / STEPS, flush=True)


class Side:
    """A side in its own process."""

    def __init__(self, name: str):
        command = [sys.executable, __file__, name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.ask, self.answer = self.process.stdin, self.process.stdout
        assert self.answer.readline() == "ready\n"

    def seconds(self, shape: tuple[int, int, int]) -> float:
        """Seconds a step."""
        print(json.dumps(shape), file=self.ask, flush=True)
        return float(self.answer.readline())


def operations(shape: tuple[int, int, int]) -> int:
    """Floating-point operations of a step's matrix products: forward, and twice that backward."""
    rows, source, target = shape
    width, mlp, layers = CONFIG.model.width, CONFIG.model.mlp, CONFIG.model.layers
    square, hidden = width * width, 2 * width * mlp
    encoder = rows * source * layers * (4 * square + hidden + 2 * source * width)
    # Keys and values of the cross-attention are made from source positions.
    decoder = rows * layers * (target * (6 * square + hidden + 2 * (target + source) * width) + source * 2 * square)
    return 6 * (encoder + decoder + rows * target * width * VOCABULARY)


def measure(shape: tuple[int, int, int], sides: dict[str, Side]) -> dict:
    """Medians over rounds in which every side has its turn."""
    for side in sides.values():
        side.seconds(shape)
    rounds = [{name: side.seconds(shape) for name, side in sides.items()} for _ in range(ROUNDS)]
    tokens, ceiling = int(batch_of(shape)["target_mask"].sum()), 2 * 2048**3

    def median(value: Callable[[dict[str, float]], float]) -> float:
        return float(f"{statistics.median(map(value, rounds)):.4g}")

    def both(value: Callable[[dict[str, float], str], float]) -> dict[str, float]:
        return {name: median(lambda row, name=name: value(row, name)) for name in ("xattn", "PyTorch")}

    return {
        "milliseconds": both(lambda row, name: row[name] * 1e3),
        "target tokens a second": both(lambda row, name: tokens / row[name]),
        "ratio": median(lambda row: row["PyTorch"] / row["xattn"]),
        "share of ceiling": both(lambda row, name: operations(shape) / row[name] / (ceiling / row["product"])),
        "ceiling, GFLOP/s": median(lambda row: ceiling / row["product"] / 1e9),
    }


def main() -> None:
    """Measures all shapes."""
    here = environment() | {
        "command": "python experiments/training_speed/run.py",
        "torch": importlib.metadata.version("torch"),
        "cores": os.cpu_count(),
    }
    sides, rows = {name: Side(name) for name in SIDES}, {}
    for shape in SHAPES:
        row = rows[" x ".join(map(str, shape))] = measure(shape, sides)
        print(shape, json.dumps(row), flush=True)
    write_measurements(HERE / "results.json", {"environment": here, "shapes": rows})


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else serve(sys.argv[1])
