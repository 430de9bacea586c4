"""Digest credentials: what a server sees before it has asked for them."""

from __future__ import annotations

import asyncio

import pytest

from onehttp_backends.contract import Auth, AuthScheme, Backend, Request, TransferOptions
from servers.raw import OK, Peer, RawServer, keep_answering

DIGEST = Auth(schemes=AuthScheme.DIGEST, username="u", secret="s")
ASKING = Auth(schemes=AuthScheme.DIGEST, username="u", secret="s", asks_first=True)
ANY = Auth(schemes=AuthScheme.DIGEST | AuthScheme.BASIC, username="u", secret="s")
_CHALLENGE = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n"
    b'WWW-Authenticate: Bearer realm="r"\r\n'
    b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n'
)


def challenging(peer: Peer) -> None:
    while request := peer.request():
        peer.send(OK if b"\r\nAuthorization: Digest" in request else _CHALLENGE)


def bodies(server: RawServer) -> list[bytes]:
    return [request.partition(b"\r\n\r\n")[2] for request in server.requests]


@pytest.mark.parametrize("auth", [DIGEST, ANY])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_who_does_not_ask_gets_the_request_once(backend: Backend, auth: Auth, method: str) -> None:
    with RawServer(keep_answering) as server:
        request = Request(method, server.url, (), b"buy", TransferOptions(auth=auth))
        assert backend.perform(request).status == 200
        assert asyncio.run(_awaited(backend, request)) == 200
        assert bodies(server) == [b"buy", b"buy"]


@pytest.mark.parametrize("auth", [DIGEST, ANY])
def test_who_asks_gets_it_again_with_credentials(backend: Backend, auth: Auth) -> None:
    with RawServer(challenging) as server:
        request = Request("POST", server.url, (), b"buy", TransferOptions(auth=auth))
        assert backend.perform(request).status == 200
        assert bodies(server) == [b"buy", b"buy"]


@pytest.mark.parametrize(("auth", "as_libcurl"), [(ASKING, False), (DIGEST, True)])
def test_asking_first_sends_no_body_before(backend: Backend, auth: Auth, as_libcurl: bool) -> None:
    options = TransferOptions(auth=auth, as_libcurl=as_libcurl)
    with RawServer(challenging) as server:
        assert backend.perform(Request("POST", server.url, (), b"buy", options)).status == 200
        assert bodies(server) == [b"", b"buy"]
        assert b"\r\nContent-Length: 0\r\n" in server.requests[0]
    options = TransferOptions(auth=auth, as_libcurl=as_libcurl)  # who has asked is remembered
    with RawServer(keep_answering) as server:
        assert backend.perform(Request("POST", server.url, (), b"buy", options)).status == 200
        assert bodies(server) == [b"", b"buy"]


def test_without_a_body_there_is_nothing_to_spare(backend: Backend) -> None:
    with RawServer(keep_answering) as server:
        request = Request("GET", server.url, options=TransferOptions(auth=ASKING))
        assert backend.perform(request).status == 200
        assert server.targets == ["GET /"]


async def _awaited(backend: Backend, request: Request) -> int:
    return (await backend.aperform(request)).status


def test_what_one_origin_has_asked_for_is_not_shown_to_another(backend: Backend) -> None:
    options = TransferOptions(auth=DIGEST)
    with RawServer(challenging) as asking, RawServer(keep_answering) as other:
        assert backend.perform(Request("GET", asking.url, (), None, options)).status == 200
        assert backend.perform(Request("GET", other.url, (), None, options)).status == 200
        (seen,) = other.requests
        assert b"Authorization" not in seen
