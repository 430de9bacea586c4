"""Which proxy a request goes through; of the environment as libcurl reads it.

Source: https://everything.curl.dev/usingcurl/proxies/env.html; tests compare with libcurl itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from onehttp_backends.contract import Proxy

if TYPE_CHECKING:
    import ipaddress


def proxy_of(proxy: Proxy | None, url: str) -> str | None:
    """The URL of the proxy on the way to ``url``, which may have no scheme, or None for none."""
    if proxy is None:
        return None
    return environment_proxy(url) if proxy.from_environment else proxy.url or None


def environment_proxy(url: str) -> str | None:
    """The URL of the proxy, which may have no scheme, or None for none.

    ``HTTP_PROXY`` counts for nothing: in CGI programs it is a request's header.
    """
    from urllib.parse import urlsplit  # not every program has a proxy

    environment = os.environ
    parts = urlsplit(url)
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if is_exempt(parts.hostname or "", exempt):
        return None
    scheme = parts.scheme.lower()
    names = [f"{scheme}_proxy", "all_proxy", "ALL_PROXY"]
    if scheme != "http":
        names.insert(1, f"{scheme.upper()}_PROXY")
    return next((environment[name] for name in names if environment.get(name)), None)


def is_exempt(host: str, exempt: str) -> bool:
    """Whether a ``no_proxy`` says so of a host, whose address has no brackets.

    An entry is a domain, with all below it, an address, or a network of them; a port means nothing.
    """
    import ipaddress

    if exempt.strip() == "*":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".").lower()
        return any(name == entry or name.endswith(f".{entry}") for entry in _domains(exempt))
    return any(_is_in(address, entry) for entry in _entries(exempt))


def _domains(exempt: str) -> Iterator[str]:
    for entry in _entries(exempt):
        domain = entry.removeprefix(".").removesuffix(".").lower()
        if domain:
            yield domain


def _entries(exempt: str) -> Iterator[str]:
    for part in exempt.split(","):
        entry, *others = part.split() or [""]
        if entry:
            yield entry
        if others:  # what follows a blank is not read, nor anything behind it
            return


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, entry: str) -> bool:
    import ipaddress

    network, slash, bits = entry.partition("/")
    try:
        return address in ipaddress.ip_network(f"{network}/{bits}" if slash else network, False)
    except ValueError:
        return False
