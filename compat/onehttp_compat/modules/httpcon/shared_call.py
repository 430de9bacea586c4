"""A legacy call over a connection of ``connections.yaml``: its policies and redirects apply."""

from __future__ import annotations

from typing import NamedTuple

import onehttp
from onehttp import Request, Response, TransferError
from onehttp.lowlevel import HeaderPairs, ReadyConnection
from onehttp_compat.wire.urls import legacy_url


class SharedCall(NamedTuple):
    """GET, or POST where there is a body."""

    path: str
    headers: HeaderPairs
    body: bytes | None

    def on(self, ready: ReadyConnection) -> Request:
        """The request that it makes on ``ready``."""
        spec = ready.spec
        headers = (*spec.headers, *self.headers) if self.headers else spec.headers
        method = "GET" if self.body is None else "POST"
        url = ready.url(self.path)
        if not url.isascii():
            url, _ = legacy_url(url)
        return Request(method, url, headers, self.body, spec.options)

    def hops_on(self, ready: ReadyConnection) -> int:
        """How many redirects it follows there."""
        return ready.spec.max_redirects

    def outcome(self, connection: str) -> Response | TransferError:
        """Perform it."""
        try:
            return onehttp.connection(connection).send(self)
        except TransferError as error:
            return error
