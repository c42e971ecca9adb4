"""The folder configs/ is at the top of the repository; an installed package has it as xattn/configs.

Everything else about the package is in pyproject.toml, which cannot add one package to those that are found.
"""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["xattn", "xattn.*"]), "xattn.configs"],
    package_dir={"xattn.configs": "configs"},
)
