"""httpx clients: one for each options object, with its TLS, proxy and versions."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from typing import Any
from urllib.request import getproxies

import httpx

from onehttp_backends.contract import HttpVersion, TransferOptions
from onehttp_backends.double.tls import tls_context
from onehttp_backends.double.wire import SLICE_BYTES
from onehttp_backends.errors import CurlCode, transfer_error
from onehttp_backends.request_rules import check_options

MAX_CLIENTS = 256
SIOCGIFADDR = 0x8915


class Clients:
    """Clients by the identity of their options. All are used on one event loop."""

    def __init__(self) -> None:
        self._clients: dict[int, tuple[TransferOptions, httpx.AsyncClient]] = {}
        self._retired: list[httpx.AsyncClient] = []

    def get(self, options: TransferOptions) -> httpx.AsyncClient:
        """The client for these options.

        Raises:
            TransferError: the options ask for what httpx cannot do, or name unusable files.
        """
        found = self._clients.get(id(options))
        if found is None:
            if len(self._clients) >= MAX_CLIENTS:
                del self._clients[next(iter(self._clients))]
            found = self._clients[id(options)] = (options, make_client(options))
        return found[1]

    def forget(self, options: TransferOptions) -> None:
        """No new request has these options; their client ends with all others, since requests
        under way may use it."""
        found = self._clients.pop(id(options), None)
        if found is not None:
            self._retired.append(found[1])

    async def aclose(self) -> None:
        for client in (*(client for _, client in self._clients.values()), *self._retired):
            await client.aclose()
        self._clients.clear()
        self._retired.clear()


def make_client(options: TransferOptions) -> httpx.AsyncClient:
    """A client for these options."""
    check_options(options)
    version = options.http_version
    if version is HttpVersion.HTTP_3:
        raise transfer_error(CurlCode.NOT_BUILT_IN, "the httpx double does not speak HTTP/3")
    transport: dict[str, Any] = {
        "verify": tls_context(options.tls),
        "http1": version is not HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
        "http2": version is not HttpVersion.HTTP_1_1,
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=1024),
    }
    if options.idle_timeout_s:
        # What the kernel takes of a slice counts as sent; it takes megabytes, unless told.
        transport["socket_options"] = [(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SLICE_BYTES)]
    if options.interface:
        transport["local_address"] = _address(options.interface)
    proxy = options.proxy
    if proxy and proxy.url:
        credentials = (proxy.username, proxy.secret) if proxy.username else None
        transport["proxy"] = httpx.Proxy(proxy.url, auth=credentials)
    if not (proxy and proxy.from_environment and getproxies()):
        mounts = {"all://": httpx.AsyncHTTPTransport(**transport)}
        return httpx.AsyncClient(mounts=mounts, trust_env=False, timeout=None)
    transport.pop("proxy", None)
    transport.pop("socket_options", None)  # httpx makes the ways through proxies without any
    local = transport.pop("local_address", None)
    return httpx.AsyncClient(
        **transport,
        transport=httpx.AsyncHTTPTransport(**transport, local_address=local) if local else None,
        trust_env=True,
        timeout=None,
    )


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
