"""What the fixture ``load`` is, and how its scripts begin."""

from __future__ import annotations

from typing import Any, Protocol

from onehttp_compat.script.sip_server import SipServer

KEMI = """
import KSR
seen = []
def mod_init():
    return Routing()
class Routing:
    def child_init(self, rank):
        self.rank = rank
        return 0
"""
"""The routes follow, as methods; ``seen`` is each process's own."""


class Load(Protocol):
    """Starts a server with a script of this text."""

    def __call__(self, text: str, method: str | None = None, **settings: Any) -> SipServer: ...
