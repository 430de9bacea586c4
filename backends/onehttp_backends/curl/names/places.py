"""The hosts whose addresses libcurl needs for a URL: the server's, a proxy's, or both."""

from __future__ import annotations

import re
import socket
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from onehttp_backends.contract import Proxy
from onehttp_backends.curl.names.environment import proxy_variables
from onehttp_backends.curl.names.lookup import is_localhost

HTTPS_PORT: Final = 443
PROXY_PORT: Final = 1080
"""libcurl's default, for HTTP proxies too."""
_RESOLVES_AT_HOME: Final = ("socks4", "socks5")
"""The proxy is told an address; socks4a and socks5h are told the name."""
_is_host: Final = re.compile(r"[A-Za-z0-9_.:-]{1,255}").fullmatch


class Place(NamedTuple):
    """A host and port to connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        """In the notation of libcurl's ``RESOLVE``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(url: str, default_port: int = 80) -> Place | None:
    """The host and port of a URL; None if it has none that could be looked up."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not _is_host(host):
        return None
    return Place(host, port or (HTTPS_PORT if parts.scheme == "https" else default_port))


def places(url: str, proxy: Proxy | None) -> list[Place]:
    """The places whose addresses libcurl needs; empty if no lookup is needed."""
    found = [place for place in _on_the_way(url, proxy) if place]
    return found if any(needs_lookup(place.host) for place in found) else []


def needs_lookup(host: str) -> bool:
    """Whether libcurl would look ``host`` up: it is no IP address, and not this host."""
    return not (_is_address(host) or is_localhost(host))


def leads_to_one_address(url: str, proxy: Proxy | None) -> bool:
    """Whether libcurl connects to an address that the URL, or that of the proxy, has in it."""
    return all(place and _is_address(place.host) for place in _on_the_way(url, proxy))


def _is_address(host: str) -> bool:
    """Whether ``host`` is an IP address, in a notation that libcurl takes for one."""
    try:
        return ":" in host or bool(socket.inet_aton(host))
    except OSError:
        return False


def _on_the_way(url: str, proxy: Proxy | None) -> list[Place | None]:
    if proxy is None:
        return [place_of(url)]
    if proxy.from_environment:
        # Superset: which one it is, and whether at all, depends on rules that are libcurl's.
        named = proxy_variables()
        scheme = url.partition(":")[0].lower()
        found = [
            _proxy_place(named[name])
            for name in (f"{scheme}_proxy", "all_proxy")
            if named.get(name)
        ]
        return [*found, place_of(url)] if named.get("no_proxy") or not found else found
    if not proxy.url:
        return [place_of(url)]
    found = [_proxy_place(proxy.url)]
    if proxy.url.lower().startswith(tuple(f"{scheme}://" for scheme in _RESOLVES_AT_HOME)):
        found.append(place_of(url))
    return found


def _proxy_place(url: str) -> Place | None:
    return place_of(url if "://" in url else f"http://{url}", PROXY_PORT)
