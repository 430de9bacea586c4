"""URLs and query parameters, for people and for the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from numbers import Number
from typing import Any, TypeAlias

from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError
from onehttp_backends.rules.plain_text import plain_text

ParamSource: TypeAlias = "Mapping[str, Any] | Iterable[tuple[str, Any]] | None"
# What percent-encoding leaves alone in a URL that is already one: all of RFC 3986, and "%".
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
_is_no_number = re.compile(r"(?i).*(nan|inf)").match
"""Of floats, decimals and complex numbers."""
_dns_label = re.compile(r"[a-z0-9_-]{1,63}").fullmatch


def with_params(url: str, params: ParamSource) -> str:
    """``url`` with query parameters added, percent-encoded; before any fragment."""
    query = encoded_pairs(params, "params")
    if not query or not isinstance(url, str):
        return url
    address, hash_sign, fragment = url.partition("#")
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{joint}{query}{hash_sign}{fragment}"


def encoded_pairs(source: ParamSource, what: str) -> str:
    """Parameters as ``application/x-www-form-urlencoded``; ``what`` names the argument."""
    from urllib.parse import urlencode

    pairs = query_pairs(source, what)
    try:
        return urlencode(pairs)
    except UnicodeEncodeError:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"{what}: cannot be encoded as UTF-8"
        ) from None


def query_pairs(source: ParamSource, what: str) -> list[tuple[Any, str | bytes]]:
    """Parameters as pairs of plain values; ``what`` names the argument in an error.

    None is left out, True and False are ``true`` and ``false``, a list gives a pair for each of
    its items. What else has no one spelling in a query is refused, not guessed at.
    """
    pairs: Any = source.items() if isinstance(source, Mapping) else source
    try:
        given = [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"{what}: expected pairs of name and value, or a mapping of them",
        ) from None
    return [
        (plain_value(name, what), plain_value(each, f"{what}: {name!r}"))
        for name, value in given
        for each in (value if _is_many(value) else (value,))
        if each is not None
    ]


def _is_many(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def plain_value(
    value: object, what: str, further: str = ", None or a list of these"
) -> str | bytes:
    """A value as text for a URL; ``what`` names it in an error, which says what else may be given.

    Raises:
        RequestTypeError: it has no one spelling.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int):
        return str(int(value))  # of an enumeration its number, on every version of Python
    if isinstance(value, Number):
        text = str(value.value if isinstance(value, Enum) else value)
        if _is_no_number(text):
            raise RequestTypeError(
                CurlCode.BAD_FUNCTION_ARGUMENT,
                f"{what}: {text} has no one spelling; give it as text, or leave it out",
            )
        return text
    raise RequestTypeError(
        CurlCode.BAD_FUNCTION_ARGUMENT,
        f"{what}: expected text, a number, True, False{further}, "
        f"got {type(value).__name__}; give it as text",
    )


def ascii_url(url: object) -> str:
    """A URL for people as one for the wire: the host as DNS has it, the rest percent-encoded UTF-8.

    Raises:
        RequestError: code 3; the host is no name that DNS could have.
    """
    if not isinstance(url, str):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"URL: expected str, got {type(url).__name__}"
        )
    from urllib.parse import quote

    scheme, separator, rest = url.partition("://")
    host_end = min((rest.find(mark) for mark in "/?#" if mark in rest), default=len(rest))
    authority, tail = rest[:host_end], rest[host_end:]
    try:
        tail = quote(tail, safe=_URL_CHARACTERS)
    except UnicodeError as error:
        raise RequestError(CurlCode.URL_MALFORMAT, f"URL: cannot be encoded: {error}") from None
    return f"{scheme}{separator}{ascii_authority(authority)}{tail}"


def ascii_authority(authority: str) -> str:
    """``host[:port]`` with the host as DNS has it; what stands before an ``@`` is left alone."""
    if authority.isascii():
        return authority
    userinfo, at, place = authority.rpartition("@")
    host, colon, port = place.partition(":")
    return f"{userinfo}{at}{ascii_host(host)}{colon}{port}"


def ascii_host(host: str) -> str:
    """A host name as DNS has it, by UTS 46, non-transitional: ``fa\xdf.de`` is not ``fass.de``.

    So do libcurl, browsers and the registries. The codec ``idna`` of the standard library means
    other domains by it, and lets characters pass that become a ``/`` or ``?`` in the middle.

    Raises:
        RequestError: code 3; it is none.
    """
    if host.isascii():
        return host
    import idna  # its tables are large, and few hosts need them

    try:
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        labels = [_ascii_label(label) for label in mapped.removesuffix(".").split(".")]
    except (idna.IDNAError, UnicodeError, ValueError) as error:
        raise RequestError(
            CurlCode.URL_MALFORMAT, f"URL: host {host!a}: no domain name: {error}"
        ) from None
    return ".".join(labels) + ("." if mapped.endswith(".") else "")


def _ascii_label(label: str) -> str:
    if not label.isascii():
        import idna

        return str(idna.alabel(label), "ascii")
    if not _dns_label(label):
        raise ValueError(f"label {label!r}")
    return label
