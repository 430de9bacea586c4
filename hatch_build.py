"""Compiles the hot modules with mypyc for a wheel, if ONEHTTP_COMPILE=1 asks for it.

Plain Python is the reference: it is what is installed otherwise, anywhere and without a compiler.
The modules to compile are listed in pyproject.toml. Left out are those whose frames are looked at
while they run (``driving/``), those of classes that weak references lead to or that others inherit
from which are not compiled, and those that ask what is given by callers for its type, which a
compiler takes for granted.

Run by itself it says in seconds, without a C compiler, whether mypyc takes them (``make lint``).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("shim", "backends", "compat")


class CompileHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds extension modules beside their sources, which stay in the wheel to be read."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return ["mypy>=1.15", "setuptools"] if _is_asked_for() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not _is_asked_for() or version == "editable":
            return
        # Kept until `finalize`: the wheel is made in between.
        self._folder = Path(tempfile.mkdtemp(prefix="onehttp-compiled-"))
        paths = [_source_of(Path(self.root), name) for name in self.config["modules"]]
        for built in _compiled(Path(self.root), paths, self._folder):
            build_data["force_include"][str(built)] = str(built.relative_to(self._folder / "lib"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if folder := getattr(self, "_folder", None):
            shutil.rmtree(folder)


def _is_asked_for() -> bool:
    return os.environ.get("ONEHTTP_COMPILE") == "1"


def _source_of(root: Path, module: str) -> str:
    inner = Path(*module.split(".")).with_suffix(".py")
    found = [source / inner for source in map(Path, SOURCES) if (root / source / inner).exists()]
    if not found:
        raise FileNotFoundError(f"pyproject.toml: the module {module} to compile is not there")
    return str(found[0])


def _translated(paths: list[str], folder: Path) -> list[Any]:
    """Extensions of setuptools, to be compiled; exits where mypyc refuses."""
    from mypyc.build import mypycify

    # Whatever is installed beside it: wheels are built where none of the dependencies is, and what
    # the other modules lack there is no fault of those that are compiled.
    anywhere = ("--no-site-packages", "--follow-imports=silent")
    return mypycify(
        ["--config-file", "pyproject.toml", *anywhere, *paths],
        group_name="onehttp",
        target_dir=str(folder / "c"),
    )


def _compiled(root: Path, paths: list[str], folder: Path) -> list[Path]:
    from setuptools import Distribution

    before = Path.cwd()
    os.chdir(root)  # the configuration of mypy has paths from here
    try:
        extensions = _translated(paths, folder)
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "temp")
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
    return sorted((folder / "lib").rglob("*.so"))


def _check() -> None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    root = Path(__file__).parent
    os.chdir(root)
    project = tomllib.loads(Path("pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
    with tempfile.TemporaryDirectory() as folder:
        _translated([_source_of(root, name) for name in hook["modules"]], Path(folder))


if __name__ == "__main__":
    _check()
