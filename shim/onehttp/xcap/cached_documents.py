"""The documents of one XCAP root between server and store.

What the server said goes before what the store can do: a store that fails is logged, and the
document is handed out all the same.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit

from onehttp.named_connection import Connection
from onehttp.xcap.changes import DocumentChange, Listeners
from onehttp.xcap.conditional import (
    NOT_MODIFIED,
    check_document,
    check_status,
    etag_of,
    is_done,
)
from onehttp.xcap.documents import Document
from onehttp.xcap.errors import NotFoundError, StatusError, StoreError
from onehttp.xcap.safe_xml import check
from onehttp.xcap.selectors import DocumentSelector
from onehttp.xcap.store import Change, Gone, Source, StoredDocument, XcapStore
from onehttp.xcap.store.etags import NO_ETAG, usable_etag
from onehttp_backends.contract import Response

_log = logging.getLogger("onehttp.xcap")
_sip_user = re.compile(r"(?:sips?:)?(?:(?P<user>[^@]*)@)?(?P<host>.*)", re.DOTALL).fullmatch
_PORTS = {"http": 80, "https": 443}


class CachedDocuments:
    """The documents of a client, and the observers of their changes."""

    def __init__(
        self, connection: Connection, store: XcapStore | None, listeners: Listeners
    ) -> None:
        self._connection = connection
        self._store = store
        self._listeners = listeners

    @property
    def root(self) -> str:
        return self._connection.spec.url.rstrip("/")

    def url(self, selector: DocumentSelector) -> str:
        return f"{self.root}/{selector.path}"

    def find(self, selector: DocumentSelector) -> StoredDocument | None:
        """The stored document, if there is one."""
        url = self.url(selector)
        if self._store is None:
            return None
        try:
            return self._store.find(url)
        except StoreError as error:
            _log.error("%s: fetched without a look into the store: %s", url, error)
            return None

    def received(
        self, selector: DocumentSelector, known: StoredDocument | None, response: Response
    ) -> Document:
        """The document that an answer brings, on the condition that ``known`` is not it.

        Raises:
            StatusError, XmlError: it brings none; the store stays as it is, but for a
                NotFoundError: then the document goes.
        """
        if response.status == NOT_MODIFIED:
            if known is not None and usable_etag(known.etag):
                return self._document(selector, known.doc, known.etag, is_stored=True)
            raise StatusError(
                NOT_MODIFIED, response.url, "Not Modified, but it was not asked for on condition"
            )
        try:
            check_document(response)
        except NotFoundError:
            if known is not None:
                self._forget(selector, Gone(known.doc_uri, known.etag))
            raise
        check(response.body, selector.application, response.url)
        etag = etag_of(response)
        if known is not None and (known.etag, known.doc) == (etag or NO_ETAG, response.body):
            return self._document(selector, known.doc, etag, is_stored=etag is not None)
        return self._keep(selector, known, response.body, etag)

    def written(self, selector: DocumentSelector, body: bytes, response: Response) -> Document:
        """The document that a PUT has made.

        Raises:
            StatusError: it has made none; the store stays as it is, but for a NotFoundError: where
                nothing can be written, nothing is.
        """
        try:
            check_status(response)
        except NotFoundError:
            self._forget(selector, Gone(self.url(selector)))
            raise
        if not is_done(response):
            return self._document(selector, body, None, is_stored=False, is_done=False)
        return self._keep(selector, None, body, etag_of(response))

    def deleted(self, selector: DocumentSelector, response: Response) -> None:
        """Process the outcome of a DELETE."""
        try:
            check_status(response)
        except NotFoundError:
            self._forget(selector, Gone(self.url(selector)))
            raise
        if is_done(response):
            self._forget(selector, Gone(self.url(selector)), is_told=True)

    def _forget(self, selector: DocumentSelector, gone: Gone, is_told: bool = False) -> None:
        """The server has it no more."""
        try:
            if self._store is not None:
                is_told = self._store.discard([gone])[0] or is_told
        except StoreError as error:
            _log.error("%s: gone, but still stored: %s", gone.doc_uri, error)
        if is_told:
            self._tell(selector, gone.doc_uri, b"", None, is_removed=True)

    def _keep(
        self,
        selector: DocumentSelector,
        known: StoredDocument | None,
        body: bytes,
        etag: str | None,
    ) -> Document:
        url = self.url(selector)
        is_stored = is_overtaken = False
        if self._store is not None:
            try:
                # One without an etag too: what is stored must not be what was before it.
                is_kept = self._write(self._store, selector, known, body, etag or NO_ETAG)
                is_stored, is_overtaken = is_kept and etag is not None, not is_kept
            except StoreError as error:
                _log.error("%s: not stored: %s", url, error)
        if not is_overtaken:  # else somebody stored, and told of, what came at the same time
            self._tell(selector, url, body, etag)
        return self._document(selector, body, etag, is_stored)

    def _write(
        self,
        store: XcapStore,
        selector: DocumentSelector,
        known: StoredDocument | None,
        body: bytes,
        etag: str,
    ) -> bool:
        """False where the row is not the ``known`` one any more."""
        if known is not None and known.source == Source.CLIENT:
            return store.replace([Change(known.doc_uri, known.etag, etag, body)])[0]
        store.save(self._row(selector, body, etag))
        return True

    def _row(self, selector: DocumentSelector, body: bytes, etag: str) -> StoredDocument:
        username, domain = account(selector.xui)
        parts = urlsplit(self.root)
        return StoredDocument(
            username=username,
            domain=domain,
            doc_type=int(selector.application.doc_type),
            doc_uri=self.url(selector),
            port=parts.port or _PORTS.get(parts.scheme, 0),
            etag=etag,
            doc=body,
        )

    def _tell(
        self,
        selector: DocumentSelector,
        url: str,
        body: bytes,
        etag: str | None,
        is_removed: bool = False,
    ) -> None:
        doc_type = int(selector.application.doc_type)
        xid = selector.xui or ""
        self._listeners.tell(
            DocumentChange(
                doc_type=doc_type, xid=xid, url=url, etag=etag, body=body, is_removed=is_removed
            )
        )

    def _document(
        self,
        selector: DocumentSelector,
        body: bytes,
        etag: str | None,
        is_stored: bool,
        is_done: bool = True,
    ) -> Document:
        return Document(
            selector=selector,
            url=self.url(selector),
            body=body,
            etag=etag,
            is_stored=is_stored,
            is_done=is_done,
        )


def account(xui: str | None) -> tuple[str, str]:
    """(username, domain) of an XUI: of a SIP address, with or without scheme."""
    if xui is None:
        return "", ""
    match = _sip_user(xui)
    assert match is not None  # it matches everything
    if match["user"] is None and not xui.startswith(("sip:", "sips:")):
        return xui, ""
    return match["user"] or "", match["host"]
