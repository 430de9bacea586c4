"""``KSR = setup(KSR)``: the one call that puts a script of the real server on the one engine."""

from __future__ import annotations

from typing import Any

from onehttp_compat.kamailio.proxy import Ksr
from onehttp_compat.kamailio.server_process import server_process


def setup(ksr: Any) -> Ksr:
    """Take over the HTTP modules of the server, in whose script this stands.

    To be called at the top of the script, or in its ``mod_init``: before the server forks. May be
    called again, by the script when it is read anew and by any module of it: each process has one
    such object, which outlives the scripts.

    Returns:
        What to call ``KSR`` from then on. ``import onehttp_compat.ksr as KSR`` is the same.
    """
    process = server_process(ksr)
    process.take_over_queries()
    return process.ksr
