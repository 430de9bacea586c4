"""Redirects: off unless asked, under one deadline, and nothing of one origin reaches another."""

from __future__ import annotations

import asyncio
import functools
import queue
import ssl
from collections.abc import Awaitable
from pathlib import Path

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, echo, redirecting_to


def test_redirects_are_handed_back_unless_asked(api: str) -> None:
    with RawServer(redirecting_to("/x")) as server:
        response = onehttp.request("GET", server.url)
    assert (response.status, response.headers["location"]) == (302, "/x")


def test_relative_redirects_are_followed_and_counted(api: str) -> None:
    def two_hops(peer: Peer) -> None:
        for answer in (b"Location: /b", b"Location: c?d=1"):
            peer.request()
            peer.send(b"HTTP/1.1 302 Found\r\n" + answer + b"\r\nContent-Length: 0\r\n\r\n")
        peer.request()
        peer.send(OK)

    with RawServer(two_hops) as server:
        response = onehttp.request("GET", f"{server.url}/a", follow_redirects=True)
        assert server.targets == ["GET /a", "GET /b", "GET /c?d=1"]
    assert (response.status, response.redirect_count) == (200, 2)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
        (302, "PUT", "PUT"),
        (303, "HEAD", "HEAD"),
    ],
)
def test_the_method_after_a_redirect(api: str, status: int, method: str, then: str) -> None:
    with RawServer(echo) as target, RawServer(redirecting_to(target.url, status)) as server:
        body = b"data" if method != "HEAD" else None
        onehttp.request(method, server.url, body=body, follow_redirects=True)
        assert target.targets == [f"{then} /"]
        assert target.requests[0].endswith(b"data") is (then in ("POST", "PUT"))


@pytest.mark.parametrize(("status", "method"), [(301, "POST"), (302, "POST"), (303, "PUT")])
def test_what_tells_of_a_body_goes_with_it(engine: str, status: int, method: str) -> None:
    onehttp.init(backend=engine)
    told = ["Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Digest",
            "Content-Digest", "Repr-Digest", "Last-Modified", "Expect", "Content-X"]  # fmt: skip
    kept = {"X-Content": "1", "Accept": "text/x", "Range": "bytes=1-"}
    headers = {**dict.fromkeys(told, "a"), "Expect": "100-continue", **kept}

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(b"HTTP/1.1 %d X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" % status)
        while peer.request():
            peer.send(OK)

    with RawServer(behave) as server:
        onehttp.request(method, server.url, headers=headers, body=b"data", follow_redirects=True)
        lines = server.requests[-1].decode().lower().split("\r\n")
    names = {line.partition(":")[0] for line in lines[1:]}
    assert names.isdisjoint(name.lower() for name in told)
    assert names >= {name.lower() for name in kept}


def test_what_belongs_to_an_origin_does_not_reach_another(engine: str) -> None:
    with RawServer(echo) as target, RawServer(redirecting_to(target.url)) as server:
        api = {
            "url": server.url,
            "headers": {"X-Api-Key": "k", "Cookie": "c", "Accept-Language": "de"},
            "auth": {"username": "u", "password": "p"},
            "redirects": True,
        }
        onehttp.init({"version": 1, "connections": {"api": api}}, backend=engine)
        seen = onehttp.connection("api").get("/").text.lower()
    assert "accept-language: de" in seen
    for secret in ("x-api-key", "cookie", "authorization"):
        assert secret not in seen


def test_a_part_is_asked_for_wherever_it_is(api: str) -> None:
    headers = {"Range": "bytes=5-", "If-Range": '"1"', "If-None-Match": '"1"', "If-Match": '"1"'}
    with RawServer(echo) as target, RawServer(redirecting_to(target.url, 307)) as server:
        seen = onehttp.request(
            "GET", server.url, headers=headers, follow_redirects=True
        ).text.lower()  # fmt: skip
    assert "range: bytes=5-" in seen
    assert 'if-range: "1"' in seen
    assert "if-none-match" not in seen
    assert "if-match" not in seen


def test_within_an_origin_headers_stay(api: str) -> None:
    def behave(peer: Peer) -> None:
        first = peer.request()
        peer.send(b"HTTP/1.1 307 T\r\nLocation: /two\r\nContent-Length: 0\r\n\r\n")
        second = peer.request()
        assert first.replace(b" / ", b" /two ") == second
        peer.send(OK)

    with RawServer(behave) as server:
        key = {"X-Api-Key": "k"}
        assert onehttp.request("GET", server.url, headers=key, follow_redirects=True).status == 200


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://h/"])
def test_another_scheme_is_refused(api: str, location: str) -> None:
    with RawServer(redirecting_to(location)) as server, pytest.raises(onehttp.RedirectError) as bad:
        onehttp.request("GET", server.url, follow_redirects=True)
    assert bad.value.code == onehttp.CurlCode.UNSUPPORTED_PROTOCOL


def test_from_https_to_http_is_refused(
    engine: str, tls_server_context: ssl.SSLContext, ca_file: Path
) -> None:
    with (
        RawServer(echo) as plain,
        RawServer(redirecting_to(plain.url), tls_server_context) as server,
    ):
        api = {"url": server.url, "tls": {"ca_file": str(ca_file)}, "redirects": 5}
        onehttp.init({"version": 1, "connections": {"api": api}}, backend=engine)
        with pytest.raises(onehttp.TransferError, match="plain http refused"):
            onehttp.connection("api").get("/")
        assert plain.requests == []


def test_a_loop_ends(api: str) -> None:
    with (
        RawServer(redirecting_to("/again")) as server,
        pytest.raises(onehttp.TooManyRedirectsError) as caught,
    ):
        asyncio.run(onehttp.arequest("GET", server.url, follow_redirects=True))
    assert caught.value.code == onehttp.CurlCode.TOO_MANY_REDIRECTS


def test_a_redirect_whose_body_never_ends_is_followed(api: str) -> None:
    def endless(peer: Peer) -> None:
        if peer.request().startswith(b"POST /start"):
            peer.send(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /there\r\n\r\nmoved")
            peer.server.release.wait(PATIENCE_S)
        else:
            peer.send(OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n", 1))

    ended: queue.Queue[onehttp.Result] = queue.Queue()
    with RawServer(endless) as server:
        call = functools.partial(
            onehttp.request, "POST", f"{server.url}/start", body=b"x", follow_redirects=True
        )
        assert call(timeout=PATIENCE_S).status == 200
        awaited = onehttp.arequest(
            "POST", f"{server.url}/start", body=b"x", follow_redirects=True, timeout=PATIENCE_S
        )
        assert asyncio.run(_status(awaited)) == 200
        onehttp.submit("POST", f"{server.url}/start", body=b"x", follow_redirects=True,
                       timeout=PATIENCE_S, route=ended.put)  # fmt: skip
        response = ended.get(timeout=PATIENCE_S).response
        assert response is not None
        assert response.status == 200
        assert server.targets == ["POST /start", "POST /there"] * 3


async def _status(call: Awaitable[onehttp.Response]) -> int:
    return (await call).status


def test_one_deadline_covers_every_hop(api: str) -> None:
    def slowly(peer: Peer) -> None:
        while peer.request():
            peer.server.release.wait(0.1)
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    # Ten hops are allowed and would take twice as long; each by itself is well inside.
    with RawServer(slowly) as server, pytest.raises(onehttp.TimeoutError):
        onehttp.request("GET", server.url, follow_redirects=True, timeout=0.5)


def test_the_hops_of_a_call_are_its_history(api: str) -> None:
    with (
        RawServer(echo) as target,
        RawServer(redirecting_to(target.url)) as middle,
        RawServer(redirecting_to(middle.url, 307)) as server,
    ):
        stays = onehttp.request("GET", server.url)
        response = onehttp.request("GET", server.url, follow_redirects=True, max_body=10_000)
        query = onehttp.submit("GET", server.url, follow_redirects=True)
        queried = query.result(PATIENCE_S).response
    assert (stays.is_redirect, stays.history) == (True, ())
    assert queried is not None
    for found in (response, queried):
        assert [(hop.status, hop.is_redirect) for hop in found.history] == [
            (307, True),
            (302, True),
        ]
        assert [hop.url for hop in found.history] == [server.url, f"{middle.url}/"]
        assert (found.is_redirect, found.redirect_count) == (False, 2)


@pytest.mark.parametrize("length", [0, 4, 100_000])
@pytest.mark.parametrize("way", ["request", "arequest", "stream", "astream", "submit"])
def test_a_hop_of_the_history_has_no_body(api: str, way: str, length: int) -> None:
    """However it is called, on whichever engine, and whatever has come of it."""

    def behave(peer: Peer) -> None:
        while request := peer.request():
            leads_on = request.startswith(b"GET / ")
            head = b"302 Found\r\nLocation: /on" if leads_on else b"200 OK"
            size = length if leads_on else 2
            peer.send(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (head, size) + b"x" * size)

    async def ask(url: str) -> onehttp.Response:
        if way == "arequest":
            return await onehttp.arequest("GET", url, follow_redirects=True)
        async with onehttp.astream("GET", url, follow_redirects=True) as response:
            await response.read()
            return response

    with RawServer(behave) as server:
        found: onehttp.Response | None
        if way == "request":
            found = onehttp.request("GET", server.url, follow_redirects=True)
        elif way == "submit":
            query = onehttp.submit("GET", server.url, follow_redirects=True)
            found = query.result(PATIENCE_S).response
        elif way == "stream":
            with onehttp.stream("GET", server.url, follow_redirects=True) as response:
                response.read()
                found = response
        else:
            found = asyncio.run(ask(server.url))
    assert found is not None
    assert found.body == b"xx"
    hops = [(hop.status, hop.body, hop.text, hop.truncated) for hop in found.history]
    assert hops == [(302, b"", "", False)]
