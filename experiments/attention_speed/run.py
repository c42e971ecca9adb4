"""How fast attention runs beside other people's: wall-clock ratios, all sides in turn in one go.

    pip install -e '.[bench]'
    python experiments/attention_speed/run.py

Adds its measurements, under the version of JAX, to results.json beside this file. Confined to one core
(`taskset -c 0 python ...`) it counts CPU time instead, which other work on the machine disturbs less.
"""

import os

# PyTorch's threads must not spin while JAX is timed.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx

from xattn.attention import cross_attention, explain
from xattn.attention.tiles import cores
from xattn.runs.environment import environment
from xattn.runs.results import read_measurements, write_measurements

HERE = Path(__file__).parent
ROUNDS = 9 if cores() > 1 else 3
AT_LEAST = 0.15 if cores() > 1 else 0.04  # seconds a side and round
CLOCK = time.perf_counter if cores() > 1 else time.process_time

# (batch, queries, keys, heads, width of a head)
SHAPES = [
    (1, 2048, 2048, 8, 64),
    (1, 512, 8192, 8, 64),
    (1, 4096, 4096, 8, 64),
    (1, 64, 8192, 8, 64),
    (1, 8192, 64, 8, 64),
    (64, 64, 512, 8, 64),
    (64, 512, 64, 8, 64),
    (64, 128, 128, 8, 64),
    (88, 24, 24, 8, 64),
    (88, 24, 27, 8, 32),
    (1, 24, 24, 8, 64),
]


def jax_sides(q: jax.Array, k: jax.Array, v: jax.Array, backward: bool) -> dict[str, Callable[[], object]]:
    """Compiled calls by name."""
    functions = {
        "xattn": cross_attention,
        "jax.nn": jax.nn.dot_product_attention,
        "nnx": nnx.dot_product_attention,
    }
    sides = {}
    for name, function in functions.items():
        if backward:
            # The output has a gradient of its own everywhere: no product can be left out.
            step = jax.jit(lambda q, k, v, function=function: jax.vjp(function, q, k, v)[1](jnp.flip(q, 0)))
        else:
            step = jax.jit(function)
        sides[name] = lambda step=step: jax.block_until_ready(step(q, k, v))
    return sides


def torch_side(q: jax.Array, k: jax.Array, v: jax.Array, backward: bool) -> Callable[[], object]:
    """PyTorch's call, on the same arrays in its layout [B,N,T,H]."""
    q_t, k_t, v_t = tensors = [
        torch.from_numpy(np.swapaxes(np.array(x), 1, 2).copy()).requires_grad_(backward) for x in (q, k, v)
    ]
    attend = torch.nn.functional.scaled_dot_product_attention
    if not backward:
        return lambda: attend(q_t, k_t, v_t)
    d_out = q_t.detach().flip(0)
    return lambda: torch.autograd.grad(attend(q_t, k_t, v_t), tensors, d_out)


def timed(run: Callable[[], object]) -> float:
    """Seconds a call: the best of as many as fill the round."""
    best, began = float("inf"), CLOCK()
    while CLOCK() - began < AT_LEAST or best == float("inf"):
        start = CLOCK()
        run()
        best = min(best, CLOCK() - start)
    return best


def measure(shape: tuple[int, ...], backward: bool) -> dict:
    """Medians over the rounds: milliseconds of every side, ratios to it, and the share of the matmul ceiling."""
    batch, queries, keys, heads, width = shape
    rng = np.random.default_rng(0)
    q = jnp.asarray(rng.normal(size=(batch, queries, heads, width)), jnp.float32)
    k, v = (jnp.asarray(rng.normal(size=(batch, keys, heads, width)), jnp.float32) for _ in range(2))
    square = jnp.ones((2048, 2048))
    product = jax.jit(lambda a: a @ a)
    sides = jax_sides(q, k, v, backward) | {"PyTorch": torch_side(q, k, v, backward)}
    sides["product"] = lambda: jax.block_until_ready(product(square))
    for run in sides.values():
        run()
    rounds = [{name: timed(run) for name, run in sides.items()} for _ in range(ROUNDS)]
    # Forward two products; backward the scores once more, and four.
    operations = 2 * (7 if backward else 2) * batch * heads * queries * keys * width

    def median(value: Callable[[dict[str, float]], float]) -> float:
        return float(f"{statistics.median(map(value, rounds)):.4g}")

    others = [name for name in sides if name not in ("xattn", "product")]
    return {
        "milliseconds": {name: median(lambda row, name=name: row[name] * 1e3) for name in ("xattn", *others)},
        "time over": {name: median(lambda row, name=name: row["xattn"] / row[name]) for name in others},
        "share of ceiling": median(lambda row: operations / row["xattn"] / (2 * 2048**3 / row["product"])),
        "ceiling, GFLOP/s": median(lambda row: 2 * 2048**3 / row["product"] / 1e9),
    }


if __name__ == "__main__":
    command = "python experiments/attention_speed/run.py"
    here = environment() | {"command": command, "torch": torch.__version__, "cores": cores(), "clock": CLOCK.__name__}
    file = HERE / "results.json"
    key = f"jax {jax.__version__}" + (", one core" if cores() == 1 else "")
    rows = {}
    for shape in SHAPES:
        batch, queries, keys, heads, width = shape
        q, k = (jax.ShapeDtypeStruct((batch, size, heads, width), jnp.float32) for size in (queries, keys))
        text = {}
        jax.eval_shape(lambda q, k, text=text: text.update(said=explain(q, k, k)), q, k)
        chosen = next(line.split(":")[0] for line in text["said"].splitlines() if ": runs" in line)
        name = f"{batch} x {queries} x {keys}, {heads} heads of {width}"
        rows[name] = {"auto": chosen}
        for backward in (False, True):
            part = "forward + backward" if backward else "forward"
            row = rows[name][part] = measure(shape, backward)
            ratios = "  ".join(f"{ratio:.2f} of {other}" for other, ratio in row["time over"].items())
            took, share = row["milliseconds"]["xattn"], row["share of ceiling"]
            print(f"{name:34} {chosen:8} {part:18} {took:8.2f} ms  {ratios}  {share:.0%} of ceiling", flush=True)
        # After every shape: a measurement that is stopped keeps what it has.
        results = read_measurements(file)
        write_measurements(file, results | {key: {"environment": here, "shapes": rows}})
