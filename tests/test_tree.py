"""The tree stays one in which a stranger finds the right file: small files, small folders."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = [ROOT / name for name in ("backends", "shim", "compat", "tests", "benchmarks", "examples")]
PRODUCT = [ROOT / name for name in ("backends", "shim", "compat")]
MAX_LINES = 350
MAX_FILES = 16
FACES = ROOT / "compat" / "onehttp_compat"
"""Has a file more for each legacy module: the names that scripts import."""
MAX_FACES = 20
AT_THE_DOOR = {
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "THREAT_MODEL.md", "LICENSE"),
    *("Makefile", "pyproject.toml", "hatch_build.py", "mkdocs.yml"),
    *(".editorconfig", ".gitignore", ".pre-commit-config.yaml"),
}
AS_PEOPLE_WRITE_THEM = [ROOT / "tests" / "compat" / "script" / "scripts"]
"""Scripts of others, one a file: nobody looks for anything there."""


def modules(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*.py")
        if "__pycache__" not in path.parts and path.parent not in AS_PEOPLE_WRITE_THEM
    ]


@pytest.mark.parametrize("folder", ROOMS, ids=lambda path: path.name)
def test_no_file_is_long(folder: Path) -> None:
    lengths = {path: len(path.read_bytes().splitlines()) for path in modules(folder)}
    assert {path: n for path, n in lengths.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("folder", ROOMS, ids=lambda path: path.name)
def test_no_folder_holds_many_files(folder: Path) -> None:
    counts = Counter(path.parent for path in modules(folder))
    limits = {FACES: MAX_FACES}
    assert {path: n for path, n in counts.items() if n > limits.get(path, MAX_FILES)} == {}


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md"])
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    named = set(re.findall(r"\b\w+\.py\b", (ROOT / page).read_text()))
    found = {path.name for room in [*ROOMS, ROOT / "scripts"] for path in room.rglob("*.py")}
    assert named - found - {path.name for path in ROOT.glob("*.py")} == set()


def test_a_file_that_several_folders_have_is_named_beside_its_folder() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    missing = set()
    for section in page.split("\n## "):
        for name in re.findall(r"`(?:[\w-]+/)*([\w-]+\.py)`", section):
            found = [path.parent.name for room in PRODUCT for path in room.rglob(name)]
            if len(found) > 1 and not any(re.search(rf"\b{each}\b", section) for each in found):
                missing.add((section.partition("\n")[0], name))
    assert missing == set()


@pytest.mark.parametrize("folder", PRODUCT, ids=lambda path: path.name)
def test_the_files_that_a_docstring_names_are_there(folder: Path) -> None:
    files = [str(path) for room in PRODUCT for path in room.rglob("*.py")]
    missing = set()
    for path in modules(folder):
        for named in re.findall(
            r"`([\w/-]+\.py)`", ast.get_docstring(ast.parse(path.read_text())) or ""
        ):
            is_beside = (path.parent / named).exists() or (ROOT / named).exists()
            if not (is_beside or ("/" in named and any(f.endswith(f"/{named}") for f in files))):
                missing.add((str(path.relative_to(ROOT)), named))
    assert missing == set()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_nothing_was_left_at_the_door() -> None:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--", ":(glob)*"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(listed.stdout.split()) == AT_THE_DOOR


ON_TWO_LAYERS = {"Call", "Progress", "Transfer", "XcapClient"}
"""Names of public classes that a class of another layer has, too."""


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in (path for folder in PRODUCT for path in modules(folder)):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                places.setdefault(node.name, []).append(place)
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if name not in ON_TWO_LAYERS} == {}


SILENCED = re.compile(r"# (?:noqa|(?:type|pyright): ignore)(?:: [A-Z0-9, ]+|\[[^]]+\])?(.*)")


@pytest.mark.parametrize("folder", PRODUCT, ids=lambda path: path.name)
def test_who_silences_a_checker_says_why(folder: Path) -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules(folder)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := SILENCED.search(line)) and not found[1].strip(" -#")
    ]
    assert silent == []


def test_no_context_variable_is_reset_by_a_token() -> None:
    """A handler may raise before there is one: `onehttp_backends.contexts` says what is done."""
    sources = {path: path.read_text() for folder in PRODUCT for path in modules(folder)}
    made = re.compile(r"^(\w+)\b.*= ContextVar\(", re.MULTILINE)
    variables = {name for source in sources.values() for name in made.findall(source)}
    reset = re.compile(rf"\b({'|'.join(variables)})\.reset\(")
    assert [str(path) for path, source in sources.items() if reset.search(source)] == []
