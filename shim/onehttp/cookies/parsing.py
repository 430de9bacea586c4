"""Parses a ``Set-Cookie`` header (RFC 6265bis, 5.1.1 and 5.6)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_COOKIE_BYTES: Final = 4096
"""The limit for name and value together; a larger cookie is ignored."""
MAX_ATTRIBUTE_BYTES: Final = 1024
MAX_AGE_S: Final = 400 * 86_400
"""The longest lifetime of a cookie, whatever the server asks for."""
LONG_AGO: Final = float("-inf")
_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_whole_number = re.compile(r"-?[0-9]+", re.ASCII).fullmatch
_tokens = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+").findall
_time = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_day = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_year = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?", re.ASCII | re.DOTALL)


class SetCookie(NamedTuple):
    """The content of a ``Set-Cookie`` header."""

    name: str
    value: str
    expires: float | None = None
    """Seconds since 1970; None: for as long as the jar lasts."""
    domain: str = ""
    """In lower case, without a dot before it; empty where the cookie is the host's alone. One with
    letters beyond ASCII is as the server has given it, and is no domain."""
    path: str | None = None
    """The path; None means the default of the URL."""
    is_secure: bool = False


def parsed(header: str, now: float) -> SetCookie | None:
    """The content of a ``Set-Cookie`` header; None if it is no cookie that may be kept.

    Args:
        header: the value of the header, its bytes as Latin-1.
        now: the time in seconds since 1970.
    """
    text = _text(header)
    if text is None or _control(text):
        return None
    pair, *attributes = text.split(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    name, value = name.strip(" \t"), value.strip(" \t")
    if not (name or value) or len(name.encode()) + len(value.encode()) > MAX_COOKIE_BYTES:
        return None
    expires: float | None = None
    age_expires: float | None = None
    domain, path, is_secure = "", None, False
    for attribute in attributes:
        key, _, said = attribute.partition("=")
        key, said = key.strip(" \t").lower(), said.strip(" \t")
        if len(said.encode()) > MAX_ATTRIBUTE_BYTES:
            continue
        if key == "expires":
            found = cookie_date(said)
            if found is not None:
                expires = min(found, now + MAX_AGE_S)
        elif key == "max-age":
            if _whole_number(said):
                age_s = _number(said)
                age_expires = LONG_AGO if age_s <= 0 else now + min(age_s, MAX_AGE_S)
        elif key == "domain":
            # Some letters beyond ASCII have a lower case within it: U+212A gives "k".
            domain = said.removeprefix(".").lower() if said.isascii() else said
        elif key == "path":
            path = said if said.startswith("/") else None
        elif key == "secure":
            is_secure = True
    if age_expires is not None:
        expires = age_expires
    return SetCookie(name, value, expires, domain, path, is_secure)


def cookie_date(text: str) -> float | None:
    """The time of an ``Expires``, in seconds since 1970, with its parts in any order; None if it is
    none."""
    clock: tuple[int, int, int] | None = None
    day = month = year = None
    for token in _tokens(text):
        if clock is None and (found := _time.fullmatch(token)):
            clock = (int(found[1]), int(found[2]), int(found[3]))
        elif day is None and (found := _day.fullmatch(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _year.fullmatch(token)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    if 70 <= year <= 99:
        year += 1900
    elif year <= 69:
        year += 2000
    hour, minute, second = clock
    if year < 1601 or hour > 23 or minute > 59 or second > 59 or not 1 <= day <= 31:
        return None
    from calendar import monthrange, timegm

    if day > monthrange(year, month)[1]:
        return None
    return float(timegm((year, month, day, hour, minute, second)))


def _number(digits: str) -> int:
    # One of more digits than Python reads is as good as the largest that counts.
    return int(digits) if len(digits) <= 18 else MAX_AGE_S if digits[0] != "-" else -1


def _text(header: str) -> str | None:
    """Decode a header as UTF-8, because other bytes could not be sent back unchanged."""
    if header.isascii():
        return header
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return None
