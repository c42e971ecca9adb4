"""What decides the numbers of a run besides its config: versions, devices and the state of the source code."""

import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any


def environment() -> dict[str, Any]:
    """What decides numbers besides the config: versions, device and the state of the source code."""
    import jax

    packages = ("xattn", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "sentencepiece")
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "devices": [device.device_kind for device in jax.devices()],
        "git": _git_state(),
        "command": " ".join(["xattn", *sys.argv[1:]]),
    }


def _git_state() -> str | None:
    """The commit of the source, with a mark where it was changed since; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
