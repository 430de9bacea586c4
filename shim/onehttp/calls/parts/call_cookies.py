"""Cookies of one call: what ``cookies=`` takes."""

from __future__ import annotations

import re
from typing import Final

from onehttp.urls import ParamSource, query_pairs
from onehttp_backends.errors import CurlCode, RequestError
from onehttp_backends.headers import HeaderPairs

COOKIE: Final = "Cookie"
_is_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_is_value = re.compile(r"(?! )[\x20-\x3a\x3c-\x7e]*(?<! )").fullmatch


def with_call_cookies(given: HeaderPairs, cookies: ParamSource) -> HeaderPairs:
    """The headers of a call with its cookies; they go to the origin that is called, and no other.

    Raises:
        RequestError: one that cannot be sent as it is, or a Cookie header besides.
        RequestTypeError: no pairs, or a value that is no text and no number.
    """
    if any(isinstance(name, str) and name.lower() == "cookie" for name, _ in given):
        raise _refused("the call has a Cookie header, too; give one of them")
    pairs = [
        f"{_name(name)}={_value(name, value)}" for name, value in query_pairs(cookies, "cookies")
    ]
    return (*given, (COOKIE, "; ".join(pairs))) if pairs else given


def _name(name: object) -> str:
    if not isinstance(name, str) or not _is_name(name):
        raise _refused("a name is letters, digits and !#$%&'*+-.^_`|~ (RFC 6265)")
    return name


def _value(name: str, value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not _is_value(text):
        raise _refused(
            f"the value of {name!r} is not visible ASCII without ';' and without blanks around it; "
            "percent-encode it"
        )
    return text


def _refused(reason: str) -> RequestError:
    return RequestError(CurlCode.BAD_FUNCTION_ARGUMENT, f"cookies: {reason}")
