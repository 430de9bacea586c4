"""What a proxy is sent to ask it for the way to a server (``CONNECT``): the same by both."""

from __future__ import annotations

import pytest

from onehttp_backends.contract import Proxy, Request, TransferOptions
from onehttp_backends.errors import TransferError
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import RawServer, answering

ORIGINS = [
    *("a.example", "a.example:443", "a.example:0443", "A.Example.", "127.1:9"),
    *("0x7f.1", "[::1]", "[::1]:444", "[::0001]", "[FE80::1%25lo]:9"),
]
OWN = (("User-Agent", "mine"), ("Host", "h"), ("Proxy-Authorization", "Basic eA=="), ("X-A", "b"))


def asked(name: str, request: Request, proxy: Proxy, user_agent: str | None) -> bytes:
    engine = load(name)()
    try:
        with RawServer(answering(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")) as server:
            options = TransferOptions(
                proxy=Proxy(url=server.url, username=proxy.username, secret=proxy.secret),
                user_agent=user_agent,
                total_timeout_s=PATIENCE_S,
            )
            with pytest.raises(TransferError):
                engine.perform(request._replace(options=options))
            (sent,) = server.requests
            return sent
    finally:
        engine.close()


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("headers", [(), OWN])
@pytest.mark.parametrize(
    ("proxy", "user_agent"), [(Proxy(), None), (Proxy(username="u", secret="p:w"), "agent/1")]
)
def test_the_bytes(
    origin: str, headers: tuple[tuple[str, str], ...], proxy: Proxy, user_agent: str | None
) -> None:
    request = Request("GET", f"https://{origin}/x", headers)
    engine = asked("pycurl", request, proxy, user_agent)
    assert asked("httpx", request, proxy, user_agent) == engine
