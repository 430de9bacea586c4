"""What may be sent: the checks every request passes on every backend, before any engine acts.

libcurl sends CR and LF in a header, method or user agent as they are, which lets a caller's
data write headers of its own, and it guesses at URLs without a scheme. Neither happens here.
"""

from __future__ import annotations

import functools
import re

from onehttp_backends.contract import AuthScheme, HttpVersion, Request, TransferOptions
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.at_sight import (
    LONGEST_KNOWN,
    MAX_SECONDS,
    is_plain_time,
    note,
    origin_at_sight,
)
from onehttp_backends.rules.credentials import check_auth, check_proxy
from onehttp_backends.rules.framing import SPECIAL, check_framing
from onehttp_backends.rules.methods import PLAIN_METHODS, check_unusual, is_token
from onehttp_backends.rules.no_hosts import is_no_host

LARGEST_NUMBER = 2**63 - 1  # of a signed 64-bit option of libcurl

_escaped_byte = re.compile(r"[\udc80-\udcff]")
_line_breaking = re.compile(r"[\r\n\0]").search
_breaks_a_field = re.compile(r"[\x01-\x08\x0b-\x1f\x7f]").search
_unsafe_in_url = re.compile(r"[\0-\x20\x7f]").search
_port = r"(?::(?:[1-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_zone = r"(?:%25[A-Za-z0-9_.~-]+)?"  # of a link-local address (RFC 6874)
_host = rf"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+{_zone}\])"
# The first is for nearly all calls, and six times as fast: no case folding, ASCII only.
_usual_url = re.compile(rf"(https?://{_host}{_port})(?:[/?#][!-~]*)?").fullmatch
_any_url = re.compile(
    rf"(https?://{_host}{_port})(?:[/?#][^\0-\x20\x7f]*)?", re.IGNORECASE
).fullmatch
_authority = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)").match

_TLS_TEXTS = (
    *("ca_file", "ca_path", "cert_file", "key_file", "crl_file"),
    *("ciphers", "curves", "pinned_public_key"),
)
PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
MAX_SOCKET_PATH = 107
"""Bytes: what ``sockaddr_un`` of Linux has room for."""
MAX_HOST_LENGTH = 253
_EXPECTED = "expected http://HOST/... or https://HOST/..."
MAX_URL_LENGTH = 8_000_000
"""libcurl's own limit for an input string."""


def check_request(request: Request) -> str:
    """Check method, URL and time limits; return the origin, ``scheme://host[:port]``.

    Raises:
        RequestError: something is not fit to be sent; the code is libcurl's for that fault.
    """
    if (known := origin_at_sight(request)) is not None:
        return known
    if request.method not in PLAIN_METHODS:
        check_unusual(request)
    body = request.body
    if body is not None and type(body) is not bytes:
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"body: expected bytes, got {type(body).__name__}"
        )
    total_s, connect_s = request.total_timeout_s, request.connect_timeout_s
    if total_s is not None and not is_plain_time(total_s):
        check_seconds("timeout", total_s)
    if connect_s is not None and not is_plain_time(connect_s):
        check_seconds("connect timeout", connect_s)
    url = request.url
    usual = _usual_url(url) if type(url) is str and len(url) <= LONGEST_KNOWN else None
    if usual is None or is_no_host(usual[1]):
        return check_url(url)
    origin: str = usual[1]
    note(url, origin)
    return origin


def check_url(url: str) -> str:
    """The origin of a URL that may be fetched.

    Raises:
        RequestError: code 3 for a malformed URL, 1 for a scheme other than http and https.
    """
    if type(url) is str and len(url) <= MAX_URL_LENGTH:
        match = _usual_url(url) or _any_url(url)
        if match and not is_no_host(match[1]):
            return match[1]
    raise _url_fault(url)


def _url_fault(url: object) -> RequestError:
    if not isinstance(url, str):
        return RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"URL: expected str, got {type(url).__name__}"
        )
    malformed = CurlCode.URL_MALFORMAT
    if not url:
        return RequestError(malformed, f"URL: empty; {_EXPECTED}")
    if len(url) > MAX_URL_LENGTH:
        return RequestError(malformed, f"URL: {len(url)} characters, the limit is {MAX_URL_LENGTH}")
    if bad := _unsafe_in_url(url):
        return RequestError(
            malformed, f"URL: character {bad[0]!r} at position {bad.start()}; percent-encode it"
        )
    parts = _authority(url)
    if parts is None:
        return RequestError(malformed, f"URL: {_missing(url)}")
    scheme, authority = parts[1].lower(), parts[2]
    if scheme not in ("http", "https"):
        return RequestError(
            CurlCode.UNSUPPORTED_PROTOCOL,
            f"URL: scheme {scheme!r} is not supported; only http and https are",
        )
    if "@" in authority:
        return RequestError(
            malformed,
            "URL: credentials before '@' are refused; give them as `auth:` of a named connection, "
            "or in an Authorization header",
        )
    hint = "; write a zone as %25ZONE" if "%" in authority and "%25" not in authority else ""
    return RequestError(malformed, f"URL: {authority!r} is not a host with an optional port{hint}")


def _missing(url: str) -> str:
    """What a text lacks that has no ``://`` in its place; quotes no more of it than a host."""
    if begun := re.match("https?:", url, re.IGNORECASE):
        return f"{begun[0]!r} without '//HOST' behind it; {_EXPECTED}"
    host = re.split("[/?#]", url, maxsplit=1)[0].rpartition("@")[2]
    if not host:
        return f"a path without a host; {_EXPECTED}, or call a named connection"
    host = host if len(host) <= MAX_HOST_LENGTH else f"{host[:MAX_HOST_LENGTH]}..."
    return f"no scheme before {host!r}; {_EXPECTED}"


def check_headers(headers: HeaderPairs) -> frozenset[str]:
    """Raises RequestError for a bad name or value; names the header, never its value.

    Returns:
        Those of the names, in lower case, that say how a message is sent: see `framing`.
    """
    names: set[str] = set()
    for pair in headers:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise RequestTypeError(
                CurlCode.BAD_FUNCTION_ARGUMENT, "headers: expected pairs of name and value"
            )
        name, value = pair
        if not isinstance(name, str) or not isinstance(value, str):
            raise RequestTypeError(
                CurlCode.BAD_FUNCTION_ARGUMENT,
                f"header {name!r}: name and value must be str, got "
                f"{type(name).__name__} and {type(value).__name__}",
            )
        names.add(_lowered(name))
        if not (value.isascii() and value.isprintable()):
            check_text(f"header {name}", value)
            if _breaks_a_field(value):
                raise RequestError(
                    CurlCode.BAD_FUNCTION_ARGUMENT,
                    f"header {name}: control characters are not allowed in it",
                )
    return SPECIAL & names


@functools.lru_cache(maxsize=1024)
def _lowered(name: str) -> str:
    """The name of a header in lower case, if it is a token of RFC 9110."""
    if not is_token(name):
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"header {name!r}: not a token of RFC 9110"
        )
    return name.lower()


def check_message(request: Request) -> None:
    """Check headers, and what they say of the body.

    Raises:
        RequestError: something is not fit to be sent.
    """
    if check_headers(request.headers) and not request.options.as_libcurl:
        check_framing(request.headers, request.body)


def check_text(what: str, text: str) -> None:
    """Raises RequestError if ``text`` could end the line it is put in, or cannot be encoded."""
    if _line_breaking(text):
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"{what}: CR, LF and NUL are not allowed in it"
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RequestError(
                CurlCode.BAD_FUNCTION_ARGUMENT, f"{what}: cannot be encoded as UTF-8"
            ) from None


def check_bytes(what: str, text: str, in_base64: bool = False) -> None:
    """`check_text` of what may hold any byte; those that are no UTF-8 are surrogate escapes.

    Args:
        in_base64: it never stands in a line as it is, so it may hold CR and LF.
    """
    if in_base64 and "\0" not in text:
        text = text.replace("\r", "").replace("\n", "")
    check_text(what, _escaped_byte.sub("", text))


def check_seconds(what: str, seconds: float) -> None:
    """Raises RequestError unless ``seconds`` is a finite number, 0 or more."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        several = "; onehttp.Timeout(...) has several" if isinstance(seconds, tuple) else ""
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"{what}: expected seconds as a number, got {type(seconds).__name__}{several}",
        )
    if not 0 <= seconds <= MAX_SECONDS:  # nor for NaN
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"{what}: expected seconds from 0 to {MAX_SECONDS}, got {seconds}",
        )


def check_proxy_scheme(url: str) -> None:
    """Raises RequestError unless a proxy, whose URL may have no scheme, is of a known kind."""
    scheme, separator, _ = url.partition("://")
    if separator and scheme.lower() not in PROXY_SCHEMES:
        raise RequestError(
            CurlCode.COULDNT_CONNECT,
            f"scheme {scheme!r} of the proxy is not one of {', '.join(PROXY_SCHEMES)}",
        )


def check_socket_path(path: str) -> None:
    """Raises RequestError unless a unix socket can have this path."""
    check_text("unix_socket", path)
    length = len(path.encode("utf-8", "surrogateescape"))
    if path.endswith("/") or not 0 < length <= MAX_SOCKET_PATH:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"expected the path of a unix socket, of {MAX_SOCKET_PATH} bytes at most; "
            f"this one has {length}",
        )


def _check_unix_socket(path: str, options: TransferOptions) -> None:
    check_socket_path(path)
    for other, is_given in (
        ("a proxy", options.proxy is not None),
        ("an interface", options.interface is not None),
        ("peers='public'", options.peers == "public"),
        ("HTTP/3", options.http_version in (HttpVersion.HTTP_3, HttpVersion.HTTP_3_ONLY)),
        ("redirects that the engine follows", bool(options.max_redirects)),
    ):
        if is_given:
            raise RequestError(
                CurlCode.BAD_FUNCTION_ARGUMENT,
                f"unix_socket: does not go together with {other}; leave out one of the two",
            )


def check_number(name: str, number: int, least: int = 1) -> None:
    """Raises RequestError for what libcurl has no number for."""
    if not least <= number <= LARGEST_NUMBER:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"{name}: expected {least} to 2^63 - 1, got {number}"
        )


def check_options(options: TransferOptions) -> None:
    """Check the text and numbers of options, once for each options object.

    Raises:
        RequestError: names the option; a secret is never quoted.
    """
    check_seconds("total_timeout_s", options.total_timeout_s)
    check_seconds("connect_timeout_s", options.connect_timeout_s)
    check_seconds("idle_timeout_s", options.idle_timeout_s)
    check_number("max_body_bytes", options.max_body_bytes, 0)
    if slow := options.low_speed:
        check_number("low_speed.bytes_per_s", slow.bytes_per_s)
        check_number("low_speed.time_s", slow.time_s)
    if probes := options.keepalive:
        check_number("keepalive.idle_s", probes.idle_s)
        check_number("keepalive.interval_s", probes.interval_s)
    if options.peers == "public" and options.proxy:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            "peers='public' cannot be checked behind a proxy; leave out one of the two",
        )
    if options.unix_socket is not None:
        _check_unix_socket(options.unix_socket, options)
    if options.user_agent:
        check_text("user_agent", options.user_agent)
    if options.interface:
        check_text("interface", options.interface)
    if auth := options.auth:
        check_bytes("auth.username", auth.username)
        check_bytes("auth.secret", auth.secret, in_base64=not auth.schemes & AuthScheme.BEARER)
        if not options.as_libcurl:
            check_auth(auth)
    if proxy := options.proxy:
        check_text("proxy.url", proxy.url or "")
        check_proxy_scheme(proxy.url or "")
        check_bytes("proxy.username", proxy.username)
        check_bytes("proxy.secret", proxy.secret)
        if not options.as_libcurl:
            check_proxy(proxy)
    for option in _TLS_TEXTS:
        check_bytes(f"tls.{option}", getattr(options.tls, option) or "")
