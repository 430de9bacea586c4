"""The typed interface of ``xcap_client`` for other modules (``bind_xcap``)."""

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
    """The functions that other modules get from ``bind_xcap``."""

    def __init__(self, server: LegacyProcess, module: XcapClient) -> None:
        self._server = server
        self._module = module

    def get_elem(self, request: XcapGetReq) -> Element:
        """Fetch a document or a node, and its etag (until 5.0)."""
        self._note("get_elem")
        self._start()
        return self._module.get_elem(request)

    def getNewDoc(self, request: XcapGetReq, user: str, domain: str) -> bytes | None:
        """Fetch a document and store it as a row, which the periodic update refreshes from then
        on."""
        self._note("getNewDoc")
        self._start()
        return self._module.get_new_doc(request, user, domain)

    def register_xcb(self, mask: int, callback: XcapCallback) -> int:
        """Call ``callback(type, xid, document)`` for changes of the types in ``mask``. Returns
        0."""
        self._note("register_xcb")
        return self._module.register(mask, callback)

    def int_node_sel(self) -> XcapNodeSel:
        """Return an empty node selector."""
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
        """Add a step to a selector; ``attr_test`` is ``("@name", '"value"')``. Returns None if
        there are too many."""
        self._note("add_step")
        try:
            faithful = self._server.is_faithful
            add_step(selector, name, namespace, pos, attr_test, extra, faithful)
        except UnfitRequestError as error:
            _log.error("add_step: %s", error)
            return None
        return selector

    def add_terminal(self, selector: XcapNodeSel, *texts: str) -> None:
        """Does nothing, as in the module."""
        self._note("add_terminal")

    def free_node_sel(self, selector: XcapNodeSel) -> None:
        """Does nothing, because there is nothing to free."""
        self._note("free_node_sel")

    getElem = get_elem
    register_xcapcb = register_xcb

    def stored(self, user: str, domain: str, doc_type: int) -> bytes | None:
        """Return the document in the table. The legacy interface does not have this, but its users
        looked there first."""
        self._start()
        return self._module.stored(user, domain, doc_type)

    def _start(self) -> None:
        if not self._server.has_started:
            self._server.start()

    def _note(self, name: str) -> None:
        self._server.warnings.note(BOUND[name])
