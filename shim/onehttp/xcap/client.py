"""Documents of one XCAP server, kept in a store, read with conditional requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import onehttp
from onehttp.calls.arguments import CallArguments, TimeoutSource
from onehttp.xcap.cached_documents import CachedDocuments
from onehttp.xcap.changes import Callback, Listeners
from onehttp.xcap.client_refresh import ClientRows, Question
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
    """A client for one XCAP root: the URL of a named connection, with its credentials and limits.

    Args:
        connection: the connection, or its name.
        store: where documents are kept. With None every `get` fetches the whole document.

    In all methods, ``timeout`` limits the request, in seconds or as a `Timeout`; by default the
    limits of the connection apply.

    Raises (all calls):
        TransferError: the server gave no response, or one that exceeds the connection's limits.
        NotFoundError, PreconditionFailedError, ConflictError, StatusError: the server refused.
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
            types: the types of documents to report, as bits of `DocType`; None for all.

        Returns:
            A function that ends the reports to this callback.
        """
        return self._listeners.add(callback, types)

    # ---- documents

    def get(self, selector: DocumentSelector, *, timeout: TimeoutSource = None) -> Document:
        """Get a document; it comes from the store if the server says that it is unchanged.

        Raises:
            XmlError, WrongNamespaceError: the server sent no valid document of this kind. The
                stored one is kept.
        """
        known = self._cached.find(selector)
        response = self.connection.get(selector.path, **_reading(known, timeout))
        return self._cached.received(selector, known, response)

    async def aget(self, selector: DocumentSelector, *, timeout: TimeoutSource = None) -> Document:
        """`get`, awaitable; the store is read and written in a thread."""
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
        """Create or replace a document.

        If the server has only accepted the change (202), the store is left as it is, and
        ``is_done`` of the result is False.

        Args:
            body: the document, as XML.
            if_match: replace it only if it has this etag, or only if it exists (``*``).
            if_none_match: ``*`` creates it only if it does not exist.
            content_type: its media type; by default that of its application usage.

        Raises:
            XmlError, WrongNamespaceError: ``body`` is no valid document; nothing was sent.
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
        """Delete a document on the server and in the store.

        If the server has only accepted the request (202), the store keeps its copy.
        """
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
        """Get one node of a document from the server; nodes are not stored."""
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
            The new etag of the document; None if the server gave none, or has only accepted the
            change (202). The stored copy of the document is updated by the next `get`.

        Raises:
            XmlError: ``body`` is no element, or not in UTF-8; nothing was sent.
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
        """Delete one element or attribute; returns the new etag of the document, as
        `put_element`."""
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
        """Update every stored document of this root that has changed, by many requests at once.

        Raises:
            StoreError: there is no store, or it cannot be read.
        """
        return self._refresh().run()

    async def arefresh(self) -> RefreshReport:
        """`refresh`, awaitable; the event loop drives the requests."""
        return await self._refresh().arun()

    def url(self, selector: DocumentSelector) -> str:
        """The URL of a document, which is also the key of its row in the store."""
        return self._cached.url(selector)

    def _refresh(self) -> Refresh[Question]:
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
    """The body and headers of a request that writes a document."""
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
