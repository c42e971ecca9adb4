"""The version of the package."""

import importlib.metadata


def version() -> str:
    """The installed version; "0+unknown" where only the source is on the path."""
    try:
        return importlib.metadata.version("xattn")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"
