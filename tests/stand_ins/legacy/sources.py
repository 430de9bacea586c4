"""What the servers of a run would each do again with the sources of the tests: read them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from onehttp_compat.replacements import call_site

TESTS: Final = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _sources_of_tests_are_parsed_once() -> Iterator[None]:
    """For warnings of legacy calls. Scripts that tests write are parsed by each server."""
    parsed = call_site._parsed
    once = functools.cache(parsed)

    @functools.wraps(parsed)
    def parsed_once(path: Path) -> call_site._CallSource | None:
        return once(path) if path.is_relative_to(TESTS) else parsed(path)

    call_site._parsed = parsed_once
    yield
    call_site._parsed = parsed
