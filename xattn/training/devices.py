"""Placement of training: on one device, by a sharded `jit`, or by `pmap`. Only this file knows the difference.

The functions that are compiled take `(state, batch, axis)`, where `axis` names a mapped device axis or is `None`.
All three placements give the same numbers, up to the order of additions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

AXIS = "data"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How state and batches are placed on devices, and how a function of them is compiled."""

    devices: int
    """The number of devices; the rows of a batch must be a multiple of it."""
    replicate: Callable[[Any], Any]
    """Copies a state to every device."""
    outline: Callable[[Any], Any]
    """The shapes of a replicated state, from a state or its shapes."""
    cut: Callable[[Any], Any]
    """Cuts a batch by rows over the devices."""
    compile: Callable[..., Any]
    """`compile(function, donate=False)` returns a compiled function with `lower`, like `jax.jit`. The memory of a
    donated state is reused, so that the state cannot be used again."""
    fetch: Callable[[Any], Any]
    """Brings a replicated value back, as NumPy arrays."""


def _shapes(state: Any) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), state)


def single() -> Placement:
    """The first device alone."""
    return Placement(
        devices=1,
        replicate=jax.device_put,
        outline=_shapes,
        cut=lambda batch: batch,
        compile=lambda function, donate=False: jax.jit(
            lambda state, batch: function(state, batch, None), donate_argnums=0 if donate else ()
        ),
        fetch=jax.device_get,
    )


def sharded_jit() -> Placement:
    """All devices of a mesh: the batch is sharded by rows, and the compiler inserts the sums over devices."""
    # Auto axes: the compiler chooses the shardings, so model code has none.
    mesh = jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))
    everywhere, by_rows = NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec(AXIS))
    return Placement(
        devices=jax.device_count(),
        replicate=lambda state: jax.device_put(state, everywhere),
        outline=_shapes,
        cut=lambda batch: jax.tree.map(
            # Works for several processes too: each process makes the rows of its own devices.
            lambda x: jax.make_array_from_callback(x.shape, by_rows, lambda index: x[index]),
            batch,
        ),
        compile=lambda function, donate=False: jax.jit(
            lambda state, batch: function(state, batch, None),
            in_shardings=(everywhere, by_rows),
            out_shardings=everywhere,
            donate_argnums=0 if donate else (),
        ),
        fetch=jax.device_get,
    )


def mapped() -> Placement:
    """All local devices through `pmap`: each runs the function on its rows, and they add across `axis`."""
    devices = jax.local_device_count()

    def cut(batch: Any) -> Any:
        return jax.tree.map(lambda x: x.reshape(devices, x.shape[0] // devices, *x.shape[1:]), batch)

    return Placement(
        devices=devices,
        replicate=lambda state: jax.tree.map(lambda x: np.broadcast_to(np.asarray(x), (devices, *np.shape(x))), state),
        outline=lambda state: jax.tree.map(lambda x: jax.ShapeDtypeStruct((devices, *x.shape), x.dtype), state),
        cut=cut,
        compile=lambda function, donate=False: jax.pmap(
            lambda state, batch: function(state, batch, AXIS),
            axis_name=AXIS,
            donate_argnums=0 if donate else (),
        ),
        fetch=lambda value: jax.device_get(jax.tree.map(lambda x: x[0], value)),
    )


STRATEGIES = {"single": single, "jit": sharded_jit, "pmap": mapped}


def place(strategy: Literal["single", "jit", "pmap"]) -> Placement:
    """The placement that a config names."""
    return STRATEGIES[strategy]()
