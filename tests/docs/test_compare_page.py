"""The page that compares clients: its rows are those of the program, and what it says of onehttp
is what the program finds. The others are asked by ``make compare`` alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # programs of the clone, which nothing installs

from benchmarks.comparison import forked  # noqa: E402
from benchmarks.comparison import running as running_of_probes  # noqa: E402
from benchmarks.comparison.features import FEATURES, SECTIONS  # noqa: E402
from benchmarks.comparison.features.feature import absent_or  # noqa: E402
from benchmarks.comparison.outcome import Outcome  # noqa: E402
from benchmarks.comparison.running import CLIENTS, OURS, Client, client  # noqa: E402
from benchmarks.nginx import Nginx, running  # noqa: E402

PAGE = (ROOT / "docs" / "compare.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]


def answer(cell: str) -> str:
    """Without the number of its note."""
    return re.sub(r" \(\d+\)$", "", cell)


SAID = {row[0]: answer(row[1 + CLIENTS.index(OURS)]) for row in ROWS}
NAMES = [
    pytest.param(name, marks=pytest.mark.debian)
    if feature.needs_nginx or feature.needs_redis
    else name
    for name, feature in FEATURES.items()
]


@pytest.fixture(scope="module")
def onehttp() -> Iterator[Client]:
    forked.begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_of_probes, "_run", forked.run)
        yield client(OURS)


@pytest.fixture
def nginx(request: pytest.FixtureRequest) -> Iterator[Nginx | None]:
    if not FEATURES[request.getfixturevalue("name")].needs_nginx:
        yield None
        return
    with running() as here:
        yield here


def test_the_rows_of_the_page_are_those_that_are_run() -> None:
    titles = [row[0] for row in ROWS if row[0]]
    assert titles == [each.title for group in SECTIONS.values() for each in group]
    assert [line[4:] for line in PAGE.splitlines() if line.startswith("### ")] == [
        *SECTIONS,
        "Notes",
    ]


def test_every_cell_is_an_answer_and_every_no_has_a_note() -> None:
    cells = [cell for row in ROWS if row[0] for cell in row[1:]]
    assert {answer(cell) for cell in cells} == {"yes", "asked for", "no"}
    notes = [line for line in PAGE.splitlines() if re.match(r"\d+\. ", line)]
    numbers = [int(found[1]) for cell in cells if (found := re.search(r"\((\d+)\)$", cell))]
    assert set(numbers) == set(range(1, len(notes) + 1))
    assert all(cell == "yes" or cell.endswith(")") for cell in cells)


@pytest.mark.parametrize("kind", ["TypeError", "AttributeError", "ModuleNotFoundError"])
def test_a_probe_that_asks_for_what_is_not_there_is_to_be_mended(kind: str) -> None:
    assert Outcome(kind=kind).is_our_mistake
    assert not Outcome(kind="ReadTimeout").is_our_mistake


def test_a_client_that_has_gained_a_name_is_to_be_probed() -> None:
    judge = absent_or(lambda _outcome, _world: "")
    nobody: Any = None
    assert judge(Outcome(said={"words": "ws", "found": []}), nobody) == "not among its names"
    with pytest.raises(LookupError, match=r"aiohttp\.ws"):
        judge(Outcome(said={"words": "ws", "found": ["aiohttp.ws"]}), nobody)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_says_of_onehttp_is_so(name: str, onehttp: Client, nginx: Any) -> None:
    feature = FEATURES[name]
    cell = onehttp.cell(feature, nginx)
    assert cell.answer == SAID[feature.title], cell.note
