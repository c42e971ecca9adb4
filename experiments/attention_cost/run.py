"""What attention costs as its sizes grow, from the compiler's own accounts: nothing is run.

    python experiments/attention_cost/run.py

Writes results.json and cost.png beside this file.
"""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxprs_in_params

from xattn.attention import cross_attention
from xattn.runs.environment import environment
from xattn.runs.results import write_measurements
from xattn.viewing.curves import growth
from xattn.viewing.figures import render

HERE = Path(__file__).parent
HEADS = 8
SIZES = [512, 1024, 2048, 4096, 8192]
WIDTHS = [32, 64, 128, 256]

FUNCTIONS = {
    "dense": lambda q, k, v: cross_attention(q, k, v, implementation="dense"),
    "chunked": lambda q, k, v: cross_attention(q, k, v, implementation="chunked"),
    "jax.nn": jax.nn.dot_product_attention,
}


def cost(name: str, queries: int, keys: int, width: int, backward: bool) -> dict[str, float]:
    """Floating-point operations and temporary bytes of a compiled call, batch 1 in float32."""
    run = FUNCTIONS[name]
    function = jax.grad(lambda q, k, v: run(q, k, v).sum(), (0, 1, 2)) if backward else run
    q, k = (jax.ShapeDtypeStruct((1, size, HEADS, width), jnp.float32) for size in (queries, keys))
    lowered = jax.jit(function).lower(q, k, k)
    compiled = lowered.compile()
    counted, memory = lowered.cost_analysis(), compiled.memory_analysis()
    if counted is None or memory is None:
        raise SystemExit(f"The backend {jax.default_backend()} keeps no accounts of its programs; run this on a CPU.")
    # The account of the compiled program skips what it leaves to libraries, and that of the lowered one counts the
    # body of a loop once: loops, which only `chunked` has, are counted by hand.
    flops = products(jax.make_jaxpr(function)(q, k, k).jaxpr) if name == "chunked" else counted["flops"]
    return {"flops": flops, "temporary_bytes": memory.temp_size_in_bytes}


def products(jaxpr: Any) -> int:
    """Floating-point operations of all matrix products, loops unrolled; of branches the dearest."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval.shape
            total += 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[axis] for axis in contracted)
        inner = [products(getattr(each, "jaxpr", each)) for each in jaxprs_in_params(equation.params)]
        if inner:
            times = equation.params["length"] if equation.primitive.name == "scan" else 1
            total += times * (max(inner) if equation.primitive.name == "cond" else sum(inner))
    return total


def exponent(sizes: list[int], values: list[float]) -> float:
    """The slope of log value over log size: by how many powers of the size it grows."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def sweep(name: str, axis: str, backward: bool) -> dict:
    """Costs along one axis, the others fixed."""
    sizes = WIDTHS if axis == "d" else SIZES
    fixed = {"n": 2048, "m": 2048, "d": 64}
    costs = []
    for size in sizes:
        shape = fixed | ({"n": size, "m": size} if axis == "n = m" else {axis: size})
        costs.append(cost(name, shape["n"], shape["m"], shape["d"], backward))
    columns = {key: [each[key] for each in costs] for key in costs[0]}
    row = {"sizes": sizes, **columns, "temporary_bytes_exponent": exponent(sizes, columns["temporary_bytes"])}
    row["flops_exponent"] = exponent(sizes, columns["flops"])
    return row


if __name__ == "__main__":
    results = {
        "environment": environment() | {"command": "python experiments/attention_cost/run.py"},
        "setting": f"batch 1, {HEADS} heads, float32; fixed sizes n = m = 2048, d = 64",
        "sweeps": {},
    }
    for backward in (False, True):
        part = "forward + backward" if backward else "forward"
        results["sweeps"][part] = {
            name: {axis: sweep(name, axis, backward) for axis in ("n", "m", "d", "n = m")} for name in FUNCTIONS
        }
    both = results["sweeps"]["forward + backward"]
    # From 2048 on, where its tiles have their whole size: a constant, and so much for every query and key.
    sizes, found = np.array(SIZES[2:]) * 2, np.array(both["chunked"]["n = m"]["temporary_bytes"][2:])
    slope, constant = np.polyfit(sizes, found, 1)
    error = float(np.abs(constant + slope * sizes - found).max() / found.min())
    results["chunked"] = {"constant_bytes": constant, "bytes_per_n_plus_m": slope, "largest_relative_error": error}
    largest = {name: both[name]["n = m"]["temporary_bytes"][-1] for name in FUNCTIONS}
    results["share_of_jax_nn_at_8192"] = largest["chunked"] / largest["jax.nn"]
    write_measurements(HERE / "results.json", results)

    figure = growth(
        SIZES,
        {name: [x / 2**20 for x in both[name]["n = m"]["temporary_bytes"]] for name in FUNCTIONS},
        size="queries and keys (n = m)",
        cost="temporary memory, MiB",
    )
    (HERE / "cost.png").write_bytes(render(figure, "png"))
    for part, by_name in results["sweeps"].items():
        for name, by_axis in by_name.items():
            text = "  ".join(
                f"{axis}: bytes^{row['temporary_bytes_exponent']:.2f} flops^{row['flops_exponent']:.3f}"
                for axis, row in by_axis.items()
            )
            print(f"{part:18} {name:8} {text}")
    print(f"chunked: {constant / 2**20:.1f} MiB + {slope:,.0f} bytes x (n + m), to {error:.1%}")
    print(f"temporary bytes at 8192 x 8192, forward + backward: {results['share_of_jax_nn_at_8192']:.4f} of jax.nn's")
