"""How a command sets its process up, so that compiled programs run at full speed."""

import ctypes
import os
from pathlib import Path

# A compiled program that XLA finds in its cache, made on this very machine, is reported as a pile of errors, because
# it notes preferences of its compiler ("+prefer-no-gather") as features that the processor lacks.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Parameters of mallopt, from glibc's malloc.h.
TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8


def prepare() -> None:
    """Keeps what the process frees, and what JAX compiles. To be called before JAX runs anything."""
    keep_freed_memory()
    remember_compilations()


def keep_freed_memory() -> None:
    """Makes malloc keep large blocks that are freed, instead of giving them back to the system.

    XLA on a CPU allocates its temporary buffers anew in every step. As fresh pages, which the system must find and
    clear, they took a quarter of all processor time in training. Only glibc is asked; other allocators differ.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    # One arena, because those of threads cannot grow beyond 64 MiB and would map what is larger.
    for parameter, value in ((ARENA_MAX, 1), (MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1)):
        mallopt(parameter, value)


def remember_compilations() -> None:
    """Compiled programs are kept, so that a second run starts at once. The user's own JAX settings win."""
    import jax

    if jax.config.jax_compilation_cache_dir is None:  # pyright: ignore[reportAttributeAccessIssue]
        jax.config.update("jax_compilation_cache_dir", str(Path("~/.cache/xattn/compiled").expanduser()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
