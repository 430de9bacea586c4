"""An exception at each line of what drives, in each use of it: whoever it hits is told, nobody is
left waiting, and every answer belongs to its question."""

from __future__ import annotations

import pytest

from stand_ins import processes
from stand_ins.driving.raising import BEFORE, ERRORS, NEIGHBOURS

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("error", ERRORS)]


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_an_exception_at_each_line(neighbour: str, error: str) -> None:
    """Beside a neighbour."""
    processes.output(SCRIPT.format("at_each_line"), neighbour, error)


@pytest.mark.parametrize("before", BEFORE)
def test_an_exception_at_each_line_of_the_engines_threads(before: str, error: str) -> None:
    processes.output(SCRIPT.format("at_each_line_of_the_engines_threads"), before, error)


SCRIPT = "from stand_ins.driving.raising import {0} as run; run(*sys.argv[1:])"
