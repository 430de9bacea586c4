"""Reads URLs as libcurl does, and takes credentials out of them."""

from __future__ import annotations

import functools
import re
from urllib.parse import quote, unquote

from onehttp import Auth, AuthScheme

_guessed_url = re.compile(
    r"(?:(https?):/{1,3})?([^/?#@]*@)?([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL
)
_has_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://").match


@functools.lru_cache(maxsize=4096)
def legacy_url(url: str) -> tuple[str, Auth | None]:
    """A URL as libcurl reads it, and the credentials in it.

    The scheme may be missing (then it is http), the slashes after it may be one to three, and
    credentials stand before an ``@``. What the engine refuses is left as it is, to be refused.
    """
    if _has_scheme(url) and url[:4].lower() != "http":
        return url, None
    match = _guessed_url.match(url)
    if match is None or not match[3]:
        return url, None
    scheme, credentials, host, tail = match.groups()
    auth = None
    if credentials and credentials != "@":
        user, _, password = credentials[:-1].partition(":")
        auth = Auth(schemes=AuthScheme.BASIC, username=unquote(user), secret=unquote(password))
    host = _plain_host(host.removesuffix(":") if scheme else host)  # an empty port is none
    return f"{(scheme or 'http').lower()}://{host}{_encodable(tail)}", auth


def _plain_host(host: str) -> str:
    """libcurl reads percent-escapes and international names."""
    host = unquote(host)
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _encodable(tail: str) -> str:
    """Bytes that are no UTF-8 cannot be part of a `str` URL; they go out percent-encoded."""
    if tail.isascii():
        return tail
    return "".join(
        quote(char.encode("utf-8", "surrogateescape")) if 0xDC80 <= ord(char) <= 0xDCFF else char
        for char in tail
    )
