"""The quick look at a request: nearly all are right at first sight, and to an origin that is known.

It takes nothing for granted of what a caller gives, so it can be compiled.
"""

from __future__ import annotations

from typing import Any, Final

from onehttp_backends.rules.methods import PLAIN_METHODS

MAX_SECONDS: Final = 2_000_000
"""The largest time that libcurl's 32-bit milliseconds can hold, rounded."""
LONGEST_KNOWN: Final = 300
_NUMBERS: Final = (float, int)
NONE_YET: Final = (None, "", "/" * (LONGEST_KNOWN + 1))  # no URL that is looked at begins so
_last: tuple[str | None, str, str] = NONE_YET
"""The URL that came last, its origin, and that with a slash. What goes on behind it is right if
nothing in it is to be escaped: less to ask than the regular expression."""


def origin_at_sight(fields: tuple[Any, ...]) -> str | None:
    """The origin that a `Request` goes to, if all of it is right at first sight.

    None: `request_rules` has to look closer. Headers are looked at by those who write them.
    """
    global _last
    body, total_s, connect_s = fields[3], fields[5], fields[6]
    if (
        fields[0] not in PLAIN_METHODS
        or (body is not None and type(body) is not bytes)
        or (total_s is not None and not is_plain_time(total_s))
        or (connect_s is not None and not is_plain_time(connect_s))
    ):
        return None
    url = fields[1]
    if type(url) is not str:
        return None
    known_url, origin, beginning = _last
    if url == known_url:
        return origin
    rest = url.removeprefix(beginning)
    is_like_it = rest != url and len(url) <= LONGEST_KNOWN
    if is_like_it and rest.isascii() and rest.isprintable() and " " not in rest:
        _last = (url, origin, beginning)
        return origin
    return None


def is_plain_time(seconds: Any) -> bool:
    """Whether it is a number of seconds, as nearly all are."""
    return type(seconds) in _NUMBERS and 0 <= seconds <= MAX_SECONDS


def note(url: str, origin: str) -> None:
    """Note the origin of a URL that is right, and not longer than `LONGEST_KNOWN`."""
    global _last
    _last = (url, origin, f"{origin}/")
