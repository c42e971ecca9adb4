"""Deferred Ctrl-C and SIGTERM: the loop polls a flag and stops at a safe point."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FIRST = b"\nxattn: stopping after this step, and saving; Ctrl-C once more stops at once, without saving.\n"


class Interruption:
    """A context in which the first signal only sets `asked`; a second one raises `KeyboardInterrupt`, unless `held`.

    An update consumes the state that it replaces, so in the middle of an update there is nothing to save. Outside the
    main thread, where Python delivers no signals, the context changes nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._held = False

    def __enter__(self) -> "Interruption":
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._receive) for each in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """A context that no signal interrupts: for short work, such as writing a checkpoint."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.asked and not self._held:
            raise KeyboardInterrupt
        if not self.asked:
            # Not print: a signal may come in the middle of one, and streams are not re-entrant.
            os.write(2, FIRST)
        self.asked = True
