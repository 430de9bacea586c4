"""What the fixture ``load`` is."""

from __future__ import annotations

from typing import Any, Protocol

from onehttp_compat.script.sip_server import SipServer


class Load(Protocol):
    """Starts a server with a script of this text."""

    def __call__(self, text: str, method: str | None = None, **settings: Any) -> SipServer: ...
