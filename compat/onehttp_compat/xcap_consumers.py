"""How ``presence_xml`` and ``rls`` used ``xcap_client``, for logic that moves to Python."""

from __future__ import annotations

from onehttp_compat.modules.xcap_client.consumers import (
    PresenceXml,
    Rls,
    ServerAddress,
    server_address,
)

__all__ = ["PresenceXml", "Rls", "ServerAddress", "server_address"]
