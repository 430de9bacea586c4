"""Tests that should pass: all that the plugin offers, used as docs/testing.md has it."""

PASSING = """
import asyncio
import threading
import time
import warnings

import pytest

import onehttp
from onehttp.testing import FakeTransactionLayer

URL = "https://api.example/users/{name}"
CONNECTIONS = {
    "version": 1,
    "connections": {
        "api": {
            "url": "https://api.example",
            "retry": {"attempts": 3},
            "circuit_breaker": {"failures": 5, "open_for": 30},
            "limits": {"concurrent": 1, "wait": 5},
        }
    },
}


def test_a_name_in_a_url_is_one_segment(onehttp_double):
    route = onehttp_double.get(URL, json={"id": 7})
    assert onehttp.request("GET", "https://API.example:443/users/bob?x=1&x=2").json() == {"id": 7}
    assert route.calls.last.names == {"name": "bob"}
    assert route.calls.last.params == {"x": ["1", "2"]}
    assert (route.called, route.call_count) == (True, 1)
    assert (route.calls[0].request.method, route.calls[0].response.status) == ("GET", 200)
    with pytest.raises(onehttp.UnexpectedRequestError, match="another URL"):
        onehttp.request("GET", "https://api.example/users/bob/more")
    onehttp_double.unexpected.clear()


def test_a_request_is_read_as_people_expect(onehttp_double):
    route = onehttp_double.post(URL, status=204)
    onehttp.request(
        "POST", "https://api.example/users/bob", json={"a": [1]}, headers={"X-Token": "t"}
    )
    seen = route.calls.last.request
    assert seen.headers["x-token"] == route.calls.last.headers["X-TOKEN"] == "t"
    assert seen.json() == route.calls.last.json() == {"a": [1]}
    assert ("X-Token", "t") in seen.sent.headers


def test_matchers(onehttp_double):
    made = onehttp_double.post(
        "https://api.example/calls?dry=1",
        params={"page": 2, "all": True},
        headers={"x-key": "k"},
        match_json={"to": "bob"},
        status=201,
        answer_headers={"Location": "/calls/1"},
    )
    other = onehttp_double.post("https://api.example/calls", body="plain", text="other")
    answer = onehttp.request(
        "POST",
        "https://api.example/calls",
        params={"dry": 1, "page": 2, "all": True, "more": "x"},
        json={"to": "bob"},
        headers={"X-Key": "k", "X-Other": "o"},
    )
    assert (answer.status, answer.headers["location"]) == (201, "/calls/1")
    assert onehttp.request("POST", "https://api.example/calls", body=b"plain").text == "other"
    made.assert_called_once_with(
        json={"to": "bob"}, params={"dry": 1, "page": 2, "all": True, "more": "x"},
        headers={"X-Key": "k"},
    )
    other.assert_called_once_with(body="plain", params={})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_verbs(onehttp_double, method):
    route = getattr(onehttp_double, method.lower())("https://a.example", status=204)
    assert onehttp.request(method, "https://a.example/").status == 204
    route.assert_called_once()


def test_any_method(onehttp_double):
    onehttp_double.add("PROPFIND", "https://a.example/", content=b"x")
    assert onehttp.request("PROPFIND", "https://a.example/").body == b"x"


def test_answers_one_after_the_other(onehttp_double):
    route = onehttp_double.get(
        "https://a.example/",
        answers=[onehttp.ConnectError, onehttp.TimeoutError("late"), (503, "busy"), {"a": 1}],
    )
    for kind in (onehttp.ConnectError, onehttp.TimeoutError):
        with pytest.raises(kind):
            onehttp.request("GET", "https://a.example/")
    assert isinstance(route.calls.last.error, onehttp.TimeoutError)
    assert [onehttp.request("GET", "https://a.example/").status for _ in range(2)] == [503, 200]
    with pytest.raises(onehttp.UnexpectedRequestError, match="used up"):
        onehttp.request("GET", "https://a.example/")
    onehttp_double.unexpected.clear()


def test_the_first_route_that_is_left_answers(onehttp_double):
    onehttp_double.get("https://a.example/", status=500, times=2)
    onehttp_double.get("https://a.example/")
    assert [onehttp.request("GET", "https://a.example/").status for _ in range(4)] == [
        500, 500, 200, 200,
    ]


@pytest.mark.parametrize(("code", "kind"), [(7, "ConnectError"), (28, "TimeoutError"),
    (18, "DisconnectedError"), (60, "TLSError"), (6, "ResolveError"), (22, "TransferError")])
def test_every_code(onehttp_double, code, kind):
    onehttp_double.get("https://a.example/", error=code)
    with pytest.raises(getattr(onehttp, kind)) as caught:
        onehttp.request("GET", "https://a.example/")
    assert caught.value.code == code


def test_a_function_answers(onehttp_double):
    async def later(request):
        await asyncio.sleep(0)
        return 200, request.body

    onehttp_double.post("https://a.example/", handler=lambda request: {"size": len(request.body)})
    onehttp_double.put("https://a.example/", handler=later)
    assert onehttp.request("POST", "https://a.example/", body="four").json() == {"size": 4}
    assert onehttp.request("PUT", "https://a.example/", body="four").text == "four"


def test_every_way_of_calling(onehttp_double):
    route = onehttp_double.get("https://api.example/x", text="yes")
    onehttp.init(CONNECTIONS)
    api = onehttp.connection("api")
    found = [api.get("/x").text, onehttp.request("GET", "https://api.example/x").text]
    thread = threading.Thread(target=lambda: found.append(api.get("/x").text))
    thread.start()
    thread.join(60)

    async def tasks():
        answers = await asyncio.gather(*(api.aget("/x") for _ in range(3)))
        found.extend(answer.text for answer in answers)

    asyncio.run(tasks())
    found.append(api.submit("GET", "/x").result(60).response.text)
    layer = FakeTransactionLayer()
    with onehttp.transaction(layer.new()):
        onehttp.submit("GET", "https://api.example/x", route=lambda r: found.append("yes"))
    assert onehttp.drain(30)
    assert found == ["yes"] * 8
    assert route.call_count == 8


def test_legacy_calls(onehttp_double):
    import onehttp_compat.http_client as http_client

    onehttp_double.post("http://a.example/x", body="post", text="hi")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert http_client.http_client_query("http://a.example/x", "post", "$var(r)") == 200


def test_init_of_the_product_gets_the_double(onehttp_double):
    onehttp_double.get("https://api.example/x")
    onehttp.init(CONNECTIONS, backend="pycurl")
    onehttp.init(CONNECTIONS, backend="pycurl")
    assert onehttp.connection("api").get("/x").status == 200
    with pytest.raises(onehttp.AlreadyInitialisedError):
        onehttp.init()


# ---- time

def test_retries_do_not_sleep(onehttp_double, onehttp_clock):
    onehttp_double.get("https://api.example/x", answers=[503, 503, 200])
    onehttp.init(CONNECTIONS)
    assert onehttp.connection("api").get("/x").status == 200
    assert onehttp_clock.pauses == [0.1, 0.2]


def test_a_breaker_closes_again(onehttp_clock, onehttp_double):
    onehttp_double.get("https://api.example/x", error=7, times=5)
    onehttp_double.get("https://api.example/x")
    onehttp.init(CONNECTIONS)
    api = onehttp.connection("api")
    for _ in range(2):
        with pytest.raises(onehttp.ConnectError):
            api.get("/x")
    with pytest.raises(onehttp.CircuitOpenError):
        api.get("/x")
    onehttp_clock.advance(31)
    assert api.get("/x").status == 200


@pytest.mark.parametrize("way", ["thread", "task", "callback"])
def test_a_turn_that_does_not_come(onehttp_double, onehttp_clock, way):
    onehttp.init(CONNECTIONS)
    api = onehttp.connection("api")
    held, release = threading.Event(), threading.Event()

    def hold(request):
        held.set()
        assert release.wait(60)
        return 200

    onehttp_double.get("https://api.example/x", handler=hold)
    first = threading.Thread(target=lambda: api.get("/x", timeout=0))
    first.start()
    assert held.wait(60)
    caught = []

    def second():
        try:
            if way == "thread":
                api.get("/x")
            elif way == "task":
                asyncio.run(awaited())
            else:
                raise api.submit("GET", "/x").result(60).error
        except onehttp.LimitReachedError as error:
            caught.append(error)

    async def awaited():
        await api.aget("/x")

    waiting = threading.Thread(target=second)
    waiting.start()
    while not onehttp_clock.waiting:
        time.sleep(0.001)
    onehttp_clock.advance(5)
    waiting.join(60)
    release.set()
    first.join(60)
    assert len(caught) == 1


def test_delays_pass_on_the_clock(onehttp_double, onehttp_clock):
    onehttp_double.get("https://a.example/", delay_s=200)
    with pytest.raises(onehttp.TimeoutError):
        onehttp.request("GET", "https://a.example/", timeout=100)
    assert onehttp.request("GET", "https://a.example/", timeout=300).status == 200
    assert onehttp_clock() == 300
    with pytest.raises(ValueError, match="does not go back"):
        onehttp_clock.advance(-1)


def test_delays_without_a_clock(onehttp_double):
    onehttp_double.get("https://a.example/", delay_s=100)
    with pytest.raises(onehttp.TimeoutError):
        onehttp.request("GET", "https://a.example/", timeout=0.02)


# ---- nothing left over

@onehttp.route("OF THE MODULE")
def of_the_module(result):
    pass


def test_routes_of_a_test(onehttp_engine):
    onehttp.route("OF A TEST")(of_the_module)
    assert onehttp.find_route("OF A TEST")
    assert onehttp_engine == onehttp.backend().name == "pycurl"


def test_nothing_is_left():
    assert not onehttp.is_initialised()
    assert onehttp.find_route("OF THE MODULE")
    with pytest.raises(onehttp.UnknownRouteError):
        onehttp.find_route("OF A TEST")


@pytest.fixture
def initialised():
    onehttp.init(CONNECTIONS, backend="httpx", answers={})
    yield
    assert "api" in onehttp.connections()
    onehttp.shutdown()


def test_what_was_there_comes_back(initialised, onehttp_double):
    assert "api" not in onehttp.connections()


@pytest.mark.onehttp_backends
def test_on_every_engine(onehttp_engine):
    onehttp.init(CONNECTIONS)
    assert onehttp.backend().name == onehttp_engine


@pytest.mark.onehttp_backends("httpx")
def test_on_one(onehttp_engine):
    assert onehttp_engine == "httpx"


@pytest.mark.onehttp_double(assert_all_called=False)
def test_unused_answers_are_allowed(onehttp_double):
    onehttp_double.get("https://a.example/")


@pytest.mark.onehttp_double(assert_all_expected=False)
def test_unexpected_requests_are_allowed(onehttp_double):
    with pytest.raises(onehttp.UnexpectedRequestError):
        onehttp.request("GET", "https://a.example/")
"""
ASYNC = {
    "asyncio": """
import asyncio
import onehttp, pytest

@pytest.mark.asyncio
async def test_awaited(onehttp_double):
    route = onehttp_double.get("https://a.example/{n}", text="x", delay_s=0.001)
    calls = [onehttp.arequest("GET", f"https://a.example/{n}") for n in "ab"]
    answers = await asyncio.gather(*calls)
    assert [answer.text for answer in answers] == ["x", "x"]
    assert onehttp.request("GET", "https://a.example/c").text == "x"

@pytest.mark.asyncio
async def test_unexpected(onehttp_double):
    task = asyncio.create_task(onehttp.arequest("GET", "https://a.example/"))
    await asyncio.wait([task])
    task.exception()
""",
    "anyio": """
import anyio
import onehttp, pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_awaited(onehttp_double):
    onehttp_double.get("https://a.example/", text="x", times=2)
    async def ask():
        assert (await onehttp.arequest("GET", "https://a.example/")).text == "x"
    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)

@pytest.mark.anyio
async def test_unexpected(onehttp_double):
    try:
        await onehttp.arequest("GET", "https://a.example/")
    except BaseException:
        pass
""",
}
