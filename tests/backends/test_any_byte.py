"""Text of options may be any bytes: what libcurl is given is what was meant."""

from __future__ import annotations

import base64

import pytest

import onehttp
from onehttp_backends.contract import (
    Auth,
    AuthScheme,
    Backend,
    Request,
    Tls,
    TransferOptions,
)
from onehttp_backends.errors import RequestError
from servers.raw import RawServer, keep_answering


@pytest.mark.parametrize(
    "secret", ["plain", "caf\u00e9", "caf\udce9", "\u65e5\u672c", "a/b;c:d@e #%$\"'\\", "a\r\nb"]
)
def test_a_password_is_sent_byte_for_byte(backend: Backend, secret: str) -> None:
    auth = Auth(schemes=AuthScheme.BASIC, username="us\u00e9r\udcff", secret=secret)
    with RawServer(keep_answering) as server:
        backend.perform(Request("GET", server.url, options=TransferOptions(auth=auth)))
        (request,) = server.requests
    (line,) = (line for line in request.split(b"\r\n") if line.startswith(b"Authorization: "))
    sent = base64.b64decode(line.removeprefix(b"Authorization: Basic "))
    assert sent == f"us\u00e9r\udcff:{secret}".encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("token", ["plain", "t\u00f6k", "t\udcffk", "\u65e5\u672c"])
def test_a_token_is_sent_byte_for_byte(backend: Backend, token: str) -> None:
    auth = Auth(schemes=AuthScheme.BEARER, secret=token)
    with RawServer(keep_answering) as server:
        backend.perform(Request("GET", server.url, options=TransferOptions(auth=auth)))
        sent = b"Authorization: Bearer " + token.encode("utf-8", "surrogateescape") + b"\r\n"
        assert sent in server.requests[0]


@pytest.mark.parametrize("scheme", [AuthScheme.BASIC, AuthScheme.BEARER, AuthScheme.DIGEST])
@pytest.mark.parametrize("value", ["mine", ""])
def test_a_callers_own_authorization_stands_for_the_connections(
    backend: Backend, scheme: AuthScheme, value: str
) -> None:
    auth = Auth(schemes=scheme, username="u", secret="s")
    with RawServer(keep_answering) as server:
        options = TransferOptions(auth=auth)
        backend.perform(Request("GET", server.url, (("authorization", value),), None, options))
        found = [line for line in server.requests[0].split(b"\r\n") if b"uthorization" in line]
        assert [line.partition(b":")[2].strip() for line in found] == [value.encode()]


@pytest.mark.parametrize(
    "auth",
    [
        Auth(schemes=AuthScheme.BASIC, username="u", secret="a\0b"),
        Auth(schemes=AuthScheme.BASIC, username="u\nv", secret="a"),
        Auth(schemes=AuthScheme.BASIC, username="u", secret="\ud800"),
        Auth(schemes=AuthScheme.BEARER, secret="a\r\nX-Injected: 1"),
    ],
)
def test_what_cannot_be_sent_as_it_is_is_refused(backend: Backend, auth: Auth) -> None:
    with pytest.raises(RequestError):
        backend.perform(Request("GET", "http://h/", options=TransferOptions(auth=auth)))


def test_paths_of_files_may_have_any_name(backend: Backend) -> None:
    options = TransferOptions(tls=Tls(ca_file="/none/caf\u00e9\udce9.pem"))
    with pytest.raises(onehttp.TransferError) as caught:
        backend.perform(Request("GET", "https://127.0.0.1:1/", options=options))
    assert caught.value.code in (7, 77)


def test_a_connections_file_has_them_in_base64(engine_name: str) -> None:
    with RawServer(keep_answering) as server:
        auth = {"username": "u", "password": "caf\udce9"}
        connections = {"a": {"url": server.url, "auth": auth}}
        onehttp.init({"version": 1, "connections": connections}, backend=engine_name)
        try:
            onehttp.connection("a").get("/")
        finally:
            onehttp.shutdown()
        assert base64.b64encode(b"u:caf\xe9") in server.requests[0]


@pytest.fixture(params=["pycurl", "httpx"])
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name
