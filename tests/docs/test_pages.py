"""The pages: their links lead somewhere, and what they show as Python runs as a stranger types it.

A block stands alone, or says in its first line that it is ``# continued``. One whose first line is
the name of a file is written under that name, and so is a connections file; what stands further
down on the page is not there yet.
"""

from __future__ import annotations

import gc
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import onehttp
import onehttp.testing.plugin
import onehttp.testing.process_under_test
import onehttp.testing.recording
from onehttp_backends.contract import Request

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUN = ("README.md", *(f"docs/{name}.md" for name in (
    "quickstart", "from-httpx", "asyncio", "errors", "observability", "queues", "services",
    "streaming",
)))  # fmt: skip
ANSWERS_ITSELF = "docs/quickstart.md"
"""Whoever types this page needs no network."""
_fence = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_file = re.compile(r"# (\w+\.\w+)\n").match
_link = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


class Block(NamedTuple):
    """What a page shows."""

    text: str
    place: str
    file: str = ""
    """What it is saved as; what has none is typed."""

    @property
    def is_continued(self) -> bool:
        return self.text.startswith("# continued")

    @property
    def is_for_pytest(self) -> bool:
        return "\ndef test_" in self.text

    @property
    def is_for_kamailio(self) -> bool:
        return self.text.startswith("import KSR\n")  # test_blocks_run.py runs it


def blocks_of(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    found = []
    for match in _fence.finditer(text):
        place = f"{page}:{text[: match.start()].count(chr(10)) + 1}"
        if match[1] == "yaml" and match[2].startswith("version: 1\n"):
            found.append(Block(match[2], place, "connections.yaml"))
        elif match[1] == "python":
            named = _file(match[2])
            found.append(Block(match[2], place, named[1] if named else ""))
    return found


def typed(page: str) -> list[list[Block]]:
    """For each block that stands alone all that is to be done for it and those that continue it."""
    found: list[list[Block]] = []
    files: list[Block] = []
    for block in blocks_of(page):
        if block.file:
            files.append(block)
        elif block.is_continued:
            found[-1].append(block)
        elif not block.is_for_kamailio:
            found.append([*files, block])
    return found


PIECES = [pytest.param(piece, id=piece[-1].place) for page in RUN for piece in typed(page)]


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A process in which nothing was done yet, in an empty folder."""
    onehttp.shutdown()
    before = signal.getsignal(signal.SIGHUP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONEHTTP_QUEUES", f"sqlite://{tmp_path}/queues.db")
    yield monkeypatch
    onehttp.shutdown()
    signal.signal(signal.SIGHUP, before)
    gc.collect()  # what a block has not closed is an error of this test


def answered(stranger: pytest.MonkeyPatch) -> None:
    """Whatever engine a page chooses, no call leaves the process."""
    real = onehttp.init

    def init(*source: Any, **settings: Any) -> None:
        if settings.get("backend") != "httpx":
            settings |= {"backend": "httpx", "handler": answer}
        real(*source, **settings)

    def answer(request: Request) -> Any:
        return (200, '{"user": "alice"}', [("Content-Type", "application/json")])

    stranger.setattr(onehttp, "init", init)


def do(blocks: list[Block], pytester: pytest.Pytester) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        if block.file:
            Path(block.file).write_text(block.text)
        elif block.is_for_pytest:
            pytester.makepyfile(test_block=block.text)
            plain = ("-p", "no:cacheprovider", "-p", "no:asyncio")
            outcomes = pytester.runpytest_inprocess(*plain).parseoutcomes()
            assert outcomes == {"passed": block.text.count("def test_")}
        else:
            exec(compile(block.text, block.place, "exec"), names)


@pytest.mark.parametrize("piece", PIECES)
def test_a_block_runs_alone_or_after_what_it_continues(
    piece: list[Block], stranger: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    if not piece[-1].place.startswith(ANSWERS_ITSELF):
        answered(stranger)
    do(piece, pytester)


@pytest.mark.parametrize("page", RUN)
def test_a_page_can_be_typed_from_top_to_bottom(
    page: str, stranger: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    if page != ANSWERS_ITSELF:
        answered(stranger)
    do([block for block in blocks_of(page) if not block.is_for_kamailio], pytester)


def test_the_page_that_answers_itself_asks_no_server() -> None:
    inits = re.findall(r"^onehttp\.init\((.*)\)", (ROOT / ANSWERS_ITSELF).read_text(), re.MULTILINE)
    assert inits
    assert all(arguments.endswith("**double") for arguments in inits)


def test_every_extra_is_on_the_one_list() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "docs/quickstart.md").read_text()
    rows = text.partition("## Extras\n")[2].partition("\n## ")[0]
    listed = re.findall(r"`([\w-]+)`", "".join(re.findall(r"^\|.*\|$", rows, re.MULTILINE)))
    assert set(project["optional-dependencies"]) - set(listed) == set()


def test_extras_are_installed_from_the_clone_and_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sources = [path for room in ("shim", "backends", "compat", "examples")
               for path in (ROOT / room).rglob("*.py")]  # fmt: skip
    named: set[str] = set()
    for path in [*PAGES, *sources, *(ROOT / "examples").rglob("*.md")]:
        text = path.read_text()
        assert "pip install 'onehttp[" not in text, path
        for found in re.findall(r"pip install '\.\[([\w,]+)\]'", text):
            named |= set(found.split(","))
        named |= set(re.findall(r"brought_by\(['\"](\w+)['\"]\)", text))
        named |= set(re.findall(r"[Tt]he extra ['`]+(\w+)", text))
    assert named - set(project["optional-dependencies"]) == {"x"}  # of the sentence that says how


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = [link for link in _link.findall(page.read_text()) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_what_who_changes_it_is_told_to_open_is_there() -> None:
    rooms = ("backends", "benchmarks", "compat", "docs", "scripts", "shim", "tests")
    files = [str(path) for room in rooms for path in (ROOT / room).rglob("*")]
    there = {f"{path}/" if Path(path).is_dir() else path for path in files}
    rows = re.findall(r"^\| .* \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    named = re.findall(r"`([\w./]+(?:\.py|/))`", "\n".join(rows))
    assert len(named) > 50
    missing = [name for name in named if not any(path.endswith(f"/{name}") for path in there)]
    assert [name for name in missing if name != ".artefacts/"] == []
