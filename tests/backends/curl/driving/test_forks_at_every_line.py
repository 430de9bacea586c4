"""A fork at each line of what drives, as a signal handler forks: the child goes on with the call it
finds itself in, which is its parent's, and lays no hand on what has its parent's numbers now."""

from __future__ import annotations

import pytest

from stand_ins import processes
from stand_ins.driving.forking import NEIGHBOURS


@pytest.mark.slow
@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_a_fork_at_each_line(neighbour: str) -> None:
    script = "from stand_ins.driving.forking import fork_at_each_line as fork; fork(sys.argv[1])"
    processes.output(script, neighbour)
