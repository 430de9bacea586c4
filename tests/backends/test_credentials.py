"""Credentials that libcurl has no room for are refused before anything is sent."""

from __future__ import annotations

import pytest

from onehttp_backends.contract import Auth, AuthScheme, Backend, Proxy, Request, TransferOptions
from onehttp_backends.errors import RequestError, Sent
from onehttp_backends.rules.credentials import quoted
from servers.raw import RawServer, keep_answering
from stand_ins.both_engines import challenging

DIGEST, BASIC, BEARER = AuthScheme.DIGEST, AuthScheme.BASIC, AuthScheme.BEARER
CHALLENGE = [b'Digest realm="r", nonce="n", qop="auth"']
SOCKS = "socks5h://127.0.0.1:1"
TOO_LONG = [
    *(
        TransferOptions(auth=Auth(schemes=DIGEST, username=name))
        for name in ("u" * 2048, '"' * 1024)
    ),
    TransferOptions(auth=Auth(schemes=DIGEST | BASIC, username="ü" * 342)),
    TransferOptions(auth=Auth(schemes=BASIC, username="u" * 65_537)),
    TransferOptions(auth=Auth(schemes=BASIC, username="ü" * 32_769)),
    *(
        TransferOptions(auth=Auth(schemes=each, secret="s" * 65_537))
        for each in (BASIC, BEARER, DIGEST)
    ),
    TransferOptions(proxy=Proxy(url="127.0.0.1:1", username="u" * 65_537)),
    TransferOptions(proxy=Proxy(url="http://127.0.0.1:1", secret="s" * 65_537)),
    TransferOptions(proxy=Proxy(url=SOCKS, username="u" * 256)),
    TransferOptions(proxy=Proxy(url=SOCKS, username="u", secret="ü" * 128)),
]


@pytest.mark.parametrize("options", TOO_LONG)
def test_what_is_too_long(backend: Backend, options: TransferOptions) -> None:
    with RawServer(keep_answering) as server, pytest.raises(RequestError) as caught:
        backend.perform(Request("GET", server.url, options=options))
    assert (caught.value.code, caught.value.sent) == (43, Sent.NO)
    assert "can be sent" in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("name", ["u" * 2047, '"' * 1023, "ü" * 341, "", "a:b"])
@pytest.mark.parametrize("secret", ["", "s" * 65_536])
def test_what_is_not(backend: Backend, name: str, secret: str) -> None:
    for schemes in (DIGEST, BASIC, DIGEST | BASIC):
        auth = Auth(schemes=schemes, username=name, secret=secret)
        with RawServer(challenging(CHALLENGE)) as server:
            request = Request("GET", server.url, options=TransferOptions(auth=auth))
            response = backend.perform(request)
            sent = server.requests[-1]
        if not name + secret:
            assert b"Authorization" not in sent
        elif schemes is BASIC:
            assert b"Authorization: Basic " in sent
            assert response.status == 401
        else:
            assert f'username="{quoted(name)}"'.encode() in sent
            assert response.status == 200
