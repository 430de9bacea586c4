"""What ``xcap_client`` offers to other modules (``bind_xcap``), typed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from onehttp_compat.modules.xcap_client.module import Element, XcapCallback, XcapClient
from onehttp_compat.modules.xcap_client.request import (
    UnfitRequestError,
    XcapGetReq,
    XcapNodeSel,
    add_step,
)
from onehttp_compat.process import LegacyProcess
from onehttp_compat.registry import BOUND

_log = logging.getLogger("onehttp_compat.xcap_client")


class XcapApi:
    """What other modules bind: ``bind_xcap``."""

    def __init__(self, server: LegacyProcess, module: XcapClient) -> None:
        self._server = server
        self._module = module

    def get_elem(self, request: XcapGetReq) -> Element:
        """A document or node, and its etag (until 5.0)."""
        self._note("get_elem")
        self._start()
        return self._module.get_elem(request)

    def getNewDoc(self, request: XcapGetReq, user: str, domain: str) -> bytes | None:
        """A document; from then on a row, kept fresh by the periodic update."""
        self._note("getNewDoc")
        self._start()
        return self._module.get_new_doc(request, user, domain)

    def register_xcb(self, mask: int, callback: XcapCallback) -> int:
        """``callback(type, xid, document)`` for changes of the types in ``mask``; 0."""
        self._note("register_xcb")
        return self._module.register(mask, callback)

    def int_node_sel(self) -> XcapNodeSel:
        """An empty node selector."""
        self._note("int_node_sel")
        return XcapNodeSel()

    def add_step(
        self,
        selector: XcapNodeSel,
        name: str | None = None,
        namespace: str | None = None,
        pos: int = 0,
        attr_test: Sequence[str] | None = None,
        extra: str | None = None,
    ) -> XcapNodeSel | None:
        """A step further down; ``attr_test`` is ``("@name", '"value"')``. None: too many."""
        self._note("add_step")
        try:
            faithful = self._server.is_faithful
            add_step(selector, name, namespace, pos, attr_test, extra, faithful)
        except UnfitRequestError as error:
            _log.error("add_step: %s", error)
            return None
        return selector

    def add_terminal(self, selector: XcapNodeSel, *texts: str) -> None:
        """Does nothing, as it always did."""
        self._note("add_terminal")

    def free_node_sel(self, selector: XcapNodeSel) -> None:
        """Nothing to free."""
        self._note("free_node_sel")

    getElem = get_elem
    register_xcapcb = register_xcb

    def stored(self, user: str, domain: str, doc_type: int) -> bytes | None:
        """What the table has: not of the legacy interface, but what its users looked up first."""
        self._start()
        return self._module.stored(user, domain, doc_type)

    def _start(self) -> None:
        if not self._server.has_started:
            self._server.start()

    def _note(self, name: str) -> None:
        self._server.warnings.note(BOUND[name])
