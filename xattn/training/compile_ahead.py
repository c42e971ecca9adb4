"""Compiles programs in the background before they are needed, in the order of the batches to come."""

import os
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

import jax

from xattn.training.devices import Placement

# XLA compiles one program on several cores, and the training steps need some too.
MOST_THREADS = 4


class Ahead:
    """Compiles functions of `(state, batch)`, one program for each shape of batch, while other programs run.

    A program that is called before its turn in the queue is compiled by the caller, at once. An error of the compiler
    is raised by the call of its program. Leaving the context waits for the programs that are being compiled (a few
    seconds: XLA cannot be interrupted), and drops those in the queue.
    """

    def __init__(self, placement: Placement) -> None:
        threads = max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compile")
        self._placement = placement
        self._begun: list[Future] = []
        self._closed = False

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    @property
    def waiting(self) -> int:
        """The number of programs that are not compiled yet."""
        return sum(not program.done() for program in self._begun)

    def compile(
        self, function: Callable[..., Any], state: Any, batches: Iterable[Any], *, donate: bool = False
    ) -> Callable[[Any, Any], Any]:
        """`function(state, batch, axis)` as a function of a replicated state and a whole batch.

        `state` holds arrays or their shapes. `batches` have the shapes to come, in their order, with any content.
        Batches of other shapes are compiled when they are called for.
        """
        cut, jitted = self._placement.cut, self._placement.compile(function, donate=donate)
        state = self._placement.outline(state)
        programs: dict[Hashable, Future] = {}

        def build(batch: Any) -> Callable[[Any, Any], Any]:
            lowered = jitted.lower(state, cut(batch))
            if self._closed:
                raise CancelledError
            return lowered.compile()

        def call(state: Any, batch: Any) -> Any:
            key = _shapes(batch)
            # A program that can be cancelled is still in the queue.
            if key not in programs or programs[key].cancel():
                programs[key] = Future()
                programs[key].set_result(build(batch))
            return programs[key].result()(state, cut(batch))

        for batch in batches:
            if (key := _shapes(batch)) not in programs:
                programs[key] = self._pool.submit(build, batch)
        self._begun += programs.values()
        return call


def _shapes(batch: Any) -> Hashable:
    leaves, structure = jax.tree.flatten(batch)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
