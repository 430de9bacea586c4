"""What a ``Set-Cookie`` asks for: RFC 6265bis, whatever servers write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.cookies.parsing import LONG_AGO, MAX_AGE_S, SetCookie, cookie_date, parsed

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("a=b", SetCookie("a", "b")),
        ("  a \t=  b  ; ", SetCookie("a", "b")),
        ('a="b c"', SetCookie("a", '"b c"')),
        ("a=b=c", SetCookie("a", "b=c")),
        ("a", SetCookie("", "a")),
        ("=a", SetCookie("", "a")),
        ("a=", SetCookie("a", "")),
        ("", None),
        ("=", None),
        (";a=b", None),
        ("a=b; SECURE; HttpOnly; SameSite=Lax", SetCookie("a", "b", is_secure=True)),
        ("a=b; Domain=.Example.COM", SetCookie("a", "b", domain="example.com")),
        ("a=b; Domain=x.example; Domain=", SetCookie("a", "b")),
        ("a=b; Path=/x; path=y", SetCookie("a", "b", path=None)),
        ("a=b; Path = /x", SetCookie("a", "b", path="/x")),
        ("a=b; Max-Age=10", SetCookie("a", "b", NOW + 10)),
        ("a=b; Max-Age=10; Max-Age=x", SetCookie("a", "b", NOW + 10)),
        ("a=b; Max-Age=0", SetCookie("a", "b", LONG_AGO)),
        ("a=b; Max-Age=-1", SetCookie("a", "b", LONG_AGO)),
        ("a=b; Max-Age=-" + "9" * 900, SetCookie("a", "b", LONG_AGO)),
        ("a=b; Max-Age=" + "9" * 900, SetCookie("a", "b", NOW + MAX_AGE_S)),
        ("a=b; Max-Age=+5", SetCookie("a", "b")),
        ("a=b; Max-Age=٣", None),
        ("a=b; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", SetCookie("a", "b", NOW + 10)),
        ("a=b; Expires=Thu, 01 Jan 1970 00:00:01 GMT", SetCookie("a", "b", 1.0)),
        ("a=b; Expires=Fri, 01 Jan 9999 00:00:00 GMT", SetCookie("a", "b", NOW + MAX_AGE_S)),
        ("a=b; Expires=tomorrow", SetCookie("a", "b")),
        ("a=b; Domain=" + "x" * 1025, SetCookie("a", "b")),
        ("a=" + "x" * 4095, SetCookie("a", "x" * 4095)),
        ("a=" + "x" * 4096, None),
        ("a=b\x00c", None),
        ("a=b\x7f", None),
        ("a=b; Path=/\x01", None),
        ("a=b\tc", SetCookie("a", "b\tc")),
        ("a=grün".encode().decode("latin-1"), SetCookie("a", "grün")),
        ("a=gr\xfcn", None),
    ],
)
def test_what_is_asked_for(header: str, asked: SetCookie | None) -> None:
    assert parsed(header, NOW) == asked


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("1994 November 6 8:49:37x", 784_111_777),
        ("06 Nov 1994", None),
        ("31 Feb 2020 00:00:00", None),
        ("29 Feb 2024 00:00:00", 1_709_164_800),
        ("1 Jan 1600 00:00:00", None),
        ("1 Jan 69 00:00:00", 3_124_224_000),
        ("1 Jan 70 00:00:00", 0),
        ("1 Jan 2020 24:00:00", None),
        ("1 Jan 2020 00:60:00", None),
        ("0 Jan 2020 00:00:00", None),
        ("", None),
    ],
)
def test_cookie_dates_are_parsed(text: str, seconds: int | None) -> None:
    assert cookie_date(text) == seconds


@given(st.text(st.characters(max_codepoint=255)) | st.text("ab=;, \t:0123456789-JanMaxgeExpirs"))
def test_whatever_a_server_sends_it_is_a_cookie_or_none(header: str) -> None:
    asked = parsed(header, NOW)
    if asked is not None:
        assert asked.name or asked.value
        assert ";" not in asked.name + asked.value
        assert asked.expires is None or asked.expires <= NOW + MAX_AGE_S
