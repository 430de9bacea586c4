"""Bodies as text and JSON: the promises hold whatever a server sends."""

from __future__ import annotations

import contextlib
import json
import pickle
import warnings
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp_backends.codings.text import decoded, parsed
from onehttp_backends.headers import Headers, parse_head
from onehttp_backends.response import HTTPStatusError, Response

NOT_CHARSETS = (
    *("undefined", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "rot13", "hex"),
    *("zip", "base64", "bz2", "uu", "quopri", "mbcs", "oem", "string-escape", "no-such", "", "'"),
)


@pytest.mark.parametrize("charset", NOT_CHARSETS)
def test_what_is_no_charset_is_read_as_utf_8(charset: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            decoded(b"gr\xc3\xbcn \\d \xff", f"text/plain; charset={charset}") == "grün \\d \ufffd"
        )


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain; charset=latin-1", "Ã¼"),
        ('text/plain; a=b; CHARSET = "UTF-8"', "ü"),
        ("text/plain; charset=utf8", "ü"),
        ("text/plain", "ü"),
        ("", "ü"),
        (";;;=;charset", "ü"),
    ],
)
def test_text_is_decoded_by_its_charset(content_type: str, text: str) -> None:
    assert decoded("ü".encode(), content_type) == text


@given(st.binary(), st.text())
def test_text_never_fails(body: bytes, charset: str) -> None:
    assert isinstance(decoded(body, f"text/plain; charset={charset}"), str)


NOT_JSON = {
    "not json": b"<html>",
    "empty": b"",
    "not UTF-8": b'{"a":"caf\xe9"}',
    "not UTF-16": b"\xff\xfe\x00\xd8",
    "nested too deeply": b"[" * 100_000,
    "too many digits": b"[" + b"9" * 10_000 + b"]",
    "cut": b'{"a": [1, 2',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_no_json_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        parsed(body)


@given(st.binary())
def test_json_raises_what_it_promises_or_nothing(body: bytes) -> None:
    with contextlib.suppress(json.JSONDecodeError):
        parsed(body)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_json_is_read_in_each_of_its_encodings(value: object) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32-le"):
        text = json.dumps(value, ensure_ascii=False)
        try:
            assert parsed(text.encode(encoding)) == value
        except UnicodeEncodeError:
            assert any("\ud800" <= mark <= "\udfff" for mark in text)


def test_a_name_in_two_spellings_is_one_name() -> None:
    headers = Headers((("X-A", "1"), ("Via", "p"), ("x-a", "2"), ("X-a", "3")))
    assert list(headers) == list(headers.keys()) == ["X-A", "Via"]
    assert len(headers) == 2
    assert dict(headers) == {"X-A": "1, 2, 3", "Via": "p"}


def answered(status: int, *lines: bytes, body: bytes = b"x") -> Response:
    head = [b"HTTP/1.1 %d Some Reason\r\n" % status, *lines, b"\r\n"]
    return Response(
        status, head, body, "https://u:p@a.example/x?key=secret", timings=(0,) * 8 + (7,)
    )


@pytest.mark.parametrize("status", [200, 204, 304, 302, 399])
def test_a_response_that_is_no_error_is_handed_back(status: int) -> None:
    response = answered(status)
    assert response.raise_for_status() is response


@pytest.mark.parametrize("status", [400, 404, 499, 500, 599])
def test_an_error_status_is_raised_with_the_response_and_without_secrets(status: int) -> None:
    response = answered(status)
    with pytest.raises(HTTPStatusError) as raised:
        response.raise_for_status()
    assert raised.value.response is response
    assert str(raised.value) == f"https://a.example/x: {status} Some Reason"


@pytest.mark.parametrize(
    ("status", "location", "is_redirect"),
    [(302, b"/y", True), (308, b"/y", True), (302, None, False), (301, b"", False),
     (200, b"/y", False), (304, b"/y", False), (300, b"/y", False)],
)  # fmt: skip
def test_what_is_a_redirect(status: int, location: bytes | None, is_redirect: bool) -> None:
    lines = [] if location is None else [b"Location: %s\r\n" % location]
    assert answered(status, *lines).is_redirect is is_redirect


def test_elapsed_is_what_the_exchange_took() -> None:
    assert answered(200).elapsed == timedelta(microseconds=7)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_response_is_pickled_whole(protocol: int) -> None:
    response = answered(200, b"A: b\r\n")
    response.history = (answered(302, b"Location: /x\r\n"),)
    found = pickle.loads(pickle.dumps(response, protocol))
    for name in ("status", "head", "body", "url", "http_version", "timings", "peer", "is_reused",
                 "truncated", "redirect_count", "decompress", "reason"):  # fmt: skip
        assert getattr(found, name) == getattr(response, name)
    assert found.headers.pairs == response.headers.pairs
    assert found.history[0].is_redirect


def test_nothing_but_blanks_is_taken_off_a_value() -> None:
    """What is a blank to Python may be half a letter: the last byte of "\u00e0" in UTF-8 is one."""
    for byte in set(range(1, 256)) - set(b"\t\n\r "):
        value = bytes([byte, ord("a"), byte])
        lines = [b"HTTP/1.1 200 " + value + b" \r\n", b"X: \t" + value + b"\t \r\n",
                 b" \t" + value + b" \r\n", b"\r\n"]  # fmt: skip
        ((reason, headers),) = parse_head(lines)
        assert reason.encode("latin-1") == value
        assert headers["x"].encode("latin-1") == value + b" " + value


@pytest.mark.parametrize(
    "name",
    [
        *("status", "reason", "http_version", "headers", "earlier_headers", "trailers", "body"),
        *("url", "effective_url", "redirect_count", "timings", "peer", "truncated"),
    ],
)
def test_what_users_of_a_response_rely_on_is_there(name: str) -> None:
    getattr(Response(200, [b"HTTP/1.1 200 OK\r\n", b"\r\n"], b"", "http://a/"), name)
