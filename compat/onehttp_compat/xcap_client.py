"""Module ``xcap_client``: fetches XCAP documents for other presence modules into the table
``xcap``."""

from __future__ import annotations

from typing import Any

from onehttp_compat.modules.xcap_client.api import XcapApi
from onehttp_compat.modules.xcap_client.module import Element, XcapCallback, XcapClient
from onehttp_compat.modules.xcap_client.request import (
    DIRECTORY,
    GLOBAL_TYPE,
    IF_MATCH,
    IF_NONE_MATCH,
    INTEGRATED_SERVER,
    PIDF_MANIPULATION,
    PRES_CONTENT,
    PRES_RULES,
    RESOURCE_LIST,
    RLS_SERVICE,
    SEARCH,
    USER_PROFILE,
    USERS_TYPE,
    XCAP_CAPS,
    XCAP_CL_MOD,
    XcapDocSel,
    XcapGetReq,
    XcapNodeSel,
)
from onehttp_compat.registry import BOUND
from onehttp_compat.server import LegacyServer, default_server

__all__ = [
    "DIRECTORY",
    "GLOBAL_TYPE",
    "IF_MATCH",
    "IF_NONE_MATCH",
    "INTEGRATED_SERVER",
    "PIDF_MANIPULATION",
    "PRES_CONTENT",
    "PRES_RULES",
    "RESOURCE_LIST",
    "RLS_SERVICE",
    "SEARCH",
    "USERS_TYPE",
    "USER_PROFILE",
    "XCAP_CAPS",
    "XCAP_CL_MOD",
    "Element",
    "XcapApi",
    "XcapCallback",
    "XcapClient",
    "XcapDocSel",
    "XcapGetReq",
    "XcapNodeSel",
    "bind_xcap",
    "refreshXcapDoc",
]


def bind_xcap(server: LegacyServer | None = None) -> XcapApi:
    """Return the functions of the module, of the default server unless another is given.

    The first request for a document starts the server if it was not started: the table is opened
    and the periodic update begins.
    """
    chosen = server or default_server()
    chosen.warnings.note(BOUND["bind_xcap"])
    chosen.xcap_client.load()
    return XcapApi(chosen, chosen.xcap_client)


def refreshXcapDoc(url: str, port: int = 0) -> dict[str, Any]:
    """Run the command on the default server: ``{"result": {}}`` or ``{"error": {...}}``."""
    server = default_server()
    server.warnings.note(BOUND["refreshXcapDoc"])
    return server.xcap_client.refresh((url, port))
