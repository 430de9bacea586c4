"""Calls of ``xcap_client``: alice's rules, asked for and stored."""

from __future__ import annotations

from pathlib import Path

from onehttp.xcap import StoredDocument
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import (
    PRES_RULES,
    XcapApi,
    XcapDocSel,
    XcapGetReq,
    bind_xcap,
)
from servers.xcap import XcapServer

PATH = "pres-rules/users/sip:alice@a.example/index"


RULES = b"<rules/>"


def loaded(server: LegacyServer, tmp_path: Path, **parameters: int | str) -> XcapApi:
    """The module with a database in the test's folder, and no timer of its own."""
    server.modparam("xcap_client", "db_url", f"sqlite://{tmp_path}/xcap.sqlite")
    server.modparam("xcap_client", "periodical_query", 0)
    for name, value in parameters.items():
        server.modparam("xcap_client", name, value)
    return bind_xcap(server)


def rules(far: XcapServer, **more: object) -> XcapGetReq:
    """A request for alice's rules."""
    address, _, port = far.root.removesuffix("/xcap-root").rpartition(":")
    selector = XcapDocSel("pres-rules", PRES_RULES, xid="sip:alice@a.example")
    return XcapGetReq(f"{address}/xcap-root", int(port), selector, **more)  # type: ignore[arg-type]


def row(far: XcapServer, etag: str, doc: bytes = b"<old/>") -> StoredDocument:
    request = rules(far)
    return StoredDocument(
        username="alice", domain="a.example", doc_type=PRES_RULES, port=request.port,
        doc_uri=f"{request.xcap_root}/{PATH}", etag=etag, doc=doc,
    )  # fmt: skip
