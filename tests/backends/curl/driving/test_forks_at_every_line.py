"""A fork at each line of what drives, as a signal handler forks: the child goes on with the call it
finds itself in, which is its parent's, and lays no hand on what has its parent's numbers now."""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins import processes
from stand_ins.driving.scene import (
    Before,
    Use,
    ask,
    ask_for_three,
    kept,
    nobody,
    one_who_drives,
    read_in_pieces,
    several_kept,
)

CASES: Final[tuple[tuple[Use, Before], ...]] = (
    (ask, nobody),
    (ask, kept),
    (ask, one_who_drives),
    (ask_for_three, kept),
    (ask_for_three, several_kept),
    (read_in_pieces, kept),
)


@pytest.mark.slow
@pytest.mark.parametrize(("use", "before"), CASES, ids=lambda each: str(each.__name__))
def test_a_fork_at_each_line(use: Use, before: Before) -> None:
    script = "from stand_ins.driving.forking import fork_at_each_line as fork; fork(*sys.argv[1:])"
    processes.output(script, use.__name__, before.__name__)
