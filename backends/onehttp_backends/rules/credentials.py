"""How long credentials may be. Of longer ones libcurl says in the middle of a call, after a server
has asked for them, that memory has run out (curl 8.23)."""

from __future__ import annotations

from typing import Final

from onehttp_backends.contract import Auth, AuthScheme, Proxy
from onehttp_backends.errors import CurlCode, RequestError

MOST_BYTES: Final = 65_536
"""The limit for any credential, so that all together fit into a head."""
MOST_QUOTED: Final = 2047
"""The limit for a quoted value in the answer to a digest challenge."""
MOST_IN_SOCKS: Final = 255
"""One byte says how many there are (RFC 1929)."""
DIGEST: Final = AuthScheme.DIGEST | AuthScheme.DIGEST_IE
_ASCII: Final = "".join(map(chr, range(0x20, 0x7F)))


def check_auth(auth: Auth) -> None:
    """Raises RequestError for credentials that libcurl could not send."""
    _check("auth.username", _size(auth.username), MOST_BYTES)
    _check("auth.secret", _size(auth.secret), MOST_BYTES)
    if auth.schemes & DIGEST:
        _check("auth.username, quoted for digest", len(quoted(auth.username)), MOST_QUOTED)


def check_proxy(proxy: Proxy) -> None:
    """The same of those for a proxy."""
    is_socks = (proxy.url or "").lower().startswith("socks")
    most = MOST_IN_SOCKS if is_socks else MOST_BYTES
    _check("proxy.username", _size(proxy.username), most)
    _check("proxy.secret", _size(proxy.secret), most)


def quoted(text: str) -> str:
    """As digest has it between quotes. What is not ASCII is percent-encoded, which libcurl does to
    have it arrive."""
    from urllib.parse import quote

    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return quote(escaped, safe=_ASCII, errors="surrogateescape")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _check(what: str, size: int, most: int) -> None:
    if size > most:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"{what}: {size} bytes, of which {most} can be sent"
        )
