"""The base class of the groups of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.routed_message import RoutedMessage
from onehttp_compat.script.world import World
from onehttp_compat.sip.message import SipMessage
from onehttp_compat.sip.uri import SipUri, parse_uri

TRUE, FALSE, NOTHING_TO_DO = 1, -1, 0


class Functions:
    """The functions of a module, as methods with the names that scripts use."""

    def __init__(self, world: World) -> None:
        self._world = world

    def find(self, name: str) -> Callable[..., Any] | None:
        """Return a function by name; None if it is not emulated."""
        return None if name.startswith("_") else getattr(self, name, None)

    @property
    def _scene(self) -> Scene:
        return self._world.scene

    @property
    def _routed(self) -> RoutedMessage:
        return self._world.scene.routed

    @property
    def _sip(self) -> SipMessage:
        return self._world.scene.routed.sip

    def _address_uri(self, name: str) -> SipUri | None:
        address = self._sip.address(name)
        return address.parsed_uri if address else None

    def _is_mine(self, uri: SipUri | None) -> bool:
        return uri is not None and self._world.is_myself(uri.host, uri.port_number)

    def _is_my_uri(self, text: str) -> bool:
        return self._is_mine(parse_uri(text))


def as_code(claim: object) -> int:
    """1 or -1, the return codes of the server's functions."""
    return TRUE if claim else FALSE
