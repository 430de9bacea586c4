"""Routes of the double by themselves: what may be said of them, and what is refused at once."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

import onehttp
from onehttp.testing import Double, PolicyClock, SeenRequest
from onehttp.testing.calls import Call
from onehttp_backends.double import HttpxBackend
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer

URL = "https://a.example/x"


@pytest.mark.parametrize(
    ("keywords", "complaint"),
    [
        ({"jsn": 1}, "unexpected keyword argument 'jsn' (did you mean 'json'?)"),
        ({"status_code": 200}, "the status of the answer is status="),
        ({"side_effect": []}, "error= for one, answers=[...] for several, handler= for a function"),
        ({"match_content": b""}, "body= compares the whole body"),
        ({"json__eq": {}}, "match_json= compares what the body is as JSON"),
        ({"params__contains": {}}, "params= are those that it has, whatever others"),
        ({"text": "a", "answer_headers": {1: "x"}}, "must be str, got int and str"),
        ({"text": "a", "answer_headers": {"X-A": 1}}, "must be str, got str and int"),
        ({"status": "200"}, "expected a status as a number, got '200'"),
        ({"status": 20}, "a status from 200 to 999"),
        ({"json": object()}, "json: Object of type object is not JSON serializable"),
        ({"json": 1, "text": "x"}, "text and json exclude each other"),
        ({"json": 1, "error": 7}, "exclude each other"),
        ({"status": 200, "answers": [200]}, "exclude each other"),
        ({"handler": 3}, "handler: expected a function of the request"),
        ({"error": ZeroDivisionError}, "error: expected an error of a transfer, its class, or"),
        ({"error": onehttp.ConfigurationError}, "error: expected an error of a transfer"),
        ({"error": 0}, "libcurl's code from 1 to"),
        ({"error": ConnectionError}, "got <class 'ConnectionError'> (did you mean onehttp.Connect"),
        ({"error": TimeoutError()}, "got TimeoutError() (did you mean onehttp.TimeoutError?)"),
        ({"answers": [200, ValueError]}, "answers[1]: error: expected an error of a transfer"),
        ({"answers": [[1]]}, "answers[0]: a list is no answer here; (200, [...]) gives it as JSON"),
        ({"answers": [OSError("x")]}, "answers[0]: error: expected an error of a transfer"),
        ({"body": {"a": 1}}, "got dict; match_json= compares what it is as JSON"),
        ({"body": ["a"]}, "got list; match_json= compares what it is as JSON"),
        ({"error": True}, "libcurl's code from 1 to"),
        ({"answers": []}, "answers: expected a list with at least one answer"),
        ({"answers": (200, "x")}, "answers: expected a list with at least one answer"),
        ({"answers": 200}, "answers: expected a list with at least one answer"),
        ({"answers": [200, None]}, "answers[1]: NoneType is no answer"),
        ({"answers": [200, 0]}, "answers[1]: error: expected an error of a transfer"),
        ({"answers": [100]}, "answers[0]: expected a status from 200"),
        ({"answers": [200], "times": 2}, "not beside answers="),
        ({"times": 0}, "times: expected a number from 1 on"),
        ({"times": True}, "times: expected a number from 1 on"),
        ({"times": "2"}, "times: expected a number from 1 on"),
        ({"delay_s": "1"}, "delay_s: expected seconds as a number"),
        ({"delay_s": -1}, "delay_s: expected seconds from 0"),
        ({"content": b"ab", "cut_after": "1"}, "cut_after: expected a number of bytes, got '1'"),
        ({"content": b"ab", "cut_after": True}, "cut_after: expected a number of bytes, got True"),
        ({"content": b"ab", "cut_after": 0.5}, "cut_after: expected a number of bytes, got 0.5"),
        (
            {"content": b"ab", "cut_after": -1},
            "cut_after: expected from 0 on, and fewer than",
        ),
        ({"text": "ü", "cut_after": 2}, "fewer than the 2 bytes that the body has, got 2"),
        ({"cut_after": 0}, "fewer than the 0 bytes that the body has, got 0"),
        ({"status": 204, "text": "a", "cut_after": 0}, "fewer than the 0 bytes"),
        ({"cut_after": 1, "error": 18}, "cut_after, drip exclude each other"),
        ({"cut_after": 1, "answers": [200]}, "cut_after, drip exclude each other"),
        ({"cut_after": 1, "handler": str}, "cut_after, drip exclude each other"),
        ({"text": "ab", "drip": 2}, "drip: expected (bytes, seconds), got 2"),
        ({"text": "ab", "drip": (1, 2, 3)}, "drip: expected (bytes, seconds), got (1, 2, 3)"),
        ({"text": "ab", "drip": (0.5, 2)}, "drip: expected a number of bytes first, got 0.5"),
        ({"text": "ab", "drip": (True, 2)}, "drip: expected a number of bytes first, got True"),
        ({"text": "ab", "drip": (0, 2)}, "drip: expected a byte at a time or more, got 0"),
        ({"text": "ab", "drip": (1, "2")}, "drip: expected seconds as a number, got str"),
        ({"text": "ab", "drip": (1, -2)}, "drip: expected seconds from 0"),
        ({"drip": (1, 2)}, "drip: there is no body that could come in pieces"),
        ({"status": 204, "text": "a", "drip": (1, 2)}, "drip: there is no body"),
        ({"drip": (1, 2), "error": 18}, "cut_after, drip exclude each other"),
        ({"headers": "X-A: 1"}, "headers: expected pairs of name and value"),
        ({"answer_headers": 3}, "headers: expected pairs of name and value"),
        ({"answer_headers": {"X A": "1"}}, "header 'X A': not a token"),
        ({"params": 3}, "params: expected pairs"),
        ({"params": {"a": object()}}, "params: 'a': expected text"),
        ({"body": 3}, "body: expected bytes or text, got int"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(keywords: Any, complaint: str) -> None:
    double = Double()
    with pytest.raises((TypeError, ValueError)) as caught:
        double.get(URL, **keywords)
    assert complaint in str(caught.value)
    assert double.routes == []


def test_an_error_of_python_is_no_misspelt_one() -> None:
    with pytest.raises(TypeError, match=r"got <class 'ValueError'>$"):
        Double().get(URL, error=ValueError)  # type: ignore[arg-type]


def test_threads_get_each_answer_once() -> None:
    many, double = 200, Double()
    route = double.get(URL, answers=[(200, str(at)) for at in range(many)])
    backend, found = HttpxBackend(answers=double), list[str]()

    def ask() -> None:
        calls = range(many // 8)
        found.extend(backend.perform(onehttp.Request("GET", URL)).text for _ in calls)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(map(int, found)) == list(range(many))
    assert (route.call_count, len(double.calls), route.is_used_up) == (many, many, True)


def test_what_is_asserted_of_calls() -> None:
    double = Double()
    route = double.post(URL)
    backend = HttpxBackend(answers=double)
    route.assert_not_called()
    for asserting in (route.assert_called, route.assert_called_once, route.assert_called_with):
        with pytest.raises(AssertionError, match=r"never called|there was none"):
            asserting()
    with pytest.raises(AssertionError, match="there was no call"):
        _ = route.calls.last
    backend.perform(onehttp.Request("POST", f"{URL}?a=1&a=2", (("X-A", "1"),), b"c=d&e="))
    route.assert_called_once_with(
        params={"a": [1, 2]}, headers={"x-a": "1"}, body="c=d&e=", form={"c": "d", "e": ""}
    )
    others: list[dict[str, Any]] = [
        *({"params": {}}, {"form": {"c": "d"}}, {"body": b""}, {"json": {}}),
        {"headers": {"X-B": "1"}},
    ]
    for other in others:
        with pytest.raises(AssertionError, match="the last call was another"):
            route.assert_called_with(**other)
    with pytest.raises(AssertionError, match="there were 1"):
        route.assert_not_called()
    assert route.calls.last.headers["X-A"] == "1"
    assert route.calls.last.text == "c=d&e="


def test_a_route_that_was_not_to_be_called_may_stay_unused() -> None:
    double = Double()
    unwanted = [double.get(URL), double.get(URL, times=2)]
    unused = double.get(URL)
    for route in unwanted:
        route.assert_not_called()
    assert [route.unused for route in unwanted] == ["", ""]
    assert unused.unused == "never called"
    assert "- GET https://a.example/x: never called" in double.not_used()[0]


def test_a_handler_is_given_the_request_that_the_call_has() -> None:
    seen: list[tuple[Any, ...]] = []

    def answer(request: SeenRequest) -> int:
        seen.append((request.path, request.params, request.headers["x-a"], request.json()))
        return 201

    double = Double()
    routes = [double.post(URL, handler=answer, times=1), double.post(URL, answers=[answer])]
    backend = HttpxBackend(answers=double)
    for _ in routes:
        backend.perform(onehttp.Request("POST", f"{URL}?a=1", (("X-A", "b"),), b"[3]"))
    assert seen == [(routes[0].calls.last.request.path, {"a": "1"}, "b", [3])] * 2


@pytest.mark.parametrize(
    ("what", "name", "way_out"),
    [
        (lambda double: double, "add_response", "it is .get(url"),
        (lambda double: double, "get_requests", "`calls` has all"),
        (lambda double: double.get(URL), "mock", "the answer is given with the route"),
        (lambda double: double.get(URL), "side_effect", "answers=[...]"),
        (lambda double: double.get(URL), "called_once", "assert_called_once()"),
        (lambda _: SeenRequest(onehttp.Request("GET", URL)), "content", "it is `body`"),
        (lambda double: double.get(URL).calls, "call_count", "it is len(calls)"),
        (lambda double: double.calls, "assert_called_once", "route.assert_called_once()"),
        (lambda _: Call(onehttp.Request("GET", URL)), "method", "it is request.method"),
        (lambda _: PolicyClock(), "tick", "advance(seconds)"),
    ],
)
def test_a_name_of_another_plugin_says_what_it_is_here(what: Any, name: str, way_out: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(what(Double()), name)
    assert way_out in str(caught.value)
    assert name in str(caught.value)


def test_a_call_that_there_was_not_says_how_many_there_were() -> None:
    with pytest.raises(IndexError, match="there is no call 0: there were 0"):
        Double().get(URL).calls[0]


def test_an_assertion_that_has_another_keyword_says_which_there_are() -> None:
    check: Any = Double().get(URL).assert_called_with
    with pytest.raises(TypeError, match="'data'; known: params, headers, body, json, form"):
        check(data=b"x")


def test_a_url_that_is_no_text_or_has_stars_says_what_stands_for_a_segment() -> None:
    double, made = Double(), onehttp.Request("GET", "https://a.example/x")
    pattern: Any = re.compile("https://.*")
    with pytest.raises(TypeError, match=r"got Pattern; \{name\} in it is any segment"):
        double.get(pattern)
    double.get("https://a.example/*")
    with pytest.raises(onehttp.UnexpectedRequestError, match=r"'\*' is one, {name} any segment"):
        double.pick(made)


CREDENTIALS: list[tuple[dict[str, Any], str | None]] = [
    ({"type": "basic", "username": "a", "password": "b"}, "Basic YTpi"),
    ({"type": "bearer", "token": "t"}, "Bearer t"),
    ({"type": "digest", "username": "a", "password": "b"}, None),
    ({"type": "any", "username": "a", "password": "b"}, None),
]


@pytest.mark.parametrize(("auth", "value"), CREDENTIALS, ids=lambda each: str(each))
def test_the_credentials_of_a_connection_are_seen_where_the_engine_sends_them(
    auth: dict[str, Any], value: str | None
) -> None:
    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(OK)

    with RawServer(behave) as server:
        onehttp.init({"version": 1, "connections": {"c": {"url": server.url, "auth": auth}}})
        onehttp.connection("c").get("/x", timeout=PATIENCE_S)
        (sent,) = server.requests
        lines = [each for each in sent.decode().split("\r\n") if each.startswith("Authorization")]
    onehttp.shutdown()
    assert lines == ([] if value is None else [f"Authorization: {value}"])
    double = Double()
    route = double.get("https://a.example/x", headers={"Authorization": value} if value else {})
    onehttp.init(
        {"version": 1, "connections": {"c": {"url": "https://a.example", "auth": auth}}},
        backend=HttpxBackend(answers=double),
    )
    onehttp.connection("c").get("/x")
    assert route.calls.last.headers.get("Authorization") == value


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "none": dict,
    "bytes": lambda: {"body": b"a"},
    "empty": lambda: {"body": b""},
    "form": lambda: {"form": {"a": "b"}},
    "json": lambda: {"json": 1},
    "typed": lambda: {"body": b"a", "headers": {"content-type": "text/plain"}},
    "without a type": lambda: {"body": b"a", "headers": {"Content-Type": ""}},
    "pieces": lambda: {"body": iter([b"a"])},
    "file": lambda: {"body": io.BytesIO(b"a")},
    "pieces, typed": lambda: {"body": iter([b"a"]), "headers": {"Content-Type": "a/b"}},
}


@pytest.mark.parametrize("body", BODIES)
def test_the_type_of_a_body_is_seen_as_the_engine_sends_it(body: str) -> None:
    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(OK)

    with RawServer(behave) as server:
        onehttp.init()
        onehttp.request("POST", f"{server.url}/x", timeout=PATIENCE_S, **BODIES[body]())
        sent, *_ = server.requests  # chunks look like another
    onehttp.shutdown()
    head = sent.decode().lower().partition("\r\n\r\n")[0].split("\r\n")
    types = [each.partition(": ")[2] for each in head if each.startswith("content-type:")]
    double = Double()
    route = double.post("https://a.example/x")
    onehttp.init(backend="httpx", answers=double)
    onehttp.request("POST", "https://a.example/x", **BODIES[body]())
    onehttp.shutdown()
    assert (route.calls.last.headers.get("content-type") or "") == "".join(types)
