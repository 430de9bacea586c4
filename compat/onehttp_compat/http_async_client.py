"""Module ``http_async_client``: queries that suspend a transaction, or run a route with the answer.

Functions that only its first revisions had are in `async_http`. Both share the same settings.
"""

from __future__ import annotations

from onehttp_compat.modules.http_async_client.module import (
    COUNTERS,
    GROUP,
    LONGEST_ROUTE,
    HttpAsyncClient,
)
from onehttp_compat.modules.http_async_client.settings import MEMORY_MANAGERS
from onehttp_compat.server import default_server

__all__ = [
    "COUNTERS",
    "GROUP",
    "LONGEST_ROUTE",
    "MEMORY_MANAGERS",
    "HttpAsyncClient",
    "call",
    "http_async_query",
    "http_async_send",
    "http_async_send_xdata",
]


def call(name: str, *arguments: str) -> int:
    """Call a function of this module on the default server, as a native script does."""
    return default_server().call(name, arguments)


def http_async_query(*arguments: str) -> int:
    """``http_async_query(url, route)`` of a native script."""
    return call("http_async_query", *arguments)


def http_async_send(url: str, route: str) -> int:
    """``http_async_send(url, route)`` of a native script."""
    return call("http_async_send", url, route)


def http_async_send_xdata(url: str, route: str, xdata: str) -> int:
    """``http_async_send_xdata(url, route, xdata)`` of a native script."""
    return call("http_async_send_xdata", url, route, xdata)
