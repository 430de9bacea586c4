"""What the double answers in process: looked at when it is given, in time, and once each."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx as elder
import pytest

import onehttp
import onehttp_backends.double
from onehttp_backends.double import HttpxBackend
from onehttp_backends.double.answers import UNEXPECTED
from onehttp_backends.double.library import httpx
from servers.patience import PATIENCE_S

URL = "https://a.example/"
KEY = f"GET {URL}"
LONG_S = 30.0
"""A handler that takes so long must not be waited for."""


@pytest.fixture(autouse=True)
def _process_is_left_as_found() -> Iterator[None]:
    yield
    onehttp.shutdown()


def answered(answer: Any, method: str = "GET", **call: Any) -> onehttp.Response:
    onehttp.init(backend="httpx", answers={f"{method} {URL}": answer})
    return onehttp.request(method, URL, **call)


@pytest.mark.parametrize(
    ("answer", "status", "body", "headers"),
    [
        (204, 204, b"", {}),
        ("text", 200, b"text", {"content-length": "4"}),
        (b"\xff", 200, b"\xff", {}),
        ((201, "made"), 201, b"made", {}),
        ((200, "x", {"X-A": "1"}), 200, b"x", {"x-a": "1"}),
        ((200, "x", {"TE": "trailers"}), 200, b"x", {"te": "trailers"}),
        ((200, "x", [("X-A", "1"), ("X-A", "2")]), 200, b"x", {"x-a": "1, 2"}),
        ({"a": 1}, 200, b'{"a": 1}', {"content-type": "application/json"}),
        ((400, [1, 2]), 400, b"[1, 2]", {"content-type": "application/json"}),
        ((200, {}, {"content-type": "a/b"}), 200, b"{}", {"content-type": "a/b"}),
        (httpx.Response(418, headers={"X-A": "1"}, text="tea"), 418, b"tea", {"x-a": "1"}),
        (elder.Response(418, headers={"X-A": "1"}, text="tea"), 418, b"tea", {"x-a": "1"}),
        (lambda request: (200, request.method), 200, b"GET", {}),
    ],
)
def test_shapes_that_an_answer_may_have(
    answer: Any, status: int, body: bytes, headers: dict[str, str]
) -> None:
    response = answered(answer)
    found = {name.lower(): value for name, value in response.headers.items()}
    assert (response.status, response.body, response.url) == (status, body, URL)
    assert headers.items() <= found.items()


@pytest.mark.parametrize("error", [onehttp.ConnectError, onehttp.ConnectError("refused")])
def test_an_error_or_its_class_is_raised(error: Any) -> None:
    with pytest.raises(onehttp.ConnectError) as caught:
        answered(error)
    assert (caught.value.code, caught.value.sent) == (7, onehttp.Sent.NO)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (None, "NoneType is no answer; expected a status, a body"),
        (2.5, "float is no answer"),
        (True, "expected a status as a number, got True"),
        (("200", "x"), "expected a status as a number, got '200'"),
        ((200,), "a tuple of 1; expected"),
        ((200, "x", {}, 1), "a tuple of 4"),
        ((20, "x"), "a status from 200 to 999, got 20"),
        ((200, {"a": object()}), "cannot be JSON"),
        ((200, "x", "X-A: 1"), "headers as a mapping or pairs, got 'X-A: 1'"),
        ((200, "x", {"X-A": 1}), "name and value must be str"),
        ((200, "x", {"X-A": "1\r\nX-B: 2"}), "CR, LF and NUL"),
        (ZeroDivisionError, "type is no answer"),
        ([], "a list without an answer"),
        ([200, None], r"\[1\]: NoneType is no answer"),
    ],
)
def test_an_answer_that_cannot_be_meant_is_refused_when_it_is_given(
    answer: Any, complaint: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint) as caught:
        HttpxBackend(answers={KEY: answer})
    assert str(caught.value).startswith(f"answers[{KEY!r}]")


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (URL, f"as in 'GET {URL}'"),
        (f"get {URL}", "in capitals: 'GET'"),
        (f"GET {URL}*", "for patterns"),
        (("GET", URL), "expected 'METHOD URL' as one text, got tuple"),
        ("GET a.example/x", "no scheme"),
        ("GET ftp://a.example/x", "scheme 'ftp'"),
        (f"G(T {URL}", "not a token"),
    ],
)
def test_a_key_that_no_request_has_is_refused(key: Any, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint.replace("(", r"\(")):
        HttpxBackend(answers={key: 200})


def test_what_a_handler_gives_is_looked_at_too() -> None:
    onehttp.init(backend="httpx", handler=lambda request: ("200", "x"))  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="the answer of a handler: expected a status as a number"):
        onehttp.request("GET", URL)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_has_none(status: int) -> None:
    assert answered((status, "text")).body == b""


def test_an_answer_to_head_tells_the_length_alone() -> None:
    response = answered((200, "text"), method="HEAD")
    assert (response.body, response.headers["content-length"]) == (b"", "4")


def test_an_answer_cut_at_its_limit_is_whole_for_the_next_call() -> None:
    def ask(limit: int) -> onehttp.Response:
        options = onehttp.TransferOptions(max_body_bytes=limit, body_policy="truncate")
        return backend.perform(onehttp.Request("GET", URL, options=options))

    backend = HttpxBackend(answers={KEY: (200, "text")})
    assert (ask(2).body, ask(2).truncated) == (b"te", True)
    assert (ask(9).body, ask(9).truncated) == (b"text", False)


def test_init_again_starts_the_answers_anew() -> None:
    answers: dict[str, Any] = {KEY: [(503, "one"), (200, "two")]}
    for _ in range(2):
        onehttp.init(backend="httpx", answers=answers)
        assert [onehttp.request("GET", URL).status for _ in range(3)] == [503, 200, 200]
        backend = onehttp.backend()
        assert isinstance(backend, HttpxBackend)
        assert len(backend.seen) == 3


def test_threads_get_each_answer_of_a_list_once() -> None:
    many = 400
    backend = HttpxBackend(answers={KEY: [(200, str(at)) for at in range(many)]})
    found: list[str] = []

    def ask() -> None:
        calls = range(many // 8)
        found.extend(backend.perform(onehttp.Request("GET", URL)).text for _ in calls)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(map(int, found)) == list(range(many))


# ---- time

WAYS: dict[str, Callable[..., onehttp.Response]] = {
    "thread": lambda **call: onehttp.request("GET", URL, **call),
    "task": lambda **call: asyncio.run(awaited(**call)),
    "in a running loop": lambda **call: asyncio.run(blocking(**call)),
    "submit": lambda **call: response_of(onehttp.submit("GET", URL, **call)),
}


async def awaited(**call: Any) -> onehttp.Response:
    return await onehttp.arequest("GET", URL, **call)


async def blocking(**call: Any) -> onehttp.Response:
    return onehttp.request("GET", URL, **call)


def response_of(query: onehttp.Query) -> onehttp.Response:
    result = query.result(PATIENCE_S)
    if result.error is not None:
        raise result.error
    assert result.response is not None
    return result.response


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Callable[..., onehttp.Response]:
    return WAYS[request.param]


def test_a_coroutine_function_answers_whoever_asks(ask: Callable[..., onehttp.Response]) -> None:
    async def handler(request: onehttp.Request) -> tuple[int, str]:
        await asyncio.sleep(0)
        return 200, "late"

    onehttp.init(backend="httpx", handler=handler)
    assert ask().text == "late"


def test_a_coroutine_function_that_takes_too_long_is_stopped(
    ask: Callable[..., onehttp.Response],
) -> None:
    async def handler(request: onehttp.Request) -> int:
        await asyncio.sleep(LONG_S)
        raise AssertionError("it was waited for")

    onehttp.init(backend="httpx", handler=handler)
    with pytest.raises(onehttp.TimeoutError, match=r"no answer within 0\.05 s") as caught:
        ask(timeout=0.05)
    assert (caught.value.sent, caught.value.phase) == (
        onehttp.Sent.MAYBE,
        onehttp.Phase.FIRST_BYTE,
    )


def test_a_function_that_takes_too_long_has_timed_out(ask: Callable[..., onehttp.Response]) -> None:
    def handler(request: onehttp.Request) -> int:
        time.sleep(0.02)
        return 200

    onehttp.init(backend="httpx", handler=handler)
    with pytest.raises(onehttp.TimeoutError):
        ask(timeout=0.01)


def test_a_timeout_of_the_handlers_own_is_its_answer() -> None:
    async def handler(request: onehttp.Request) -> int:
        raise onehttp.TimeoutError("mine")

    onehttp.init(backend="httpx", handler=handler)
    with pytest.raises(onehttp.TimeoutError, match="mine"):
        onehttp.request("GET", URL)


def test_a_blocking_call_on_the_doubles_own_thread_is_refused() -> None:
    caught: list[BaseException] = []

    async def handler(request: onehttp.Request) -> int:
        if request.url != URL:
            return 200
        try:
            onehttp.request("GET", f"{URL}within")
        except onehttp.ReentrantCallError as error:
            caught.append(error)
        return 200

    onehttp.init(backend="httpx", handler=handler)
    assert onehttp.request("GET", URL).status == 200
    assert len(caught) == 1


# ---- requests that nobody thought of


def test_an_unexpected_request_is_no_failed_call() -> None:
    onehttp.init(backend="httpx", answers={f"{KEY}user": 200})
    for call in (onehttp.request, onehttp.submit, lambda *a: asyncio.run(awaited())):
        with pytest.raises(onehttp.UnexpectedRequestError, match=f"nearest is '{KEY}user'"):
            call("GET", URL)
    assert not issubclass(onehttp.UnexpectedRequestError, Exception)
    assert len(UNEXPECTED) == 3
    UNEXPECTED.clear()
    assert onehttp.query_stats().open == 0


def test_an_unexpected_request_takes_back_a_suspended_transaction() -> None:
    onehttp.init(backend="httpx", answers={})

    async def called() -> object:
        transaction = onehttp.TaskTransaction()
        with onehttp.transaction(transaction):
            onehttp.submit("GET", URL, route=lambda result: None)
        return await transaction

    with pytest.raises(onehttp.UnexpectedRequestError):
        asyncio.run(called())
    UNEXPECTED.clear()


def test_the_library_under_the_double_is_named() -> None:
    onehttp.init(backend="httpx")
    assert onehttp.stats().library == f"{httpx.__name__} {httpx.__version__}"


def test_one_file_alone_knows_which_library_it_is() -> None:
    folder = Path(onehttp_backends.double.__file__).parent
    direct = re.compile(r"^ *(?:import|from) (?:httpx|httpcore)", re.MULTILINE)
    files = [path.name for path in folder.rglob("*.py") if direct.search(path.read_text())]
    assert files == ["library.py"]
