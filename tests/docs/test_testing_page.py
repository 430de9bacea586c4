"""The page about tests: what it shows as tests passes, each block after the code that it tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import onehttp.testing.plugin
import onehttp.testing.process_under_test  # noqa: F401
import onehttp_backends.double  # noqa: F401

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
PRODUCT, *BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_page_shows_passes(pytester: pytest.Pytester, block: str) -> None:
    is_of_pytest = "def test_" in block
    name = "test_block" if is_of_pytest else "conftest"
    pytester.makepyfile(**{name: f"{PRODUCT}\n{block}"})
    if not is_of_pytest:
        pytester.makepyfile(test_nothing="def test_it(): pass")
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function"
    )
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] >= block.count("def test_")


def test_the_page_names_every_keyword() -> None:
    from onehttp.testing.route_arguments import RouteArguments

    assert [name for name in RouteArguments.__annotations__ if f"`{name}=" not in PAGE] == []
