"""Module ``xcap_client``: fetches XCAP documents for other presence modules into the table
``xcap``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from onehttp import ConfigurationError, OnehttpError
from onehttp_compat.modules.xcap_client.refresh import (
    RefusedRefreshError,
    refresh_arguments,
    refresh_target,
)
from onehttp_compat.modules.xcap_client.request import (
    IF_MATCH,
    IF_NONE_MATCH,
    RESOURCE_LIST,
    RLS_SERVICE,
    UnfitRequestError,
    XcapGetReq,
    request_url,
)
from onehttp_compat.parameters import XcapParameters, set_parameter

if TYPE_CHECKING:
    from onehttp.xcap import PeriodicUpdates, RefreshReport
    from onehttp_compat.modules.xcap_client.documents import XcapDocuments
from onehttp_compat.process import LegacyProcess

_log = logging.getLogger("onehttp_compat.xcap_client")


XcapCallback: TypeAlias = Callable[[int, str, bytes], object]
"""A function of (type, xid, document)."""


class Element(NamedTuple):
    """The result of ``get_elem``; its document is None if there is none."""

    document: bytes | None
    etag: str | None


class XcapClient:
    """The state of the module in one server process.

    Nothing is opened before the module is configured or another module binds it.
    """

    counter_group = None

    def __init__(self, server: LegacyProcess) -> None:
        self._server = server
        self.parameters = XcapParameters()
        self.updates: PeriodicUpdates | None = None
        """The periodic update, if `start` has started it."""
        self._is_loaded = False
        self._documents: XcapDocuments | None = None
        self._callbacks: tuple[tuple[int, XcapCallback], ...] = ()
        self._opening = threading.Lock()  # guards _documents

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam("xcap_client", name, value)`` does."""
        bugs = self._server.legacy_bugs
        self.parameters = set_parameter(self.parameters, "xcap_client", name, value, bugs)
        self._is_loaded = True
        self._documents = None

    def start(self) -> None:
        """Open the table, and start the periodic update.

        Raises:
            ConfigurationError: the table cannot be used, or the extra is not installed.
        """
        if not self._is_loaded:
            return
        try:
            self.documents.store  # noqa: B018 - opens it
        except (OnehttpError, ImportError) as error:
            raise ConfigurationError(str(error), key="xcap_client") from error
        if self.parameters.periodical_query and self.updates is None:
            self._start_updates()

    def load(self) -> None:
        """Start together with the server, as with ``loadmodule``."""
        self._is_loaded = True

    def stop(self) -> None:
        """End the periodic update."""
        updates, self.updates = self.updates, None
        if updates is not None:
            updates.stop()

    @property
    def documents(self) -> XcapDocuments:
        """Fetches and stores documents, by the current parameters."""
        from onehttp_compat.modules.xcap_client.documents import XcapDocuments

        with self._opening:
            if self._documents is None:
                server = self._server
                self._documents = XcapDocuments(
                    self.parameters, server.is_faithful, server.reuse, self.notify
                )
            return self._documents

    def get_elem(self, request: XcapGetReq) -> Element:
        """Fetch a document or node with the condition of the request. An etag is not required."""
        url = self._url(request)
        if url is None:
            return Element(None, None)
        if_match = request.etag if request.match_type == IF_MATCH else None
        if_none_match = request.etag if request.match_type == IF_NONE_MATCH else None
        found = self.documents.fetch(url, request.port, if_match, if_none_match)
        return (
            Element(None, None)
            if found is None
            else Element(found.body, self.documents.etag_of(found))
        )

    def get_new_doc(self, request: XcapGetReq, user: str, domain: str) -> bytes | None:
        """Fetch a document and store it as a row. None if there is none, or if it has no etag."""
        url = self._url(request)
        found = None if url is None else self.documents.fetch(url, request.port)
        if url is None or found is None:
            return None
        if self.documents.etag_of(found) is None:
            _log.error("%s: no etag", url)
            return None
        self.documents.keep(request, url, user, domain, found)
        return found.body

    def stored(self, user: str, domain: str, doc_type: int) -> bytes | None:
        """Return a document of that type from the table, where consumers look before they send a
        request. If the table fails, it logs that and returns None."""
        try:
            rows = self.documents.store.of_account(user, domain, doc_type)
        except OnehttpError as error:
            _log.error("the table cannot be read: %s", error)
            return None
        return rows[0].doc if rows else None

    def register(self, mask: int, callback: XcapCallback) -> int:
        """Call ``callback`` for documents of these types, before callbacks that were registered
        earlier."""
        self._callbacks = ((mask, callback), *self._callbacks)
        return 0

    def notify(self, doc_type: int, xid: str, document: bytes, also: int = 0) -> None:
        """Call the callbacks that are registered for the type, or for one of ``also``."""
        for mask, callback in self._callbacks:
            if mask & (doc_type | also):
                try:
                    callback(doc_type, xid, document)
                except Exception:  # noqa: BLE001 - the others must hear of it too
                    _log.exception("a callback failed for %s", xid)

    def query_update(self, ticks: int = 0, param: object = None) -> RefreshReport | None:
        """Run one round of the periodic update, as a timer does. Returns None if the table
        fails."""
        try:
            return self.documents.poll()
        except OnehttpError as error:
            _log.error("periodic update: %s", error)
            return None

    def refresh(self, arguments: Sequence[Any]) -> dict[str, Any]:
        """``refreshXcapDoc URL [PORT]``: fetch a document and call the callbacks. The table is not
        changed."""
        try:
            self._refresh(*refresh_arguments(arguments, self._server.is_faithful))
        except RefusedRefreshError as error:
            _log.log(error.level, "refreshXcapDoc: %s", error)
            return {"error": {"code": 500, "message": str(error)}}
        return {"result": {}}

    def _refresh(self, url: str, port: int) -> None:
        found = self.documents.fetch(url, port)
        if found is None:
            raise RefusedRefreshError("Failed http get")
        target = refresh_target(url)
        # The module took rls-services for resource lists, and consumers have registered for those.
        also = RESOURCE_LIST if target.doc_type == RLS_SERVICE else 0
        self.notify(target.doc_type, target.xid, found.body, also)

    def _url(self, request: XcapGetReq) -> str | None:
        try:
            return request_url(request, self._server.is_faithful)
        except UnfitRequestError as error:
            _log.error("%s", error)
            return None

    def _start_updates(self) -> None:
        from onehttp.xcap import PeriodicUpdates, jittered

        period_s = self.parameters.query_period
        if period_s <= 0:
            _log.warning("xcap_client: query_period %d: no periodic update", period_s)
            return
        self.updates = PeriodicUpdates(self.query_update, jittered(period_s))
        self.updates.start()
