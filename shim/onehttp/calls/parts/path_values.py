"""Values in the path of a URL: each stays within its segment, whatever it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from onehttp.urls import plain_value
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError

PathValues: TypeAlias = "Mapping[str, str | bytes | int | float] | None"
_place = re.compile(r"\{([^{}]*)\}")
_separators = re.compile(rb"[/\\]")


def with_path_values(url: str, values: PathValues) -> str:
    """``url`` with each ``{name}`` of its path replaced by the value of that name.

    Everything in a value that means something to a URL is percent-encoded, ``/`` included.

    Raises:
        RequestError: a name without a value, or a value without a place; a segment that would be
            empty, or that a server may take for a dot segment however it is quoted.
        RequestTypeError: no mapping, or a value that is neither text nor a number.
    """
    if not isinstance(values, Mapping):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            "path: expected a mapping of the names in braces to values; "
            "the path itself is the first argument, without a name",
        )
    start = url.find("/", url.find("://") + 3)
    if start < 0:
        start = len(url)
    end = min((at for mark in "?#" if (at := url.find(mark)) >= start), default=len(url))
    unused: dict[str, object] = dict(values)
    segments = [_filled(each, values, unused) for each in url[start:end].split("/")]
    if unused:
        name = next(iter(unused))
        raise _refused(
            f"no {{{name}}} in the path of the URL; what belongs into its query is params="
        )
    return f"{url[:start]}{'/'.join(segments)}{url[end:]}"


def _filled(segment: str, values: Mapping[str, object], unused: dict[str, object]) -> str:
    from urllib.parse import quote, unquote_to_bytes

    def text(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise _refused(f"no value for {{{name}}}")
        unused.pop(name, None)
        try:
            return quote(plain_value(values[name], f"path: {name!r}", further=""), safe="")
        except UnicodeEncodeError:
            raise _refused(f"{name!r} cannot be encoded as UTF-8") from None

    filled = _place.sub(text, segment)
    if filled == segment:
        return segment
    if not filled:
        raise _refused(f"{segment!r} would be empty, and servers drop empty segments")
    # What is encoded may be decoded before dot segments are taken out, by libcurl, a proxy or a
    # server: nothing that may be one goes out.
    for part in _separators.split(unquote_to_bytes(filled)):
        if part.partition(b";")[0] in (b".", b".."):
            raise _refused(f"{segment!r} would hold a dot segment, which no quoting keeps in place")
    return filled


def _refused(reason: str) -> RequestError:
    return RequestError(CurlCode.URL_MALFORMAT, f"path: {reason}")
