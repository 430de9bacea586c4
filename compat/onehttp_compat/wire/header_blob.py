"""Header blobs: several headers in one string, separated by CR LF.

The legacy modules hand the string to libcurl as ONE header: what it begins with can replace a
default of libcurl's, what comes later cannot (B5), and nothing in it is checked. Here it is split,
so that every line counts, and protection of credentials on a redirect covers each (B51). A lone LF
separates two headers, too: the modules send it as it is, and servers take it for the end of a line.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from onehttp import OnehttpError
from onehttp.lowlevel import HeaderPairs

_REPLACEABLE: Final = frozenset({"accept", "content-length", "content-type", "host", "user-agent"})
_EXPLICIT_EMPTY: Final = frozenset({"accept", "user-agent", "content-type", "host", "expect"})
_lines = re.compile("\r?\n").split
_without_last_end = functools.partial(re.compile("\r?\n\\Z").sub, "")
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
FORM: Final = "application/x-www-form-urlencoded"


class HeaderBlobError(OnehttpError, ValueError):
    """A header blob would write something else than headers into the request (B6)."""


@functools.lru_cache(maxsize=1024)
def parse_blob(blob: str) -> HeaderPairs:
    """The headers of a blob, as libcurl would send them.

    ``Name: value`` is sent, ``Name;`` is sent empty, ``Name:`` removes a default, anything else
    is ignored. An end of line at the end is dropped (B4).

    Raises:
        HeaderBlobError: an empty line inside, a lone CR, a NUL, or a name that is none.
    """
    pairs: list[tuple[str, str]] = []
    blob = _without_last_end(blob)
    for line in _lines(blob) if blob else []:
        if not line or "\r" in line or "\0" in line:
            raise HeaderBlobError(
                "an empty line, a lone CR or a NUL inside the headers; separate two by CR LF"
            )
        pair = _pair(line)
        if pair is None:
            continue
        if not _is_token(pair[0]):
            raise HeaderBlobError("a header whose name is not a token of RFC 9110")
        pairs.append(pair)
    return tuple(pairs)


def _pair(line: str) -> tuple[str, str] | None:
    name, colon, value = line.partition(":")
    if colon:
        name, value = name.strip(" \t"), value.removeprefix(" ")
        is_sent = bool(value.strip(" \t")) or name.lower() in _EXPLICIT_EMPTY
        return (name, value) if name and is_sent else None
    name, semicolon, rest = line.partition(";")
    return (name.strip(), "") if semicolon and name and not rest.strip() else None


def with_defaults_repeated(
    pairs: HeaderPairs, user_agent: str | None, url: str, body: bytes | None
) -> HeaderPairs:
    """Faithful to B5: a default that is named after the first line goes out as well."""
    defaults = {"user-agent": user_agent or "", "accept": "*/*", "host": _host(url)}
    if body is not None:
        defaults |= {"content-type": FORM, "content-length": str(len(body))}
    first = pairs[0][0].lower() if pairs else ""
    repeated = [
        (name.title(), defaults[name])
        for name in dict.fromkeys(pair[0].lower() for pair in pairs[1:])
        if name in _REPLACEABLE and name != first and defaults.get(name)
    ]
    # libcurl writes those of the body after the caller's headers, the others before them.
    before = [pair for pair in repeated if not pair[0].startswith("Content-")]
    return (*before, *pairs, *(pair for pair in repeated if pair not in before))


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
