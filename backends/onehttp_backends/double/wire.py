"""Our `Request` as httpx sends it, header for header what libcurl would send."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from onehttp_backends.codings.decoder import accepted
from onehttp_backends.contract import Request
from onehttp_backends.double.library import httpx
from onehttp_backends.errors import CurlCode, Phase, RequestError, Sent, transfer_error
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.framing import CODING, CONNECTION
from onehttp_backends.rules.proxies import proxy_of
from onehttp_backends.rules.url_paths import asked_path, in_ascii
from onehttp_backends.shown import shown

FORM = "application/x-www-form-urlencoded"
SLICE_BYTES = 16 * 1024
MAX_UNASKED_BYTES = 1024 * 1024
"""A larger body is announced, and asked for, where options say so. The double does not wait."""
MAX_HEAD_BYTES = 1024 * 1024
"""libcurl's limit for a request line and its headers."""
LOCAL = ".localhost"
"""Names with this ending are this machine (RFC 6761), whatever resolvers say."""
MAX_URL = 64 * 1024
"""The library's limit."""


def wire_request(request: Request, trace: object) -> httpx.Request:
    """The httpx request; ``trace`` is told of its progress.

    Raises:
        TooLargeError: its head is larger than libcurl sends.
        RequestError: see `library_url`; of one for a proxy.
    """
    parts = urlsplit(request.url)
    host, escape, zone = _as_address(parts.netloc).partition("%25")
    headers = wire_headers(request, host + zone[zone.find("]") :] if escape else host)
    dialled = f"{host}%{zone}" if escape else _dialled(host)  # for the zone httpx's own notation
    extensions: dict[str, object] = {"trace": trace}
    target = target_of(request.url)
    _check_size(request, target, headers)
    if proxy_of(request.options.proxy, request.url) is None:
        # As it stands: httpx would encode it anew, and refuse a long one.
        extensions["target"] = target.encode()
        url = httpx.URL(f"{parts.scheme}://{dialled}/")
        if url.scheme == "http" and url.host.rstrip(".").endswith(LOCAL):
            url = url.copy_with(host=LOCAL[1:])
    else:  # a proxy's request line is httpcore's to write
        url = library_url(request.url.replace(parts.netloc, dialled, 1))
    made = httpx.Request(
        request.method,
        url,
        headers=[(name.encode(), value.strip(" \t").encode()) for name, value in headers],
        content=request.body,
        extensions=extensions,
    )
    made.method = request.method  # httpx writes it in capitals
    names = {name.lower() for name, _ in headers}
    if "host" not in names:
        del made.headers["Host"]
    if "transfer-encoding" in names or "content-length" not in names:
        made.headers.pop("Content-Length", None)  # httpx adds one for a known length, or for none
    return made


def library_url(url: str) -> httpx.URL:
    """As the library has it.

    Raises:
        RequestError: it is longer than the library takes.
    """
    if len(url) > MAX_URL:
        text = f"URL: {len(url)} characters, of which the double tells proxies and applications"
        raise RequestError(CurlCode.URL_MALFORMAT, f"{text} {MAX_URL}")
    return httpx.URL(url)


def _check_size(request: Request, target: str, headers: HeaderPairs) -> None:
    line = len(request.method) + len(target) + len(" " + " HTTP/1.1\r\n")
    fields = sum(len(name) + len(value) + len(": \r\n") for name, value in headers)
    if line + fields + len("\r\n") >= MAX_HEAD_BYTES:
        text = f"{shown(request)}: HTTP request too large"
        raise transfer_error(CurlCode.TOO_LARGE, text, sent=Sent.NO, phase=Phase.QUEUE)


def _dialled(authority: str) -> str:
    """Resolvers do not know ``localhost.`` with its dot."""
    host, colon, port = authority.partition(":")
    return f"localhost{colon}{port}" if host.lower() == "localhost." else authority


def _as_address(authority: str) -> str:
    """An IPv4 address written in one way, of the many that libcurl knows: ``127.1``, ``0x7f.1``."""
    host, colon, port = authority.partition(":")
    if host[:1].isdigit():
        with contextlib.suppress(OSError):
            host = socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    return f"{host}{colon}{port}"


def tunnel_to(url: str) -> bytes:
    """The host and the port that a proxy is asked for the way to, as libcurl writes them."""
    authority = _as_address(urlsplit(url).netloc)
    host, _, port = authority.rpartition(":")
    if not host or authority.endswith("]"):
        host, port = authority, ""
    if host.startswith("["):
        host = f"[{ipaddress.ip_address(host[1:-1].partition('%')[0])}]"
    return f"{host}:{int(port or 443)}".encode()


class Slices(httpx.AsyncByteStream):
    """A body in pieces: httpcore's limit for a write would otherwise be one for all of it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.given = 0
        """Bytes until now."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), SLICE_BYTES):
            piece = self._body[start : start + SLICE_BYTES]
            self.given += len(piece)
            yield piece


def wire_headers(request: Request, host: str) -> HeaderPairs:
    """Defaults, then the caller's, then those of the body; the caller's replace defaults."""
    headers = [pair for pair in request.headers if not _takes_out_coding(*pair)]
    given = {name.lower() for name, _ in headers}
    defaults = [("Host", host), ("User-Agent", request.options.user_agent or "")]
    defaults.append(("Accept", "*/*"))
    if request.options.decompress:
        defaults.append(("Accept-Encoding", accepted()))
    if _is_asked_of_a_proxy(request):
        defaults.append(("Proxy-Connection", "Keep-Alive"))
    of_body: list[tuple[str, str]] = []
    if request.body is not None:
        if "transfer-encoding" not in given:
            of_body.append(("Content-Length", str(len(request.body))))
        of_body.append(("Content-Type", FORM))
    elif request.upload is not None:
        size = request.upload.size
        framing = (
            ("Transfer-Encoding", "chunked") if size is None else ("Content-Length", str(size))
        )
        of_body.append(framing)
    size = len(request.body) if request.body is not None else -1
    if request.upload is not None:
        size = MAX_UNASKED_BYTES + 1 if request.upload.size is None else request.upload.size
    if request.options.expect_continue and size > MAX_UNASKED_BYTES:
        of_body.append(("Expect", "100-continue"))
    removable = {"accept", "content-length", "content-type", "expect", "host", "user-agent"}
    removable.add(CONNECTION)
    own = [pair for pair in headers if pair[1].strip(" \t") or pair[0].lower() not in removable]
    return (
        *((name, value) for name, value in defaults if value and name.lower() not in given),
        *(pair for pair in own if pair[0].lower() != CONNECTION),
        *((name, value) for name, value in of_body if name.lower() not in given),
        *(pair for pair in own if pair[0].lower() == CONNECTION),
    )


def _is_asked_of_a_proxy(request: Request) -> bool:
    """Whether a proxy reads the request, instead of carrying bytes."""
    proxy_url = proxy_of(request.options.proxy, request.url)
    if proxy_url is None or request.url[:6].lower() == "https:":
        return False
    return not proxy_url.lower().startswith("socks")


def _takes_out_coding(name: str, value: str) -> bool:
    """``Transfer-Encoding`` with no value: as if it were not there."""
    return name.lower() == CODING and not value.strip(" \t")


def target_of(url: str) -> str:
    """Path and query as libcurl puts them on the request line: no fragment, no dot segments.

    What is not ASCII goes out percent-encoded: h11 refuses to send it as it is.
    """
    rest = url.partition("://")[2].partition("#")[0]
    cut = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    tail = rest[cut:]
    path, mark, query = tail.partition("?")
    target = f"{asked_path(path) or '/'}{mark}{query}"
    return in_ascii(target)


def head_lines(response: httpx.Response) -> list[bytes]:
    """The raw head of a response, as libcurl hands it over line by line."""
    version = response.extensions.get("http_version", b"HTTP/1.1")
    reason = response.extensions.get("reason_phrase", b"")
    lines = [b"%s %d %s\r\n" % (version, response.status_code, reason)]
    lines += [b"%s: %s\r\n" % pair for pair in response.headers.raw]
    return [*lines, b"\r\n"]
