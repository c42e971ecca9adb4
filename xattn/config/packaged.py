"""The configs that come with the package, which the command line knows by their names."""

import ast
from pathlib import Path

from xattn.errors import ConfigError, nearest

_PACKAGE = Path(__file__).parents[1]


def folder() -> Path:
    """The folder of the configs: inside an installed package, or beside the package in a checkout."""
    inside = _PACKAGE / "configs"
    return inside if inside.is_dir() else _PACKAGE.parent / "configs"


def packaged() -> dict[str, str]:
    """The first line of every packaged config's docstring, by the config's name; no config is executed."""
    return {path.stem: _first_line(path) for path in sorted(folder().glob("*.py"))}


def find(config: str | Path) -> Path:
    """The file of a config, given as the path of a Python file or as the name of a packaged config.

    Raises `ConfigError` where there is none, with the nearest that exists.
    """
    path = Path(config)
    if path.suffix == ".py" and path.is_file():
        return path
    names = [each.stem for each in sorted(folder().glob("*.py"))]
    if str(config) in names:
        return folder() / f"{config}.py"
    if path.suffix == ".py":
        files = [str(each) for each in sorted(path.parent.glob("*.py"))]
        near = nearest(str(path), files) if files else nearest(path.stem, names)
        raise ConfigError(f"There is no config file {path}.{near}")
    raise ConfigError(
        f"There is no config {config}, neither as a file nor in the package.{nearest(str(config), names)}"
    )


def _first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return text.splitlines()[0] if text else ""
