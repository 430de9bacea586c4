"""Values in a path: whatever they are, none leaves its segment."""

from __future__ import annotations

import http
import math
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onehttp
from onehttp.calls.parts.path_values import with_path_values
from onehttp_backends.rules.url_paths import asked_url, climbs_out
from servers.raw import RawServer, echo

MARKS = st.sampled_from([".", "..", "/", "\\", ";", "%2e", "%2f", "%", "?", "#", "@", ":", "{b}"])
VALUES = st.text() | st.lists(MARKS | st.text(max_size=2), max_size=6).map("".join)


@given(VALUES, VALUES)
def test_no_value_leaves_its_segment(first: str, second: str) -> None:
    url = "https://a.example/v1/{a}/x/{b}-{a}?q={a}#{b}"
    try:
        filled = with_path_values(url, {"a": first, "b": second})
    except onehttp.RequestError:
        return
    asked = urlsplit(asked_url(filled))
    assert (asked.netloc, asked.query, asked.fragment) == ("a.example", "q={a}", "{b}")
    segments = [unquote(each) for each in asked.path.split("/")]
    assert segments == ["", "v1", first, "x", f"{second}-{first}"]
    assert not climbs_out(asked.path)


@given(st.binary())
def test_no_bytes_leave_their_segment(value: bytes) -> None:
    try:
        filled = with_path_values("https://a.example/{a}", {"a": value})
    except onehttp.RequestError:
        return
    assert unquote_to_bytes(asked_url(filled).removeprefix("https://a.example/")) == value


@pytest.mark.parametrize(
    ("path", "values", "filled"),
    [
        ("/number/{number}", {"number": "+49 30/1"}, "/number/%2B49%2030%2F1"),
        ("/{a}{b}", {"a": 1, "b": True}, "/1true"),
        ("/{a}", {"a": http.HTTPStatus.OK}, "/200"),
        ("/{a}", {"a": "ü..ü"}, "/%C3%BC..%C3%BC"),
        ("/{a}.json", {"a": "."}, "/..json"),
        ("/{a b}", {"a b": "c"}, "/c"),
        ("/x", {}, "/x"),
        ("", {}, ""),
        ("/{a}?q=/{b}", {"a": "{b}"}, "/%7Bb%7D?q=/{b}"),
    ],
)
def test_what_becomes_of_a_path(path: str, values: Any, filled: str) -> None:
    base = "https://a.example"
    assert with_path_values(base + path, values) == base + filled


@pytest.mark.parametrize(
    ("path", "values", "message"),
    [
        ("/{a}", {"a": ".."}, "would hold a dot segment"),
        ("/{a}", {"a": "."}, "would hold a dot segment"),
        ("/{a}{b}", {"a": ".", "b": "."}, "would hold a dot segment"),
        ("/.{a}", {"a": "./x"}, "would hold a dot segment"),
        ("/{a}", {"a": "x/../../admin"}, "would hold a dot segment"),
        ("/{a}", {"a": "..\\admin"}, "would hold a dot segment"),
        ("/{a}", {"a": "..;jsessionid=1"}, "would hold a dot segment"),
        ("/{a}", {"a": ""}, "would be empty"),
        ("/{a}", {"a": b""}, "would be empty"),
        ("/{a}", {"a": "\ud800"}, "'a' cannot be encoded as UTF-8"),
        ("/{a}", {"a": None}, "'a': expected text, a number, True, False, got NoneType"),
        ("/{a}", {"a": [1]}, "'a': expected text.* got list"),
        ("/{a}", {"b": 1}, r"no value for \{a\}"),
        ("/{}", {"b": 1}, r"no value for \{\}"),
        ("/x", {"a": 1}, r"no \{a\} in the path of the URL; .* params="),
        ("/x?q={a}", {"a": 1}, r"no \{a\} in the path"),
        ("/{a}", "/x", "expected a mapping of the names in braces"),
        ("/{a}", ["a"], "expected a mapping of the names in braces"),
    ],
)
def test_what_has_no_place_of_its_own_is_refused(path: str, values: Any, message: str) -> None:
    with pytest.raises(onehttp.RequestError, match=f"^path: .*{message}"):
        with_path_values(f"https://a.example{path}", values)


def test_a_host_takes_no_values() -> None:
    with pytest.raises(onehttp.RequestError, match=r"no \{host\} in the path"):
        with_path_values("https://{host}/x", {"host": "evil.example"})


def test_path_values_work_with_and_without_a_connection(engine: str) -> None:
    with RawServer(echo) as server:
        named = {"api": {"url": f"{server.url}/v1", "params": {"key": "k"}}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        api = onehttp.connection("api")
        api.get("/number/{n}", path={"n": "../x?y"[3:]}, params={"a": 1})
        onehttp.request("GET", f"{server.url}/{{n}}", path={"n": "a/b"})
        with pytest.raises(onehttp.RequestError, match="dot segment"):
            api.get("/number/{n}", path={"n": "../../admin"})
        with pytest.raises(onehttp.RequestTypeError, match="is the first argument"):
            api.get(path="/x")  # type: ignore[arg-type]
    lines = [request.split(b"\r\n")[0] for request in server.requests]
    assert lines == [b"GET /v1/number/x%3Fy?key=k&a=1 HTTP/1.1", b"GET /a%2Fb HTTP/1.1"]


def test_a_connection_that_stands_in_gets_the_values_as_they_were(engine: str) -> None:
    with RawServer(echo) as server:
        named = {
            "api": {"url": "http://127.0.0.1:9", "failover": "other"},
            "other": {"url": server.url},
        }
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        assert onehttp.connection("api").get("/{n}", path={"n": "a b"}).is_success
    assert server.requests[0].startswith(b"GET /a%20b ")


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        complex("nan+1j"),
    ],
    ids=str,
)
def test_a_number_that_is_none_is_refused_wherever_it_would_be_sent(value: Any) -> None:
    onehttp.init()
    calls: list[Any] = [
        {"params": {"a": value}},
        {"params": [("a", [1, value])]},
        {"form": {"a": value}},
        {"path": {"x": value}},
    ]
    for call in calls:
        with pytest.raises(onehttp.RequestTypeError, match=r"'[ax]'.* has no one spelling"):
            onehttp.request("POST", "http://127.0.0.1:1/{x}", **{"path": {"x": 1}, **call})
