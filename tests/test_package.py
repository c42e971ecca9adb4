"""What a user of the installed package meets first: the names of `xattn`, its types, and its configs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import xattn
from xattn import cli
from xattn.config import packaged
from xattn.config.files import load
from xattn.errors import ConfigError

CONFIGS = Path(__file__).parents[1] / "configs"


def test_importing_xattn_loads_no_other_module_of_ours_and_no_jax():
    code = """
import sys
before = set(sys.modules)
import xattn
new = set(sys.modules) - before
print(len(new), *sorted(name for name in new if name.split(".")[0] in ("jax", "numpy", "flax") or "xattn." in name))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found[1:] == []
    assert int(found[0]) < 20


@pytest.mark.parametrize("name", xattn.__all__)
def test_every_public_name_is_there(name):
    assert getattr(xattn, name) is not None
    assert name in dir(xattn)
    assert name == "__version__" or getattr(xattn, name).__name__ == name


def test_the_names_that_type_checkers_see_are_the_names_that_there_are():
    tree = ast.parse(Path(xattn.__file__).read_text())
    (checked,) = [each for each in tree.body if isinstance(each, ast.If)]
    seen = {
        alias.name: each.module for each in checked.body if isinstance(each, ast.ImportFrom) for alias in each.names
    }
    assert seen == xattn._MODULES
    assert {*seen, "__version__"} == set(xattn.__all__)
    assert Path(xattn.__file__).with_name("py.typed").is_file()


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(AttributeError, match=r"no attribute 'cross_atention'\. Did you mean cross_attention\?"):
        xattn.cross_atention  # noqa: B018  # pyright: ignore
    assert not hasattr(xattn, "__wrapped__")


def test_a_packaged_config_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert packaged.find("toy_en_fr").samefile(CONFIGS / "toy_en_fr.py")
    assert load("toy_en_fr", ["--seed", "3"]) == load(CONFIGS / "toy_en_fr.py", ["--seed", "3"])
    with pytest.raises(ConfigError, match=r"There is no config toy_en_f.*Did you mean toy_en_fr\?"):
        load("toy_en_f")
    with pytest.raises(ConfigError, match=r"There is no config file configs/toy_en_fr\.py\. Did you mean toy_en_fr\?"):
        load("configs/toy_en_fr.py")


def test_a_file_is_meant_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "toy_en_fr.py"
    mine.write_text("from xattn.config import Experiment\nconfig = Experiment(seed=5)\n")
    assert load("toy_en_fr.py").seed == 5
    assert load("toy_en_fr").seed == 0


def test_configs_lists_every_config_with_the_first_line_of_its_record(capsys):
    assert cli.main(["configs"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines.keys() == {path.stem for path in CONFIGS.glob("*.py")}
    assert lines["toy_en_fr"] == (CONFIGS / "toy_en_fr.py").read_text().splitlines()[0].removeprefix('"""')
