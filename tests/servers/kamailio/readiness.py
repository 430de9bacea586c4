"""What a script in the real server says when its worker is there, and who waits for it reads."""

from __future__ import annotations

import sys
from typing import Final

READY: Final = "the worker is ready"


def tell_ready(rank: int) -> int:
    """For the end of ``child_init``: 0, the process may begin."""
    if rank == 1:
        print(READY, file=sys.stderr, flush=True)
    return 0


def telling_ready(script: str) -> str:
    """A user's script with a ``child_init`` that ends so.

    Its ``mod_init`` would be too early: the server opens its port after that.
    """
    begin = "    def ksr_request_route(self, "
    assert script.count(begin) == 1
    own = (
        "    def child_init(self, rank):\n"
        "        from servers.kamailio.readiness import tell_ready\n"
        "        return super().child_init(rank) or tell_ready(rank)\n\n"
    )
    return script.replace(begin, own + begin)
