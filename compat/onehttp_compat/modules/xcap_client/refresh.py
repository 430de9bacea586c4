"""The command ``refreshXcapDoc``: its arguments, and the document that a URL names."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from onehttp import OnehttpError
from onehttp_compat.modules.xcap_client.request import MAX_PORT

_TREES: Final = ("users", "group", "global")


@dataclass(frozen=True, slots=True)
class RefreshTarget:
    """The document that a URL names."""

    doc_type: int
    xid: str


class RefusedRefreshError(OnehttpError):
    """The refresh command is refused with this text and code 500, and that is logged at
    ``level``."""

    def __init__(self, message: str, level: int = logging.ERROR) -> None:
        super().__init__(message)
        self.level = level


def refresh_arguments(arguments: Sequence[Any], is_faithful: bool) -> tuple[str, int]:
    """Return (URL, port). The port may be missing, and is then 0.

    Raises:
        RefusedRefreshError: there is no URL; (fixed) the port is not a port.
    """
    if not arguments or not isinstance(arguments[0], str):
        raise RefusedRefreshError("Not enough parameters", logging.WARNING)
    port = arguments[1] if len(arguments) > 1 else 0
    if isinstance(port, str) and port.isascii() and port.isdecimal():
        port = int(port)
    if isinstance(port, int) and 0 <= port <= MAX_PORT:
        return arguments[0], port
    if is_faithful:  # the module ignored it
        return arguments[0], 0
    raise RefusedRefreshError("Invalid port")


def refresh_target(url: str) -> RefreshTarget:
    """Return the type and owner of the document at ``url``, for any XCAP root.

    Raises:
        RefusedRefreshError: the URL has no tree, or an unknown application usage.
    """
    from onehttp.xcap import APPLICATIONS

    path = url.partition("://")[2] or url
    parts = [unquote(part) for part in path.partition("?")[0].split("/")[1:]]
    places = [
        place
        for place in range(1, len(parts) - 1)
        if parts[place].lower() in _TREES and parts[place - 1]
    ]
    if not places:
        raise RefusedRefreshError("Failed parsing url")
    for place in places:
        usage = APPLICATIONS.get(parts[place - 1])
        if usage is not None:
            is_user = parts[place].lower() == "users"
            return RefreshTarget(int(usage.doc_type), parts[place + 1] if is_user else "")
    raise RefusedRefreshError("Invalid auid")
