"""URLs and query parameters, for people and for the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError

ParamSource: TypeAlias = "Mapping[str, Any] | Iterable[tuple[str, Any]] | None"
# What percent-encoding leaves alone in a URL that is already one: all of RFC 3986, and "%".
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"


def with_params(url: str, params: ParamSource) -> str:
    """``url`` with query parameters added, percent-encoded; before any fragment."""
    from urllib.parse import urlencode

    query = urlencode(query_pairs(params, "params"), doseq=True)
    if not query or not isinstance(url, str):
        return url
    address, hash_sign, fragment = url.partition("#")
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{joint}{query}{hash_sign}{fragment}"


def query_pairs(source: ParamSource, what: str) -> list[tuple[str, Any]]:
    """Parameters as pairs; ``what`` names the argument in an error."""
    pairs: Any = source.items() if isinstance(source, Mapping) else source
    try:
        return [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"{what}: expected pairs of name and value, or a mapping of them",
        ) from None


def ascii_url(url: object) -> str:
    """A URL for people as one for the wire: IDNA host, the rest percent-encoded UTF-8."""
    if not isinstance(url, str):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"URL: expected str, got {type(url).__name__}"
        )
    from urllib.parse import quote

    scheme, separator, rest = url.partition("://")
    host_end = min((rest.find(mark) for mark in "/?#" if mark in rest), default=len(rest))
    host, tail = rest[:host_end], rest[host_end:]
    try:
        host = host if host.isascii() else host.encode("idna").decode()
        return f"{scheme}{separator}{host}{quote(tail, safe=_URL_CHARACTERS)}"
    except UnicodeError as error:
        raise RequestError(CurlCode.URL_MALFORMAT, f"URL: cannot be encoded: {error}") from None
