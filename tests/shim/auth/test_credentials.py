"""Credentials of one call: on every engine, whatever makes the call, and for its origin alone."""

from __future__ import annotations

import base64
import contextlib
import pickle
import re
from typing import Any

import pytest

import onehttp
from onehttp_backends.contract import Auth, AuthScheme
from servers.raw import OK, Peer, RawServer, keep_answering, redirecting_to
from stand_ins.calling import WAYS_TO_CALL, call

SECRET = "s3cret-of-a-test"


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def authorization(request: bytes) -> str | None:
    found = re.search(rb"(?im)^authorization: *(.*?)\r$", request)
    return found[1].decode() if found else None


def digest_server(peer: Peer) -> None:
    while request := peer.request():
        if b"Digest username=" in request:
            peer.send(OK)
        else:
            peer.send(
                b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n"
                b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n'
            )


@pytest.mark.parametrize("way", WAYS_TO_CALL)
@pytest.mark.parametrize("policed", [{}, {"retry": 2}], ids=["plain", "policed"])
def test_a_call_has_its_own_credentials(way: str, policed: dict[str, Any], engine: str) -> None:
    own = {"auth": {"type": "basic", "username": "own", "password": "x"}, **policed}
    with RawServer(keep_answering) as server:
        onehttp.init(
            {"version": 1, "connections": {"api": {"url": server.url, **own}}}, backend=engine
        )
        for auth in (
            ("ü", SECRET),
            onehttp.Basic("ü", SECRET),
            onehttp.Bearer(SECRET),
            Auth(schemes=AuthScheme.BEARER, secret=SECRET),
        ):
            assert call(way, server.url, "POST", json=[1], auth=auth).status == 200
    assert [authorization(each) for each in server.requests] == [
        *[basic("ü", SECRET)] * 2,
        *[f"Bearer {SECRET}"] * 2,
    ]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_digest_is_proven_to_whom_asks_and_not_known_to_other_calls(way: str, engine: str) -> None:
    with RawServer(digest_server) as server:
        onehttp.init({"version": 1, "connections": {"api": {"url": server.url}}}, backend=engine)
        for _ in range(2):
            assert call(way, server.url, auth=onehttp.Digest("alice", SECRET)).status == 200
        assert call(way, server.url).status == 401
        assert call(way, server.url, auth=onehttp.Digest("bob", SECRET)).status == 200
    names = [re.findall('username="(.*?)"', authorization(each) or "") for each in server.requests]
    assert names == [[], ["alice"], ["alice"], [], [], ["bob"]]
    assert all(SECRET.encode() not in each for each in server.requests)


@pytest.mark.parametrize("header", [("Authorization", "own"), ("authorization", "own")])
def test_a_connections_own_header_gives_way(header: tuple[str, str], engine: str) -> None:
    named = {"api": {"url": "", "headers": dict([header])}}
    with RawServer(keep_answering) as server:
        named["api"]["url"] = server.url
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        onehttp.connection("api").get("/", auth=("a", "b"))
        onehttp.connection("api").get("/")
    assert [authorization(each) for each in server.requests] == [basic("a", "b"), "own"]


AUTHS: list[Any] = [
    ("name", SECRET),
    onehttp.Bearer(SECRET),
    onehttp.Digest("name", SECRET),
    onehttp.TokenSource(lambda: SECRET),
]


@pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: type(auth).__name__)
@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_no_credentials_follow_a_redirect_to_another_origin(
    way: str, auth: Any, engine: str
) -> None:
    with RawServer(digest_server) as other, RawServer(redirecting_to(other.url)) as server:
        onehttp.init({"version": 1, "connections": {"api": {"url": server.url}}}, backend=engine)
        assert call(way, server.url, auth=auth, follow_redirects=True).status == 401
    assert [authorization(each) for each in other.requests] == [None]


@pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: type(auth).__name__)
def test_within_an_origin_they_follow(auth: Any, api: str) -> None:
    def once(peer: Peer) -> None:
        while request := peer.request():
            if request.startswith(b"GET /a "):
                peer.send(b"HTTP/1.1 307 On\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")
            elif authorization(request) is None:
                peer.send(
                    b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n"
                    b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n'
                )
            else:
                peer.send(OK)

    with RawServer(once) as server:
        response = onehttp.request("GET", f"{server.url}/a", auth=auth, follow_redirects=True)
    assert response.status == 200
    assert authorization(server.requests[-1]) is not None


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        (("a", "b", "c"), "got a tuple that is no pair"),
        ("a:b", "got str"),
        (["a", "b"], "got list"),
        (lambda: "t", r"got a function; onehttp.TokenSource\(function\) asks it"),
        (("a", 1), "expected the password as str, got int"),
        ((b"a", "b"), "expected the name as str, got bytes"),
        (("a:b", SECRET), "no name may have a colon"),
        (("a\r\nX: y", SECRET), "the name has a control character"),
        (("a", f"{SECRET}\n"), "the password has a control character"),
        (onehttp.Digest("a\0", SECRET), "the name has a control character"),
        (onehttp.Bearer(""), "a token is visible ASCII without blanks"),
        (onehttp.Bearer(f"{SECRET} x"), "a token is visible ASCII without blanks"),
        (onehttp.Bearer(f"{SECRET}\r\n"), "a token is visible ASCII without blanks"),
        (onehttp.Bearer("ü"), "a token is visible ASCII without blanks"),
        (onehttp.Bearer(b"x"), "expected the token as str, got bytes"),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("way", ["request", "arequest", "submit"])
def test_what_are_no_credentials_is_refused_and_not_quoted(
    auth: Any, message: str, way: str, api: str
) -> None:
    with RawServer(keep_answering) as server:
        with pytest.raises(onehttp.RequestError, match=f"^auth: .*{message}") as raised:
            getattr(onehttp, way)("GET", server.url, auth=auth)
        assert SECRET not in str(raised.value)
    assert server.requests == []


@pytest.mark.parametrize("auth", [("a", "b"), onehttp.Digest("a", "b")])
def test_beside_a_header_of_the_call_they_are_refused(auth: Any, api: str) -> None:
    with pytest.raises(onehttp.RequestError, match="Authorization header, too; give one of them"):
        onehttp.request("GET", "http://a.example/", auth=auth, headers={"authorization": "x"})


@pytest.mark.parametrize("auth", AUTHS[1:], ids=lambda auth: type(auth).__name__)
def test_credentials_are_never_shown_or_pickled(auth: Any) -> None:
    assert SECRET not in repr(auth)
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(auth)


def test_a_connection_that_stands_in_gets_them_too(engine: str) -> None:
    with RawServer(keep_answering) as server:
        named = {
            "api": {"url": "http://127.0.0.1:9", "failover": "other"},
            "other": {"url": server.url},
        }
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        for auth in (("a", "b"), onehttp.TokenSource(lambda: "t")):
            assert onehttp.connection("api").get("/", auth=auth).is_success
    assert [authorization(each) for each in server.requests] == [basic("a", "b"), "Bearer t"]


def test_many_users_share_what_the_engine_keeps(api: str) -> None:
    with RawServer(keep_answering) as server:
        for number in range(20):
            onehttp.request("GET", server.url, auth=(f"user{number}", "x"))
        with contextlib.suppress(onehttp.TransferError):
            onehttp.request("GET", server.url)
        assert server.connections == 1
