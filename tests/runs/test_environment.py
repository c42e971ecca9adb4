"""What a run records of its environment."""

import re
import subprocess

import xattn
from xattn.runs import environment


def test_an_environment_names_versions_and_the_commit():
    found = environment.environment()
    assert found["packages"]["xattn"] == xattn.__version__
    assert found["packages"].keys() >= {"jax", "flax", "numpy"}
    assert found["git"] is None or re.fullmatch(r"[0-9a-f]{12}(-dirty)?", found["git"])


def test_the_commit_of_another_repository_is_not_recorded(tmp_path, monkeypatch):
    """An installed package in the virtual environment of somebody's project."""
    source = tmp_path / "site-packages" / "environment.py"
    source.parent.mkdir()
    source.touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "Theirs"], check=True)
    monkeypatch.setattr(environment, "__file__", str(source))
    assert environment._git_state() is None
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Ours"], check=True)
    assert re.fullmatch(r"[0-9a-f]{12}", environment._git_state() or "")
