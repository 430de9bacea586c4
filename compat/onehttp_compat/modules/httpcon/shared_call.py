"""A legacy call over a connection of ``connections.yaml``, with its policies and redirects."""

from __future__ import annotations

from typing import NamedTuple

import onehttp
from onehttp import Request, Response, TransferError
from onehttp.lowlevel import HeaderPairs, ReadyConnection
from onehttp_compat.wire.urls import legacy_url


class SharedCall(NamedTuple):
    """A GET, or a POST if there is a body."""

    path: str
    headers: HeaderPairs
    body: bytes | None

    def on(self, ready: ReadyConnection) -> Request:
        """Build the request for the connection ``ready``."""
        spec = ready.spec
        headers = (*spec.headers, *self.headers) if self.headers else spec.headers
        method = "GET" if self.body is None else "POST"
        url = ready.url(self.path)
        if not url.isascii():
            url, _ = legacy_url(url)
        return Request(method, url, headers, self.body, spec.options)

    def hops_on(self, ready: ReadyConnection) -> int:
        """How many redirects the call follows on that connection."""
        return ready.spec.max_redirects

    def outcome(self, connection: str) -> Response | TransferError:
        """Make the call and return its outcome."""
        try:
            return onehttp.connection(connection).send(self)
        except TransferError as error:
            return error
