"""Documents of one XCAP server, kept in a store, read with conditional requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import onehttp
from onehttp.calls.arguments import CallArguments, TimeoutSource
from onehttp.calls.named_call import NamedCall
from onehttp.xcap.cached_documents import CachedDocuments
from onehttp.xcap.changes import Callback, Listeners
from onehttp.xcap.client_refresh import ClientRows
from onehttp.xcap.conditional import check_status, conditions, etag_of, is_done
from onehttp.xcap.documents import Document, Node
from onehttp.xcap.errors import SelectorError, StoreError
from onehttp.xcap.fragments import parse_fragment
from onehttp.xcap.refresh import Refresh
from onehttp.xcap.refresh_report import RefreshReport
from onehttp.xcap.safe_xml import check, check_utf8
from onehttp.xcap.selectors import DocumentSelector, NodeSelector
from onehttp.xcap.store import StoredDocument, XcapStore
from onehttp.xcap.store.etags import usable_etag
from onehttp_backends.contract import Response
from onehttp_backends.headers import HeaderPairs

_ELEMENT = "application/xcap-el+xml"
_ATTRIBUTE = "application/xcap-att+xml"


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
        self._cached = CachedDocuments(self.connection, store, self._listeners)

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
        known = self._cached.find(selector)
        response = self.connection.get(selector.path, **_reading(known, timeout))
        return self._cached.received(selector, known, response)

    async def aget(self, selector: DocumentSelector, *, timeout: TimeoutSource = None) -> Document:
        """`get`, awaitable; the store is asked on a thread."""
        known = await asyncio.to_thread(self._cached.find, selector)
        response = await self.connection.aget(selector.path, **_reading(known, timeout))
        return await asyncio.to_thread(self._cached.received, selector, known, response)

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

        A server that has only accepted the change (202) leaves the store as it is, and
        ``is_done`` False.
        """
        data, headers = _writing(selector, body, if_match, if_none_match, content_type)
        response = self.connection.put(selector.path, body=data, headers=headers, timeout=timeout)
        return self._cached.written(selector, data, response)

    async def aput(
        self,
        selector: DocumentSelector,
        body: bytes | str,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        content_type: str | None = None,
        timeout: TimeoutSource = None,
    ) -> Document:
        """`put`, awaitable."""
        data, headers = _writing(selector, body, if_match, if_none_match, content_type)
        response = await self.connection.aput(
            selector.path, body=data, headers=headers, timeout=timeout
        )
        return await asyncio.to_thread(self._cached.written, selector, data, response)

    def delete(
        self,
        selector: DocumentSelector,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> None:
        """Delete the document, there and in the store; there only, if that is still to be done
        (202)."""
        headers = conditions(if_match)
        response = self.connection.delete(selector.path, headers=headers, timeout=timeout)
        self._cached.deleted(selector, response)

    async def adelete(
        self,
        selector: DocumentSelector,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> None:
        """`delete`, awaitable."""
        headers = conditions(if_match)
        response = await self.connection.adelete(selector.path, headers=headers, timeout=timeout)
        await asyncio.to_thread(self._cached.deleted, selector, response)

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
            the document's new etag, None where the server gave none, or has only accepted the
            change (202); its stored copy is brought up to date by the next `get`.

        Raises:
            XmlError: not an element, or not UTF-8; nothing was sent.
        """
        path, headers = _path(selector, node), _node_headers(node, if_match)
        data = _node_body(node, body, path)
        sent = self.connection.put(path, body=data, headers=headers, timeout=timeout)
        return _changed(sent)

    async def aput_element(
        self,
        selector: DocumentSelector,
        node: NodeSelector,
        body: bytes | str,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> str | None:
        """`put_element`, awaitable."""
        path, headers = _path(selector, node), _node_headers(node, if_match)
        data = _node_body(node, body, path)
        sent = await self.connection.aput(path, body=data, headers=headers, timeout=timeout)
        return _changed(sent)

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
        return _changed(self.connection.delete(path, headers=headers, timeout=timeout))

    async def adelete_element(
        self,
        selector: DocumentSelector,
        node: NodeSelector,
        *,
        if_match: str | None = None,
        timeout: TimeoutSource = None,
    ) -> str | None:
        """`delete_element`, awaitable."""
        path, headers = _path(selector, node), conditions(if_match)
        return _changed(await self.connection.adelete(path, headers=headers, timeout=timeout))

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
        return self._cached.url(selector)

    def _refresh(self) -> Refresh[NamedCall]:
        if self.store is None:
            raise StoreError("this client has no store: XcapClient(connection, store)")
        prefix = f"{self._cached.root}/"
        return Refresh(self.store, ClientRows(self.connection), self._listeners, prefix=prefix)


def _reading(known: StoredDocument | None, timeout: TimeoutSource) -> CallArguments:
    headers = conditions(if_none_match=usable_etag(known.etag) if known else None)
    return {"headers": headers, "timeout": timeout}


def _writing(
    selector: DocumentSelector,
    body: bytes | str,
    if_match: str | None,
    if_none_match: str | None,
    content_type: str | None,
) -> tuple[bytes, HeaderPairs]:
    """A document as it is sent, and the headers with it."""
    usage = selector.application
    data = body.encode() if isinstance(body, str) else body
    check(data, usage, selector.path)
    kind = ("Content-Type", content_type or usage.content_type)
    return data, (*conditions(if_match, if_none_match), kind)


def _path(selector: DocumentSelector, node: NodeSelector) -> str:
    return f"{selector.path}/~~/{node.path}"


def _node(selector: DocumentSelector, node: NodeSelector, response: Response) -> Node:
    check_status(response)
    check_utf8(response.body, response.url)
    last, usage = node.steps[-1], selector.application
    return Node(
        selector=node,
        url=response.url,
        body=response.body,
        etag=etag_of(response),
        namespace=None if last.name == "*" else last.namespace or usage.namespace,
        accepted=frozenset() if last.namespace else usage.accepted,
    )


def _node_headers(node: NodeSelector, if_match: str | None) -> HeaderPairs:
    if node.kind == "namespaces":
        raise SelectorError("namespace bindings can only be read (RFC 4825, 7.10)")
    kind = _ELEMENT if node.kind == "element" else _ATTRIBUTE
    return (*conditions(if_match), ("Content-Type", kind))


def _node_body(node: NodeSelector, body: bytes | str, path: str) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    if node.kind == "element":
        parse_fragment(data, path, None, {})
    check_utf8(data, path)
    return data


def _changed(response: Response) -> str | None:
    """The etag of the document after a change to one of its nodes."""
    check_status(response)
    return etag_of(response) if is_done(response) else None
