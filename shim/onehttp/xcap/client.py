"""Documents of one XCAP server, kept in a store, read with conditional requests."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import onehttp
from onehttp.call import TimeoutSource
from onehttp.xcap.changes import Callback, DocumentChange, Listeners
from onehttp.xcap.documents import Document, Node
from onehttp.xcap.errors import SelectorError, StatusError, StoreError
from onehttp.xcap.etags import usable_etag
from onehttp.xcap.exchange import NOT_MODIFIED, check_status, conditions, etag_of
from onehttp.xcap.refresh import Refresh, RefreshReport, Wait
from onehttp.xcap.safe_xml import check
from onehttp.xcap.selectors import DocumentSelector, NodeSelector
from onehttp.xcap.store import StoredDocument, Watched, XcapStore
from onehttp_backends.contract import Outcome, Response

_log = logging.getLogger("onehttp.xcap")
_sip_user = re.compile(r"(?:sips?:)?(?:(?P<user>[^@]*)@)?(?P<host>.*)", re.DOTALL).fullmatch
_ELEMENT = "application/xcap-el+xml"
_ATTRIBUTE = "application/xcap-att+xml"
_PORTS = {"http": 80, "https": 443}


class XcapClient:
    """One XCAP root: the URL of a named connection, which also brings credentials and limits.

    Args:
        connection: or its name.
        store: where documents are kept; None keeps none, and every `get` fetches.

    Raises (all calls):
        TransferError: the server gave no answer, or one past the connection's limits.
        NotFoundError, PreconditionFailedError, ConflictError, StatusError: it gave another one.
        SelectorError: a selector cannot be written as a URL; nothing was sent.
    """

    def __init__(
        self, connection: onehttp.Connection | str, store: XcapStore | None = None
    ) -> None:
        self.connection = (
            onehttp.connection(connection) if isinstance(connection, str) else connection
        )
        self.store = store
        self._listeners = Listeners()

    def on_change(self, callback: Callback, types: int | None = None) -> Callable[[], None]:
        """Call ``callback`` with each `DocumentChange` that a `get`, `put` or `refresh` brings.

        Args:
            types: bits of `DocType`; None for all.

        Returns:
            what ends it.
        """
        return self._listeners.add(callback, types)

    # ---- documents

    def get(self, selector: DocumentSelector, *, timeout: TimeoutSource = None) -> Document:
        """The document: from the store if the server says that it has not changed.

        Raises:
            XmlError, WrongNamespaceError: what the server sent is not to be kept; the stored one
                stays.
        """
        known = self._find(selector)
        response = self.connection.get(selector.path, **_reading(known, timeout))
        if known is not None and response.status == NOT_MODIFIED:
            return _from_store(selector, known)
        return self._received(selector, known, response)

    async def aget(self, selector: DocumentSelector, *, timeout: TimeoutSource = None) -> Document:
        """`get`, awaitable; the store is asked on a thread."""
        known = await asyncio.to_thread(self._find, selector)
        response = await self.connection.aget(selector.path, **_reading(known, timeout))
        if known is not None and response.status == NOT_MODIFIED:
            return _from_store(selector, known)
        return await asyncio.to_thread(self._received, selector, known, response)

    def put(
        self,
        selector: DocumentSelector,
        body: bytes | str,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        content_type: str | None = None,
        timeout: TimeoutSource = None,
    ) -> Document:
        """Create or replace the document.

        Args:
            if_match: replace it only if it is still this one (an etag), or any (``*``).
            if_none_match: ``*`` creates it only.
            content_type: the application usage's unless given.

        Raises:
            XmlError, WrongNamespaceError: nothing was sent.
        """
        call = _writing(selector, body, if_match, if_none_match, content_type, timeout)
        response = self.connection.put(selector.path, **call)
        return self._written(selector, call["body"], response)

    async def aput(self, selector: DocumentSelector, body: bytes | str, **call: Any) -> Document:
        """`put`, awaitable, with the same keywords."""
        written = _writing(selector, body, **(_NO_CONDITIONS | call))
        response = await self.connection.aput(selector.path, **written)
        return await asyncio.to_thread(self._written, selector, written["body"], response)

    def delete(
        self,
        selector: DocumentSelector,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> None:
        """Delete the document, there and in the store."""
        headers = conditions(if_match)
        check_status(self.connection.delete(selector.path, headers=headers, timeout=timeout))
        self._forget(selector)

    async def adelete(
        self,
        selector: DocumentSelector,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> None:
        """`delete`, awaitable."""
        headers = conditions(if_match)
        check_status(await self.connection.adelete(selector.path, headers=headers, timeout=timeout))
        await asyncio.to_thread(self._forget, selector)

    # ---- nodes

    def get_element(
        self, selector: DocumentSelector, node: NodeSelector, *, timeout: TimeoutSource = None
    ) -> Node:
        """One node of the document as the server has it now; nodes are not stored."""
        return _node(selector, node, self.connection.get(_path(selector, node), timeout=timeout))

    async def aget_element(
        self, selector: DocumentSelector, node: NodeSelector, *, timeout: TimeoutSource = None
    ) -> Node:
        """`get_element`, awaitable."""
        response = await self.connection.aget(_path(selector, node), timeout=timeout)
        return _node(selector, node, response)

    def put_element(
        self,
        selector: DocumentSelector,
        node: NodeSelector,
        body: bytes | str,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> str | None:
        """Create or replace one element or attribute.

        Returns:
            the document's new etag; its stored copy is brought up to date by the next `get`.
        """
        headers = (*conditions(if_match), ("Content-Type", _node_type(node)))
        path = _path(selector, node)
        response = self.connection.put(path, body=body, headers=headers, timeout=timeout)
        check_status(response)
        return etag_of(response)

    def delete_element(
        self,
        selector: DocumentSelector,
        node: NodeSelector,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> str | None:
        """Delete one element or attribute; returns the document's new etag."""
        path, headers = _path(selector, node), conditions(if_match)
        response = self.connection.delete(path, headers=headers, timeout=timeout)
        check_status(response)
        return etag_of(response)

    # ---- all that is stored

    def refresh(self) -> RefreshReport:
        """Ask for every stored document of this root whether it has changed, many at once.

        Raises:
            StoreError: there is no store, or it cannot be read.
        """
        return self._refresh().run()

    async def arefresh(self) -> RefreshReport:
        """`refresh`, awaitable; the event loop drives the requests."""
        return await self._refresh().arun()

    def url(self, selector: DocumentSelector) -> str:
        """Where the document is; the key of its row in the store."""
        return f"{self.connection.spec.url.rstrip('/')}/{selector.path}"

    def _refresh(self) -> Refresh:
        if self.store is None:
            raise StoreError("this client has no store: XcapClient(connection, store)")
        return Refresh(self.store, _Rows(self), self._listeners, prefix=self._root)

    @property
    def _root(self) -> str:
        return self.connection.spec.url.rstrip("/") + "/"

    # ---- store

    def _find(self, selector: DocumentSelector) -> StoredDocument | None:
        """The stored document, if there is one whose etag can be sent."""
        url = self.url(selector)
        if self.store is None:
            return None
        try:
            known = self.store.find(url)
        except StoreError as error:
            _log.error("%s: fetched without a look into the store: %s", url, error)
            return None
        return known if known is not None and usable_etag(known.etag) else None

    def _received(
        self, selector: DocumentSelector, known: StoredDocument | None, response: Response
    ) -> Document:
        if response.status == NOT_MODIFIED:
            raise StatusError(
                NOT_MODIFIED, response.url, "Not Modified, but it was not asked for on condition"
            )
        check_status(response)
        check(response.body, selector.application.namespace, response.url)
        etag = etag_of(response)
        is_new = known is None or known.etag != etag or known.doc != response.body
        return self._kept(selector, response.body, etag, is_new)

    def _written(self, selector: DocumentSelector, body: bytes, response: Response) -> Document:
        check_status(response)
        return self._kept(selector, body, etag_of(response), is_new=True)

    def _kept(
        self, selector: DocumentSelector, body: bytes, etag: str | None, is_new: bool
    ) -> Document:
        """Store what the server has. That the store fails does not take the document away."""
        url = self.url(selector)
        is_stored = False
        if self.store is not None and etag is not None:
            try:
                self.store.save(self._row(selector, body, etag))
                is_stored = True
            except StoreError as error:
                _log.error("%s: not stored: %s", url, error)
        if is_new:
            doc_type = selector.application.doc_type
            self._listeners.tell(
                DocumentChange(
                    doc_type=doc_type, xid=selector.xui or "", url=url, etag=etag, body=body
                )
            )
        return Document(selector=selector, url=url, body=body, etag=etag, is_stored=is_stored)

    def _row(self, selector: DocumentSelector, body: bytes, etag: str) -> StoredDocument:
        username, domain = account(selector.xui)
        parts = urlsplit(self.connection.spec.url)
        return StoredDocument(
            username=username,
            domain=domain,
            doc_type=int(selector.application.doc_type),
            doc_uri=self.url(selector),
            port=parts.port or _PORTS.get(parts.scheme, 0),
            etag=etag,
            doc=body,
        )

    def _forget(self, selector: DocumentSelector) -> None:
        if self.store is not None:
            self.store.remove(self.url(selector))


class _Rows:
    """How a refresh asks for the rows of a client, and what it takes for a newer document."""

    def __init__(self, client: XcapClient) -> None:
        self._connection = client.connection
        self._skip = len(client.connection.spec.url.rstrip("/"))

    def start(self, row: Watched) -> Wait:
        path = row.doc_uri[self._skip :]
        query = self._connection.submit("GET", path, headers=_since(row.etag))
        return lambda: _outcome(query.result())

    def astart(self, row: Watched) -> Awaitable[Response]:
        return self._connection.aget(row.doc_uri[self._skip :], headers=_since(row.etag))

    def document(self, row: Watched, outcome: Outcome) -> Response:
        if isinstance(outcome, onehttp.TransferError):
            raise outcome
        check_status(outcome)
        selector = self._selector(row)
        namespace = None if selector is None else selector.application.namespace
        check(outcome.body, namespace, row.doc_uri)
        return outcome

    def xid(self, row: Watched) -> str:
        selector = self._selector(row)
        return "" if selector is None else selector.xui or ""

    def _selector(self, row: Watched) -> DocumentSelector | None:
        try:
            return DocumentSelector.from_path(row.doc_uri[self._skip :])
        except SelectorError:
            return None  # written by hand: fetched all the same


_NO_CONDITIONS: dict[str, Any] = {
    "if_match": None,
    "if_none_match": None,
    "content_type": None,
    "timeout": None,
}


def _outcome(result: onehttp.Result) -> Outcome:
    outcome = result.response or result.error
    assert outcome is not None
    return outcome


def account(xui: str | None) -> tuple[str, str]:
    """(username, domain) of an XUI: of a SIP address, with or without scheme."""
    if xui is None:
        return "", ""
    match = _sip_user(xui)
    assert match is not None  # it matches everything
    if match["user"] is None and not xui.startswith(("sip:", "sips:")):
        return xui, ""
    return match["user"] or "", match["host"]


def _since(etag: str) -> tuple[tuple[str, str], ...]:
    return (("If-None-Match", etag),) if usable_etag(etag) else ()


def _reading(known: StoredDocument | None, timeout: TimeoutSource) -> dict[str, Any]:
    headers = conditions(if_none_match=known.etag if known else None)
    return {"headers": headers, "timeout": timeout}


def _writing(
    selector: DocumentSelector,
    body: bytes | str,
    if_match: str | None,
    if_none_match: str | None,
    content_type: str | None,
    timeout: TimeoutSource,
) -> dict[str, Any]:
    usage = selector.application
    data = body.encode() if isinstance(body, str) else body
    check(data, usage.namespace, selector.path)
    kind = ("Content-Type", content_type or usage.content_type)
    headers = (*conditions(if_match, if_none_match), kind)
    return {"body": data, "headers": headers, "timeout": timeout}


def _from_store(selector: DocumentSelector, known: StoredDocument) -> Document:
    return Document(
        selector=selector, url=known.doc_uri, body=known.doc, etag=known.etag, is_stored=True
    )


def _path(selector: DocumentSelector, node: NodeSelector) -> str:
    return f"{selector.path}/~~/{node.path}"


def _node(selector: DocumentSelector, node: NodeSelector, response: Response) -> Node:
    check_status(response)
    last = node.steps[-1]
    namespace = last.namespace or selector.application.namespace
    return Node(
        selector=node,
        url=response.url,
        body=response.body,
        etag=etag_of(response),
        namespace=None if last.name == "*" else namespace,
    )


def _node_type(node: NodeSelector) -> str:
    if node.kind == "namespaces":
        raise SelectorError("namespace bindings can only be read (RFC 4825, 7.10)")
    return _ELEMENT if node.kind == "element" else _ATTRIBUTE
