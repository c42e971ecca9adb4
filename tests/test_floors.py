"""The floors of the house: who may import whom, and that nothing imports in a circle."""

import subprocess
import sys
from pathlib import Path

import grimp
import networkx
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def graph():
    """Every import inside xattn, those of functions too, without those of type checkers alone."""
    return grimp.build_graph("xattn", exclude_type_checking_imports=True, cache_dir=None)


def test_no_file_imports_itself_in_a_circle(graph):
    imports = networkx.DiGraph(
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    )
    assert imports.number_of_edges() > 500
    assert [sorted(each) for each in networkx.strongly_connected_components(imports) if len(each) > 1] == []


def test_the_contracts_of_pyproject_are_kept():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    found = subprocess.run([*command, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert ", 0 broken" in found.stdout


def test_configs_are_read_without_jax():
    """Every config imports only xattn.config, and that imports nothing heavy."""
    code = """
import runpy, sys
for path in sys.argv[1:]:
    runpy.run_path(path)
ours = {name.split(".")[1] for name in sys.modules if name.startswith("xattn.")}
print(*sorted(ours - {"config", "errors"}), *sorted({"jax", "flax", "numpy", "tyro"} & sys.modules.keys()))
"""
    paths = sorted(map(str, ROOT.glob("configs/*.py")))
    assert len(paths) > 9
    found = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
