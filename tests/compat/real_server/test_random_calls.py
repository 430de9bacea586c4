"""Random calls of emulated functions do the same in the real server.

``python -m stand_ins.random_calls`` makes more of them.
"""

from __future__ import annotations

import pytest

from servers.kamailio import real_server
from stand_ins.random_calls.comparing import Drawing, survived
from stand_ins.random_calls.left import LEFT
from stand_ins.random_calls.sides import both_sides

MESSAGES = 150
CALLS = 4
EMULATED = ("hdr", "maxfwd", "kx", "siputils", "diversion", "textops", "textopsx", "rr", "sanity")


@pytest.mark.debian
@pytest.mark.slow
def test_random_calls_do_the_same_in_the_real_server() -> None:
    real_server.skip_unless_installed()
    with both_sides() as sides:
        draw = Drawing(sides.world, EMULATED, frozenset(LEFT), CALLS, seed=1)
        for number in range(MESSAGES):
            differences, is_there = survived(sides, number, *draw.draw())
            assert differences == []
            assert is_there
