"""No logger of any library tells of what a call sends and gets, however much is logged."""

from __future__ import annotations

import ssl

import pytest

from onehttp_backends.contract import Auth, Backend, HttpVersion, Proxy, Request, TransferOptions
from onehttp_backends.double.library import THREAD, httpx
from onehttp_backends.errors import TransferError
from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.patience import PATIENCE_S
from servers.raw import RawServer, answering, echo
from stand_ins.ways import WAYS, Way, one_shot

CANARY = "c4n4ry"
OPTIONS = TransferOptions(
    total_timeout_s=PATIENCE_S,
    connect_timeout_s=PATIENCE_S,
    auth=Auth(username="u", secret=CANARY),
)
ODD = f"HTTP/1.1 200 OK\r\nSet-Cookie: {CANARY}\r\nContent-Length: 60\r\n\r\n{CANARY}".encode()


def told(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, apart from what the server's own library says."""
    return "\n".join(
        f"{each.name}: {each.getMessage()} {each.args!r}"
        for each in caplog.records
        if each.threadName == THREAD or not each.name.startswith("hpack.")
    )


def request_to(url: str, options: TransferOptions) -> Request:
    headers = (("X-Api-Key", CANARY), ("Cookie", f"a={CANARY}"))
    return Request("POST", f"{url}/x?key={CANARY}", headers, CANARY.encode(), options)


@pytest.fixture(params=[way for way in WAYS if way is not one_shot], ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Way:
    caplog.set_level(1)
    found: Way = request.param
    return found


def test_of_http1(backend: Backend, way: Way, caplog: pytest.LogCaptureFixture) -> None:
    with RawServer(echo) as server, RawServer(answering(ODD)) as cut:
        by_proxy = TransferOptions(proxy=Proxy(url=server.url, username="u", secret=CANARY))
        way(backend, request_to(server.url, OPTIONS))
        way(backend, request_to("http://far.example", by_proxy))
        assert isinstance(way(backend, request_to(cut.url, OPTIONS)), TransferError)
    assert CANARY not in told(caplog)


def test_of_http2(
    backend: Backend,
    way: Way,
    caplog: pytest.LogCaptureFixture,
    h2_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    def answer(stream: Stream) -> None:
        head = [(":status", "200"), ("set-cookie", CANARY)]
        stream.http2.send_headers(stream.number, head)
        stream.http2.send_data(stream.number, CANARY.encode(), end_stream=True)

    options = TransferOptions(http_version=HttpVersion.HTTP_2, tls=trusting.tls, auth=OPTIONS.auth)
    with scripted(answer, h2_server_context) as server:
        for _ in range(2):
            way(backend, request_to(server.url, options))
    assert CANARY not in told(caplog)


def test_what_others_do_with_the_library_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    with RawServer(echo) as server:
        httpx.get(server.url)
    assert "HTTP Request: GET" in told(caplog)
