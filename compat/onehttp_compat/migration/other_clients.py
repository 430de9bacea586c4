"""Calls of other HTTP clients, which block a worker of the server without using the engine."""

from __future__ import annotations

from typing import Final

_METHODS: Final = frozenset(("get", "post", "put", "patch", "delete", "head", "options"))
CLIENTS: Final = {
    "requests": (*sorted(_METHODS), "request", "Session", "session"),
    "httplib2": ("Http",),
    "urllib.request": ("urlopen", "urlretrieve", "build_opener"),
    "urllib2": ("urlopen",),
    "urllib3": ("PoolManager", "request", "ProxyManager"),
    "http.client": ("HTTPConnection", "HTTPSConnection"),
    "httpx": (*sorted(_METHODS), "request", "stream", "Client", "AsyncClient"),
    "pycurl": ("Curl", "CurlMulti", "CurlShare"),
    "aiohttp": ("ClientSession", "request"),
}
"""Names that open connections or make clients, by package."""
NOTE: Final = (
    "past the engine: blocks the worker, opens connections of its own and starts a TLS library "
    "of its own"
)


def client_of(origin: str) -> str:
    """Return the package of a dotted name that opens connections; empty for other names."""
    package, _, name = origin.rpartition(".")
    return package if name in CLIENTS.get(package, ()) else ""


def client_replacement(origin: str) -> str:
    """Return the call that replaces it."""
    name = origin.rpartition(".")[2]
    if name in _METHODS:
        return f'onehttp.request("{name.upper()}", url, ...)'
    if name in ("request", "urlopen", "urlretrieve"):
        return "onehttp.request(method, url, ...)"
    return "onehttp.request(method, url, ...), or onehttp.connection(name) for one server"
