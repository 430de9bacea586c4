"""The first revisions of the asynchronous module, whose README called it ``async_http``.

Functions make its settings instead of ``$http_req(key)``, and a query may have a body as an
argument. They share their settings and queries with `onehttp_compat.http_async_client`.
"""

from __future__ import annotations

from onehttp_compat.modules.http_async_client.first_revisions import AsyncHttp as AsyncHttp
from onehttp_compat.server import default_server


def call(name: str, *arguments: str | int) -> int:
    """Call a function of these revisions on the default server, as a native script does."""
    return default_server().call(name, arguments)


def http_async_query(*arguments: str) -> int:
    """``http_async_query(url[, post], route)`` of a native script."""
    return call("http_async_query", *arguments)


def http_set_timeout(ms: int) -> int:
    """``http_set_timeout(ms)`` of a native script."""
    return call("http_set_timeout", ms)


def http_append_header(line: str) -> int:
    """``http_append_header(line)`` of a native script."""
    return call("http_append_header", line)


def http_set_method(name: str) -> int:
    """``http_set_method(name)`` of a native script."""
    return call("http_set_method", name)


def http_async_suspend(flag: int) -> int:
    """``http_async_suspend(flag)`` of a native script."""
    return call("http_async_suspend", flag)


def http_verify_host(flag: int) -> int:
    """``http_verify_host(flag)`` of a native script."""
    return call("http_verify_host", flag)


def http_verify_peer(flag: int) -> int:
    """``http_verify_peer(flag)`` of a native script."""
    return call("http_verify_peer", flag)


def http_set_ssl_cert(file: str) -> int:
    """``http_set_ssl_cert(file)`` of a native script."""
    return call("http_set_ssl_cert", file)


def http_set_ssl_key(file: str) -> int:
    """``http_set_ssl_key(file)`` of a native script."""
    return call("http_set_ssl_key", file)


def http_set_ca_path(folder: str) -> int:
    """``http_set_ca_path(folder)`` of a native script."""
    return call("http_set_ca_path", folder)


def tls_verify_host(flag: int) -> int:
    """``tls_verify_host(flag)`` of a native script."""
    return call("tls_verify_host", flag)


def tls_verify_peer(flag: int) -> int:
    """``tls_verify_peer(flag)`` of a native script."""
    return call("tls_verify_peer", flag)


def http_set_tls_client_cert(file: str) -> int:
    """``http_set_tls_client_cert(file)`` of a native script."""
    return call("http_set_tls_client_cert", file)


def http_set_tls_client_key(file: str) -> int:
    """``http_set_tls_client_key(file)`` of a native script."""
    return call("http_set_tls_client_key", file)


def http_set_tls_ca_path(folder: str) -> int:
    """``http_set_tls_ca_path(folder)`` of a native script."""
    return call("http_set_tls_ca_path", folder)
