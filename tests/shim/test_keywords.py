"""One list of keywords, whatever makes the call, and what a keyword that is not in it says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import onehttp
from onehttp.hints.keywords import CALL_HINTS
from onehttp.streams.contexts import AsyncStreamContext, StreamContext
from onehttp_backends.double import HttpxBackend
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, echo, redirecting_to

VERBS = ("get", "head", "post", "put", "patch", "delete")
Caller = Callable[..., Any]


def caller_of(way: str, url: str) -> Caller:
    """What makes a call of this kind with some keywords."""
    if way in ("request", "arequest", "submit", "stream", "astream"):
        return lambda **call: getattr(onehttp, way)("POST", f"{url}/{{name}}", **call)
    name = way.removeprefix("Connection.")
    method = getattr(onehttp.connection("api"), name)
    if name.lstrip("a") in VERBS:
        return lambda **call: method("/{name}", **call)
    return lambda **call: method("POST", "/{name}", **call)


WAYS = [
    "request",
    "arequest",
    "submit",
    "stream",
    "astream",
    *(f"Connection.{name}" for name in ("request", "arequest", "submit", "build")),
    *(f"Connection.{name}" for name in ("stream", "astream")),
    *(f"Connection.{prefix}{verb}" for prefix in ("", "a") for verb in VERBS),
]


def says_nothing(peer: Peer) -> None:
    while peer.request():
        peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.fixture(params=[{}, {"retry": 2, "failover": "other"}], ids=["plain", "policed"])
def server(request: pytest.FixtureRequest, engine: str) -> Iterator[RawServer]:
    """A server, and two connections to it, the first with policies or without."""
    with RawServer(says_nothing) as running:
        named = {"api": {"url": running.url, **request.param}, "other": {"url": running.url}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        yield running


async def awaited(call: Callable[[], Any]) -> Any:
    made = call()
    if isinstance(made, AsyncStreamContext):
        async with made as response:
            return response
    return await made


def outcome_of(way: str, call: Callable[[], Any]) -> Any:
    if way.rpartition(".")[2].startswith("a"):
        return asyncio.run(awaited(call))
    made = call()
    if isinstance(made, StreamContext):
        with made as response:
            return response
    return made.result(PATIENCE_S).response if isinstance(made, onehttp.Query) else made


def test_every_public_call_is_among_the_ways() -> None:
    typed = {
        f"{prefix}{name}"
        for owner, prefix in ((onehttp, ""), (onehttp.Connection, "Connection."))
        for name, member in inspect.getmembers(owner)
        if inspect.isfunction(member) and not name.startswith("_")
        for parameter in inspect.signature(member).parameters.values()
        if parameter.annotation == "Unpack[CallArguments]"
    }
    assert typed == set(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_every_call_takes_every_keyword(way: str, server: RawServer) -> None:
    call = caller_of(way, server.url)
    bodies: list[dict[str, Any]] = [
        {"body": b"x"},
        {"json": [1]},
        {"form": {"a": 1}, "files": {"f": b"x"}},
    ]
    for body in [{"body": None}] if way.endswith("head") else bodies:
        given: onehttp.CallArguments = {
            "headers": [("X-A", "b")],
            "path": {"name": "x"},
            "params": {"q": 1},
            "timeout": 60,
            "max_body": 100,
            "max_upload": 1000,
            "progress": None,
            "auth": ("name", "password"),
            "cookies": {"a": "b"},
            "follow_redirects": True,
            **body,  # type: ignore[typeddict-item]
        }
        found = outcome_of(way, lambda given=given: call(**given))  # type: ignore[misc]
        if isinstance(found, onehttp.Request):
            assert (found.url, found.total_timeout_s) == (f"{server.url}/x?q=1", 60)
            assert found.options.max_body_bytes == 100
            assert found.headers[-1][0] in ("Authorization", "Content-Type")
        else:
            assert found.status == 204
    assert (
        set(given) | {"body", "json", "form", "files"}
        == onehttp.CallArguments.__annotations__.keys()
    )


WRONG = [
    ("timeuot", "did you mean 'timeout'?"),
    ("jsn", "did you mean 'json'?"),
    ("Headers", "did you mean 'headers'?"),
    ("follow_redirect", "did you mean 'follow_redirects'?"),
    ("data", "body=.*form=.*json="),
    ("content", "body="),
    ("verify", "`tls:` of a named connection"),
    ("cert", "`tls:` of a named connection"),
    ("token", r"auth=onehttp.Bearer\(token\)"),
    ("multipart", "files={name: file}, fields as form="),
    ("cookie_jar", "`cookies: true` of a named connection"),
    ("proxies", "`proxy:` of a named connection"),
    ("allow_redirects", "follow_redirects=True"),
    ("stream", r"onehttp.stream\("),
    ("connect_timeout", r"onehttp.Timeout\(total_s="),
    ("allow_redirect", "like 'allow_redirects': follow_redirects=True"),
    ("zzz", "known: headers, .*params, body, json, form, .*follow_redirects"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_keyword_that_no_call_has_says_which_is_meant_and_sends_nothing(
    way: str, server: RawServer
) -> None:
    call = caller_of(way, server.url)
    for keyword, way_out in WRONG:
        message = f"^unexpected keyword argument '{keyword}'.*{way_out}"
        with pytest.raises(TypeError, match=message):
            call(headers=(), **{keyword: 1})
    assert server.requests == []


def test_no_hint_is_about_a_keyword_that_there_is() -> None:
    assert not CALL_HINTS.keys() & onehttp.CallArguments.__annotations__.keys()


@pytest.mark.parametrize("way", ["request", "arequest", "Connection.get", "Connection.request"])
def test_route_and_xdata_are_of_submit(way: str, server: RawServer) -> None:
    with pytest.raises(TypeError, match=r"'route': only submit\(\) takes it"):
        caller_of(way, server.url)(route="X")


@pytest.mark.parametrize("way", ["submit", "Connection.submit"])
def test_a_misspelt_route_is_suggested(way: str, server: RawServer) -> None:
    with pytest.raises(TypeError, match=r"'rout'.*'route'"):
        caller_of(way, server.url)(rout="X")


def test_a_query_follows_redirects_where_it_is_told_to(api: str) -> None:
    with RawServer(echo) as target, RawServer(redirecting_to(target.url)) as server:
        stays = onehttp.submit("GET", server.url, timeout=60).result(PATIENCE_S).response
        goes = onehttp.submit("GET", server.url, timeout=60, follow_redirects=True)
        response = goes.result(PATIENCE_S).response
    assert stays is not None
    assert (stays.status, stays.redirect_count) == (302, 0)
    assert response is not None
    assert (response.status, response.redirect_count) == (200, 1)


def test_a_query_that_follows_in_circles_ends(api: str) -> None:
    with RawServer(redirecting_to("/again")) as server:
        query = onehttp.submit("GET", server.url, timeout=60, follow_redirects=True)
        assert isinstance(query.result(PATIENCE_S).error, onehttp.TooManyRedirectsError)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"backend": "httpx", "anwsers": {}}, "'anwsers' .did you mean 'answers'"),
        ({"bakend": "httpx"}, "'bakend' .did you mean 'backend'"),
        ({"quueries": None}, "did you mean 'queries'"),
        ({"answers": {}}, "'answers': a setting of another backend than 'pycurl'"),
        (
            {"backend": "httpx", "max_idle_connections": 3},
            "another backend than 'httpx'; its own: handler, answers, app, wsgi_app",
        ),
        ({"zzz": 1}, "known: source, connections, .*max_idle_connections"),
    ],
)
def test_init_says_which_keyword_is_meant(given: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^unexpected keyword argument .*{message}"):
        onehttp.init(**given)
    assert not onehttp.is_initialised()


def test_a_backend_made_by_hand_takes_no_settings(engine: str) -> None:
    with pytest.raises(TypeError, match="'answers': a backend that is made by hand"):
        onehttp.init(backend=load(engine)(), answers={})


class TheirBackend(HttpxBackend):
    """A backend of somebody else, with settings of its own."""

    def __init__(self, *, size: int = 1, **more: object) -> None:
        super().__init__()
        self.size, self.more = size, more


def test_the_settings_of_another_backend_are_handed_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onehttp.settings.load", lambda name: TheirBackend)
    settings: dict[str, Any] = {"size": 3, "colour": "red"}
    onehttp.init(backend="theirs", **settings)
    made: Any = onehttp.backend()
    assert (made.size, made.more) == (3, {"colour": "red"})


@pytest.mark.parametrize("method", [None, 3, ["GET"], b"GET"])
@pytest.mark.parametrize("headers", [None, [("a", "b")]])
def test_a_method_that_is_no_text_is_refused(method: Any, headers: Any, server: RawServer) -> None:
    named = onehttp.connection("api")
    given: dict[str, Any] = {} if headers is None else {"headers": headers}
    calls: list[Any] = [onehttp.request, onehttp.arequest, onehttp.submit]
    for call in calls:
        with pytest.raises(onehttp.RequestTypeError, match=r"^method: expected str"):
            call(method, server.url, **given)
    calls = [named.request, named.arequest, named.submit, named.build]
    for call in calls:
        with pytest.raises(onehttp.RequestTypeError, match=r"^method: expected str"):
            call(method, "/", **given)
