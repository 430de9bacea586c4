"""The figures of the page on performance: what is drawn is what is written."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "performance.md").read_text()


def part(name: str) -> str:
    """What stands between the markers that ``make bench`` writes between."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", PAGE, re.DOTALL)
    assert found, f"no markers of {name}"
    return found[1]


def cells(table: str) -> list[list[str]]:
    """The rows of a Markdown table, its heading first."""
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows]


def of_class(node: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in node.iter() if name in (each.get("class") or "").split()]


def texts(nodes: list[ElementTree.Element]) -> list[str]:
    return ["".join(node.itertext()).strip() for node in nodes]


def test_the_curves_of_growth_are_those_of_the_table() -> None:
    drawing = ElementTree.parse(DOCS / "growth.svg").getroot()
    heading, *rows = cells(part("growth"))
    columns = [list(filter(None, column)) for column in zip_longest(*(row[1:] for row in rows))]

    curves = [texts(of_class(series, "value")) for series in of_class(drawing, "series")]
    assert texts(of_class(drawing, "legend")) == heading[1:]
    assert [curve for curve in curves if curve] == columns
    sizes = [
        text for text in texts(of_class(drawing, "guides")) if text in {row[0] for row in rows}
    ]
    assert sizes == [row[0] for row in rows]


@pytest.mark.parametrize("name", ["peers", "figures", "growth"])
def test_every_table_says_what_machine_it_is_of(name: str) -> None:
    assert re.match(r"Measured on: .*, Python 3\.\d+\.\d+, PycURL/\S+ libcurl/\S+", part(name))


def test_each_ratio_is_that_of_its_figures() -> None:
    _, *rows = cells(part("figures"))
    for what, figure, baseline, ratio, *_ in rows:
        ours, base = (float(text.split()[0]) for text in (figure, baseline))
        # Of what is rounded to one digit.
        low, high = (ours - 0.06) / (base + 0.06), (ours + 0.06) / max(base - 0.06, 0.01)
        assert low - 0.01 <= float(ratio.strip("*")) <= high + 0.01, what
