"""Module ``http_client``: queries by URL, and calls over named connections with failover."""

from __future__ import annotations

from typing import Any

from onehttp_compat.modules.http_client import HttpClient
from onehttp_compat.modules.http_client_api import Bindings, HttpcResult
from onehttp_compat.server import default_server
from onehttp_compat.wire.libcurl_texts import curlerror

__all__ = [
    "Bindings",
    "HttpClient",
    "HttpcResult",
    "call",
    "curlerror",
    "http_client_get",
    "http_client_query",
    "http_client_request",
    "http_client_request_v2pk",
    "http_client_response_headers_clear",
    "http_client_response_headers_set",
    "http_connect",
    "http_connect_raw",
    "http_get_redirect",
    "load_api",
]


def load_api() -> Bindings:
    """Return the interface that the default server's module offers to other modules."""
    return Bindings(default_server().http_client)


def call(name: str, *arguments: Any) -> int:
    """Call a function of this module on the default server, as a native script does."""
    return default_server().call(name, arguments)


def http_client_query(*arguments: str) -> int:
    """``http_client_query(url[, post[, headers]], result)`` of a native script."""
    return call("http_client_query", *arguments)


def http_client_get(*arguments: str) -> int:
    """``http_client_get(url, body, headers, result)`` of a native script."""
    return call("http_client_get", *arguments)


def http_client_request(*arguments: str) -> int:
    """``http_client_request(method, url, body, headers, result)`` of a native script."""
    return call("http_client_request", *arguments)


def http_client_request_v2pk(*arguments: str) -> int:
    """``http_client_request_v2pk(method, url, body, headers, result)`` of a native script."""
    return call("http_client_request_v2pk", *arguments)


def http_connect(*arguments: str) -> int:
    """``http_connect(con, path[, ctype, data], result)`` of a native script."""
    return call("http_connect", *arguments)


def http_connect_raw(*arguments: str) -> int:
    """``http_connect_raw(con, path, ctype, data, result)`` of a native script."""
    return call("http_connect_raw", *arguments)


def http_get_redirect(*arguments: str) -> int:
    """``http_get_redirect(con, result)`` of a native script."""
    return call("http_get_redirect", *arguments)


def http_client_response_headers_set(mode: int) -> int:
    """``http_client_response_headers_set(mode)`` of a native script."""
    return call("http_client_response_headers_set", mode)


def http_client_response_headers_clear(*ignored: int) -> int:
    """``http_client_response_headers_clear([ignored])`` of a native script."""
    return call("http_client_response_headers_clear", *ignored)
