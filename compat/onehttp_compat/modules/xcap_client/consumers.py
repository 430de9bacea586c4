"""How ``presence_xml`` and ``rls`` used ``xcap_client``, for logic that moves to Python."""

from __future__ import annotations

import re
from typing import NamedTuple

from onehttp import ConfigurationError
from onehttp_compat.modules.xcap_client.api import XcapApi
from onehttp_compat.modules.xcap_client.request import (
    PRES_RULES,
    RLS_SERVICE,
    XcapDocSel,
    XcapGetReq,
)

_address = re.compile(r"([^:]*(?:://[^:]*)?):([0-9]+)").fullmatch


class ServerAddress(NamedTuple):
    """An XCAP root and its port."""

    root: str
    port: int


def server_address(text: str, default_port: int) -> ServerAddress:
    """Parse ``[http://]HOST[/ROOT][:PORT]``. The port stands at the very end, from 1 to 65535.

    Raises:
        ConfigurationError: the real server would refuse to start, e.g. for ``http://h:80/root`` or
            ``http://h/root``.
    """
    if ":" not in text:
        return ServerAddress(text, default_port)
    match = _address(text)
    if match is None or not 1 <= int(match[2]) <= 65535:
        raise ConfigurationError(
            f"{text!r}: expected HOST/ROOT or http://HOST/ROOT:PORT, the port at the end, "
            "from 1 to 65535"
        )
    return ServerAddress(match[1], int(match[2]))


class PresenceXml:
    """``presence_xml``: takes presence rules from the first XCAP server that has them."""

    def __init__(self, api: XcapApi) -> None:
        self._api = api
        self._servers: list[ServerAddress] = []
        self._settings = {"force_active": 0, "integrated_xcap_server": 0}

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam("presence_xml", name, value)`` does. ``xcap_server`` may
        be repeated.

        Raises:
            ConfigurationError: the parameter has nothing to do with XCAP, or the value is bad.
        """
        if name == "xcap_server" and isinstance(value, str):
            self._servers.append(server_address(value, 80))
        else:
            _set(self._settings, "presence_xml", name, value)

    def rules(self, user: str, domain: str) -> bytes | None:
        """The rules of ``sip:user@domain``, from the table or else from the first server that has
        any. None if there are none, or if they are not needed (``force_active``)."""
        if self._settings["force_active"]:
            return None
        known = self._api.stored(user, domain, PRES_RULES)
        if known is not None or self._settings["integrated_xcap_server"]:
            return known
        for root, port in self._servers:
            selector = XcapDocSel("pres-rules", PRES_RULES, xid=f"sip:{user}@{domain}")
            found = self._api.getNewDoc(XcapGetReq(root, port, selector), user, domain)
            if found is not None:
                return found
        return None


class Rls:
    """``rls``: takes the resource lists of a user from the XCAP root."""

    def __init__(self, api: XcapApi) -> None:
        self._api = api
        self._root: ServerAddress | None = None
        self._settings = {"integrated_xcap_server": 0}

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam("rls", name, value)`` does.

        Raises:
            ConfigurationError: the parameter has nothing to do with XCAP, or the value is bad.
        """
        if name == "xcap_root" and isinstance(value, str):
            self._root = server_address(value, 8000)
        else:
            _set(self._settings, "rls", name, value)

    def service_list(self, user: str, domain: str) -> bytes | None:
        """The services of ``sip:user@domain``, from the table, or else the folder on the server."""
        known = self._api.stored(user, domain, RLS_SERVICE)
        if known is not None or self._root is None or self._settings["integrated_xcap_server"]:
            return known
        selector = XcapDocSel("rls-services", RLS_SERVICE, xid=f"sip:{user}@{domain}", filename="")
        return self._api.getNewDoc(XcapGetReq(*self._root, selector), user, domain)


def _set(settings: dict[str, int], module: str, name: str, value: object) -> None:
    if name not in settings or not isinstance(value, int):
        raise ConfigurationError(
            f"unknown, or not a number; there are: {', '.join(settings)}",
            key=f'modparam("{module}", "{name}")',
        )
    settings[name] = value
