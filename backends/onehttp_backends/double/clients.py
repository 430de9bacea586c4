"""httpx clients: one for each options object, with its TLS, proxy and versions."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from typing import Any, Final

from onehttp_backends.contract import HttpVersion, Proxy, Tls, TransferOptions
from onehttp_backends.double.credentials.digest import Remembered
from onehttp_backends.double.library import httpx
from onehttp_backends.double.tls import proxy_context, tls_context
from onehttp_backends.double.wire import SLICE_BYTES
from onehttp_backends.errors import CurlCode, Phase, RequestError, transfer_error
from onehttp_backends.rules.request_rules import check_options

MAX_CLIENTS = 256
SIOCGIFADDR = 0x8915
_PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


class Clients:
    """Clients by the identity of their options, and by proxy. All are used on one event loop."""

    def __init__(self) -> None:
        self._clients: dict[tuple[int, str | None], tuple[TransferOptions, httpx.AsyncClient]] = {}
        self._retired: list[httpx.AsyncClient] = []
        self._remembered: dict[tuple[int, str], tuple[TransferOptions, Remembered]] = {}

    def get(self, options: TransferOptions, proxy_url: str | None) -> httpx.AsyncClient:
        """The client for these options.

        Raises:
            TransferError: the options ask for what httpx cannot do, or name unusable files.
        """
        key = (id(options), proxy_url)
        found = self._clients.get(key)
        if found is None:
            if len(self._clients) >= MAX_CLIENTS:
                del self._clients[next(iter(self._clients))]
            found = self._clients[key] = (options, make_client(options, proxy_url))
        return found[1]

    def remembered(self, options: TransferOptions, origin: str) -> Remembered:
        """What calls with these options have been asked for by this origin; nothing without kept
        connections."""
        if not options.reuse:
            return Remembered()
        key = (id(options), origin)
        found = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= MAX_CLIENTS:
                del self._remembered[next(iter(self._remembered))]
            found = self._remembered[key] = (options, Remembered())
        return found[1]

    def forget(self, options: TransferOptions) -> None:
        """No new request has these options; their clients end with all others, since requests
        under way may use them."""
        for known in [known for known in self._remembered if known[0] == id(options)]:
            del self._remembered[known]
        for key in [key for key in self._clients if key[0] == id(options)]:
            self._retired.append(self._clients.pop(key)[1])

    async def aclose(self) -> None:
        for client in (*(client for _, client in self._clients.values()), *self._retired):
            await client.aclose()
        self._clients.clear()
        self._retired.clear()


def make_client(options: TransferOptions, proxy_url: str | None) -> httpx.AsyncClient:
    """A client for these options, through this proxy.

    Raises:
        TransferError: the options ask for what httpx cannot do, or name unusable files.
    """
    check_options(options)
    version = options.http_version
    if version in (HttpVersion.HTTP_3, HttpVersion.HTTP_3_ONLY):
        raise transfer_error(CurlCode.NOT_BUILT_IN, "the httpx double does not speak HTTP/3")
    context = tls_context(options.tls, as_libcurl=options.as_libcurl)
    transport: dict[str, Any] = {
        "verify": context,
        "http1": version is not HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
        "http2": version is not HttpVersion.HTTP_1_1,
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=1024),
    }
    if options.unix_socket:
        transport["uds"] = options.unix_socket
    elif options.idle_timeout_s:
        # What the kernel takes of a slice counts as sent; it takes megabytes, unless told.
        transport["socket_options"] = [(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SLICE_BYTES)]
    if options.interface:
        transport["local_address"] = _address(options.interface)
    if proxy_url is not None and options.proxy is not None:
        transport["proxy"] = _proxy(proxy_url, options.proxy, options.tls)
    # Not among `mounts`: the client would make one more transport, and read a file of authorities.
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(**transport), trust_env=False, timeout=None
    )


def check_proxy(url: str) -> str:
    """The URL of a proxy that httpx can use, its scheme written out.

    Raises:
        RequestError: httpx knows no such proxies.
    """
    scheme = url.partition("://")[0].lower() if "://" in url else "http"
    if scheme not in _PROXY_SCHEMES:
        raise RequestError(
            CurlCode.COULDNT_CONNECT,
            f"proxy: the httpx double knows {', '.join(_PROXY_SCHEMES)}, not {scheme!r}",
        )
    return url if "://" in url else f"http://{url}"


def _proxy(url: str, proxy: Proxy, tls: Tls) -> httpx.Proxy:
    credentials = (proxy.username, proxy.secret) if proxy.username or proxy.secret else None
    url = check_proxy(url)
    is_tls = url.lower().startswith("https:")
    try:
        return httpx.Proxy(
            url, auth=credentials, ssl_context=proxy_context(proxy, tls) if is_tls else None
        )
    except httpx.InvalidURL:  # of the environment, which nobody has checked
        raise transfer_error(
            CurlCode.COULDNT_RESOLVE_PROXY, "the proxy's URL names no host", phase=Phase.LOOKUP
        ) from None


def _address(interface: str) -> str:
    """The local address to bind to, of an address or the name of an interface."""
    name = interface.removeprefix("host!").removeprefix("if!")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass  # a name, then
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            packed = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name[:15].encode()))
        except OSError:
            raise transfer_error(
                CurlCode.INTERFACE_FAILED, f"interface {interface!r}: no such interface"
            ) from None
    return socket.inet_ntoa(packed[20:24])
