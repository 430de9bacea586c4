"""How ``xcap_client`` fetches and stores documents: one on demand, and all of them periodically.

It needs the extra ``xcap``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit, urlunsplit

import onehttp
from onehttp import Auth, Proxy, Request, Response, Sent, TransferError, TransferOptions
from onehttp.lowlevel import HeaderPairs, Outcome, perform_together
from onehttp.xcap import (
    DocumentChange,
    Listeners,
    Owner,
    Refresh,
    RefreshReport,
    StatusError,
    StoredDocument,
    StoreError,
    Watched,
    XcapStore,
    conditions,
    etag_of,
)
from onehttp_compat.modules.xcap_client.request import MAX_PORT, XCAP_CL_MOD, XcapGetReq
from onehttp_compat.parameters import XcapParameters
from onehttp_compat.wire.transfer import MAX_BODY_BYTES, transfer, with_auth
from onehttp_compat.wire.urls import legacy_url

_legacy_database = re.compile(r"(sqlite|mysql|postgres)://(.*)", re.DOTALL).fullmatch
_DOCUMENT = frozenset({200, 203})
_log = logging.getLogger("onehttp_compat.xcap_client")


class XcapDocuments:
    """The documents of one server process.

    Args:
        changed: called with (type, xid, document) for each that a poll found changed.
    """

    def __init__(
        self,
        parameters: XcapParameters,
        is_faithful: bool,
        reuse: bool,
        changed: Callable[[int, str, bytes], None],
    ) -> None:
        self._parameters = parameters
        self.is_faithful = is_faithful
        self._options = TransferOptions(
            as_libcurl=True,
            total_timeout_s=float(max(parameters.connection_timeout, 0)),
            connect_timeout_s=0,
            max_body_bytes=MAX_BODY_BYTES,
            proxy=Proxy(from_environment=True),
            # The module used each connection once, and never closed it.
            reuse=reuse or not is_faithful,
        )
        self._listeners = Listeners()
        self._listeners.add(lambda change: _told(change, changed))
        self._store: XcapStore | None = None

    @property
    def store(self) -> XcapStore:
        """The table, which is opened at first use.

        Raises:
            StoreError: it cannot be opened, or its version is not 4.
        """
        if self._store is None:
            values = self._parameters
            self._store = XcapStore(database_url(values.db_url), table=values.xcap_table)
        return self._store

    etag_of = staticmethod(etag_of)
    """The entity tag of a response, if it has one that can be sent back."""

    def fetch(
        self, url: str, port: int, if_match: str | None = None, if_none_match: str | None = None
    ) -> Response | None:
        """Send a GET. Returns None if there is no document: an error, a status from 300 on, or no
        body.

        In faithful mode it always returns None, and sends no conditional header.
        """
        headers = () if self.is_faithful else conditions(if_match, if_none_match)
        outcome = transfer(self.request(url, port, headers))
        try:
            found = self.document(outcome)
        except onehttp.OnehttpError as error:
            _log.debug("%s: no document: %s", url, error)
            return None
        return found if found.body else None

    def document(self, outcome: Outcome) -> Response:
        """Return the response that has a document. Raises an OnehttpError if there is none."""
        if self.is_faithful and _was_answered(outcome):
            # The module did not accept the first header line, so libcurl gave up with code 23.
            _log.error("the answer is lost")
            raise StatusError(23, "", "write error")
        if isinstance(outcome, TransferError):
            raise outcome
        if outcome.status >= 300:
            raise StatusError(outcome.status, outcome.url, outcome.reason)
        return outcome

    def request(self, url: str, port: int, headers: HeaderPairs) -> Request:
        """A GET of a URL as libcurl reads it. ``port`` replaces its port unless it is 0."""
        address, auth = legacy_url(url)
        return Request("GET", with_port(address, port), headers, None, self._with(auth))

    def keep(self, request: XcapGetReq, url: str, user: str, domain: str, found: Response) -> None:
        """Write the row of a document. Errors are only logged."""
        etag = etag_of(found)
        assert etag is not None
        if found.status not in _DOCUMENT:
            _log.error("%s: not stored: %d is no document", url, found.status)
            return
        row = StoredDocument(
            username=user,
            domain=domain,
            doc_type=request.doc_sel.doc_type,
            doc_uri=url,
            port=request.port,
            etag=etag,
            doc=found.body,
            source=XCAP_CL_MOD,
        )
        try:
            self.store.save(row)
        except StoreError as error:
            _log.error("%s: not stored: %s", url, error)

    def poll(self) -> RefreshReport:
        """Request every row of this module again with conditional requests, many at once.

        Raises:
            StoreError: the table cannot be read.
        """
        if not onehttp.is_initialised():
            onehttp.init()
        return Refresh(self.store, _PolledRows(self), self._listeners).run()

    def _with(self, auth: Auth | None) -> TransferOptions:
        return with_auth(self._options, auth) if auth else self._options


def _told(change: DocumentChange, changed: Callable[[int, str, bytes], None]) -> None:
    """Call the callbacks. They know documents only, so they are not called for a deleted one."""
    if not change.is_removed:
        changed(change.doc_type, change.xid, change.body)


class _PolledRows:
    """Makes the requests of a poll, and reads the answers."""

    def __init__(self, documents: XcapDocuments) -> None:
        self._documents = documents

    def call(self, row: Watched) -> Request:
        etag = None if self._documents.is_faithful else row.etag
        return self._documents.request(
            row.doc_uri, row.port, conditions(if_none_match=etag or None)
        )

    def perform_all(
        self,
        calls: Iterable[tuple[Watched, Request]],
        width: int,
        on_done: Callable[[Watched, Outcome], None],
    ) -> None:
        perform_together(onehttp.backend(), calls, width, on_done)

    def aperform(self, call: Request) -> Awaitable[Response]:
        return onehttp.backend().aperform(call)

    def document(self, row: Watched, outcome: Outcome) -> Response:
        found = self._documents.document(outcome)
        if found.status not in _DOCUMENT:
            raise StatusError(found.status, found.url, f"{found.reason}: that is no document")
        return found

    def xid(self, row: Watched, owner: Owner) -> str:
        user, domain = owner.username, owner.domain
        return f"sip:{user}@{domain}" if user else f"sip:{domain}"


def _was_answered(outcome: Outcome) -> bool:
    return isinstance(outcome, Response) or outcome.sent is Sent.YES


def with_port(url: str, port: int) -> str:
    """``url`` with another port. A port that libcurl would refuse leaves the URL unchanged."""
    parts = urlsplit(url)
    if not 0 < port <= MAX_PORT or not parts.netloc:
        return url
    host = parts.netloc[: parts.netloc.rindex("]") + 1] if "]" in parts.netloc else None
    return urlunsplit(parts._replace(netloc=f"{host or parts.netloc.partition(':')[0]}:{port}"))


def database_url(text: str) -> str:
    """``db_url`` in the notation of SQLAlchemy.

    ``sqlite://PATH`` and ``postgres://`` of the SIP server are translated. Everything else, such as
    ``postgresql+psycopg://``, is taken as a URL of SQLAlchemy.
    """
    match = _legacy_database(text)
    if match is None:
        return text
    kind, rest = match.groups()
    if kind != "sqlite":
        return f"{'postgresql' if kind == 'postgres' else kind}://{rest}"
    is_absolute = rest.startswith("/")
    path = rest.lstrip("/")
    return f"sqlite:///{'/' if is_absolute else ''}{path}" if path else "sqlite://"
