"""What decides the numbers of a run besides its config: versions, devices and the state of the source code."""

import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from xattn.version import version


def environment() -> dict[str, Any]:
    """What decides numbers besides the config: versions, device and the state of the source code."""
    import jax

    packages = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "sentencepiece")
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {"xattn": version()} | {name: importlib.metadata.version(name) for name in packages},
        "devices": [device.device_kind for device in jax.devices()],
        "git": _git_state(),
        "command": " ".join(["xattn", *sys.argv[1:]]),
    }


def _git_state() -> str | None:
    """The commit of the source, marked where files have changed since; None outside a checkout of xattn."""
    source = Path(__file__)
    git = ["git", "-C", str(source.parent)]
    # A virtual environment may be inside the repository of another project: the source must be tracked.
    tracked = [*git, "ls-files", "--error-unmatch", source.name]
    command = [*git, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        subprocess.run(tracked, capture_output=True, check=True)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
