"""What lies between: proxies that do their part, and proxies that do not."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp_backends.contract import (
    Auth,
    Backend,
    Proxy,
    Request,
    Tls,
    TransferOptions,
)
from onehttp_backends.errors import (
    Phase,
    ProxyError,
    RequestError,
    ResolveError,
    Sent,
    TimeoutError,
    TLSError,
    TransferError,
)
from servers import proxies
from servers.proxies import answering_connect, closing, socks, tls_front, tunnel
from servers.raw import Behaviour, Peer, RawServer, keep_answering, silent

REFUSES = b"HTTP/1.1 %d No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
BROKEN: dict[str, tuple[str, Behaviour, int]] = {
    "asks for credentials": ("http", answering_connect(REFUSES % 407), 7),
    "refuses": ("http", answering_connect(REFUSES % 403), 7),
    "does not reach the server": ("http", answering_connect(REFUSES % 502), 7),
    "speaks no HTTP": ("http", answering_connect(b"\x00\xffgarbage\r\n\r\n"), 8),
    "closes": ("http", closing, 56),
    "asks for a password, with SOCKS": ("socks5h", socks(b"\x05\xff"), 97),
    "speaks no SOCKS": ("socks5h", socks(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 97),
    "closes, with SOCKS": ("socks5h", closing, 97),
    "refuses, with SOCKS": ("socks5h", socks(opened=b"\x05\x05\x00\x01\0\0\0\0\0\0"), 97),
}


@pytest.fixture
def origin(tls_server_context: ssl.SSLContext) -> Iterator[RawServer]:
    with RawServer(keep_answering, tls_server_context) as server:
        yield server


def through(proxy: str, ca_file: Path, **options: object) -> TransferOptions:
    return TransferOptions(
        tls=Tls(ca_file=str(ca_file)),
        proxy=Proxy(url=proxy),
        **options,  # type: ignore[arg-type]
    )


def failure(backend: Backend, request: Request) -> TransferError:
    with pytest.raises(TransferError) as caught:
        backend.perform(request)
    return caught.value


def at(server: RawServer, scheme: str) -> str:
    return f"{scheme}://127.0.0.1:{server.port}"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("what", BROKEN)
def test_a_proxy_that_does_not_connect_has_sent_nothing(
    backend: Backend, origin: RawServer, ca_file: Path, what: str, method: str
) -> None:
    scheme, behaviour, code = BROKEN[what]
    body = b"once" if method == "POST" else None
    with RawServer(behaviour) as proxy:
        options = through(at(proxy, scheme), ca_file)
        error = failure(backend, Request(method, origin.url, body=body, options=options))
    assert type(error) is ProxyError
    assert (error.code, error.sent, error.phase) == (code, Sent.NO, Phase.PROXY)
    assert origin.requests == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h"])
def test_a_proxy_that_is_slow_has_sent_nothing(
    backend: Backend, origin: RawServer, ca_file: Path, scheme: str
) -> None:
    with RawServer(silent) as proxy:
        options = through(at(proxy, scheme), ca_file, total_timeout_s=0.3)
        error = failure(backend, Request("POST", origin.url, body=b"once", options=options))
    assert type(error) is TimeoutError
    assert (error.sent, error.phase) == (Sent.NO, Phase.PROXY)


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_proxy_that_nobody_runs_has_sent_nothing(
    backend: Backend, origin: RawServer, ca_file: Path, scheme: str
) -> None:
    options = through(f"{scheme}://127.0.0.1:1", ca_file)
    error = failure(backend, Request("POST", origin.url, body=b"once", options=options))
    assert type(error) is ProxyError
    assert (error.code, error.sent, error.phase) == (7, Sent.NO, Phase.PROXY)


def test_a_proxy_without_an_address(backend: Backend, origin: RawServer, ca_file: Path) -> None:
    error = failure(
        backend,
        Request("GET", origin.url, options=through("http://nobody.invalid:1", ca_file)),
    )
    assert type(error) is ResolveError
    assert (error.code, error.sent) == (5, Sent.NO)


def test_a_server_that_is_not_believed_is_not_the_proxys_fault(
    backend: Backend, wrong_name_context: ssl.SSLContext, ca_file: Path
) -> None:
    with RawServer(keep_answering, wrong_name_context) as origin:
        for scheme, behaviour in (("http", tunnel), ("socks5h", socks())):
            with RawServer(behaviour) as proxy:
                options = through(at(proxy, scheme), ca_file)
                error = failure(backend, Request("GET", origin.url, options=options))
            assert type(error) is TLSError
            assert (error.code, error.phase) == (60, Phase.TLS)


def test_an_https_proxy_is_checked_before_it_is_told_anything(
    backend: Backend, origin: RawServer, wrong_name_context: ssl.SSLContext, ca_file: Path
) -> None:
    with RawServer(tunnel, wrong_name_context) as proxy:
        for tls in (Tls(ca_file=str(ca_file)), Tls(verify_peer=False, verify_host=False)):
            options = TransferOptions(
                tls=tls,
                proxy=Proxy(url=proxy.url, username="u", secret="sesame", ca_file=str(ca_file)),
            )
            error = failure(backend, Request("GET", origin.url, options=options))
            assert type(error) is TLSError
            assert (error.sent, error.phase) == (Sent.NO, Phase.PROXY)
        assert proxy.requests == []


def test_what_a_proxy_says_of_the_tunnel_is_no_answer(
    backend: Backend, origin: RawServer, ca_file: Path
) -> None:
    with RawServer(tunnel) as proxy:
        response = backend.perform(Request("GET", origin.url, options=through(proxy.url, ca_file)))
    assert (response.status, response.text) == (200, "ok")
    assert response.earlier_headers == []
    assert "x-of-the-proxy" not in response.headers


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_nothing_unsafe_is_repeated_through_a_tunnel(
    backend: Backend, tls_server_context: ssl.SSLContext, ca_file: Path, method: str
) -> None:
    """The header lines of a second CONNECT look like those of an answer to the first sending."""

    def answer_once(peer: Peer) -> None:
        if peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            peer.request()

    with RawServer(answer_once, tls_server_context) as origin, RawServer(tunnel) as proxy:
        options = through(proxy.url, ca_file)
        backend.perform(Request("GET", origin.url, options=options))
        body = b"once" if method == "POST" else None
        error = failure(backend, Request(method, origin.url, body=body, options=options))
        assert error.sent is Sent.MAYBE
        assert sum(target.startswith(method) for target in origin.targets) == 1


def test_credentials_stay_with_whom_they_are_for(
    backend: Backend, origin: RawServer, ca_file: Path
) -> None:
    of_proxy, of_origin = (base64.b64encode(pair) for pair in (b"pu:pw", b"ou:ow"))
    with RawServer(tunnel) as proxy:
        options = TransferOptions(
            tls=Tls(ca_file=str(ca_file)),
            proxy=Proxy(url=proxy.url, username="pu", secret="pw"),
            auth=Auth(username="ou", secret="ow"),
        )
        backend.perform(Request("GET", origin.url, options=options))
        (connect,), (request,) = proxy.requests, origin.requests
    assert of_proxy in connect
    assert of_origin not in connect
    assert of_origin in request
    assert of_proxy not in request
    assert b"proxy-auth" not in request.lower()


def test_tunnels_are_shared_by_nobody_with_other_credentials(
    backend: Backend, origin: RawServer, ca_file: Path
) -> None:
    with RawServer(tunnel) as proxy:
        each = [
            TransferOptions(
                tls=Tls(ca_file=str(ca_file)),
                proxy=Proxy(url=proxy.url, username=username, secret=secret),
            )
            for username, secret in (("a", "1"), ("a", "2"), ("", ""))
        ]
        for options in each * 2:
            backend.perform(Request("GET", origin.url, options=options))
        assert len(proxy.requests) == 3
        assert origin.connections == 3


@pytest.mark.parametrize("scheme", ["ftp", "quic"])
def test_a_proxy_of_no_known_kind_is_refused(backend: Backend, scheme: str) -> None:
    options = TransferOptions(proxy=Proxy(url=f"{scheme}://127.0.0.1:1"))
    error = failure(backend, Request("GET", "http://127.0.0.1:1/", options=options))
    assert type(error) is RequestError
    assert error.sent is Sent.NO


@pytest.mark.usefixtures("debian")
def test_real_proxies_carry_what_they_are_given(
    backend: Backend,
    origin: RawServer,
    ca_file: Path,
    tls_server_context: ssl.SSLContext,
    tmp_path: Path,
) -> None:
    with (
        proxies.tinyproxy(tmp_path, "pu", "pw") as http,
        proxies.microsocks("pu", "pw") as socks5,
        tls_front(http, tls_server_context) as https,
        RawServer(keep_answering) as plain,
    ):
        for url in (f"http://127.0.0.1:{http}", https.url, f"socks5h://127.0.0.1:{socks5}"):
            for server in (origin, plain):
                good = TransferOptions(
                    tls=Tls(ca_file=str(ca_file)),
                    proxy=Proxy(url=url, username="pu", secret="pw"),
                )
                body = b"x" * 100_000
                request = Request("POST", server.url, body=body, options=good)
                assert backend.perform(request).text == "ok"
                assert server.requests[-1].endswith(body)
                # Of a kept connection tinyproxy may think otherwise at any time.
                assert backend.perform(Request("GET", server.url, options=good)).text == "ok"
                assert all(b"proxy-auth" not in each.lower() for each in server.requests)
            bad = TransferOptions(
                tls=Tls(ca_file=str(ca_file)),
                proxy=Proxy(url=url, username="pu", secret="other"),
            )
            error = failure(backend, Request("GET", origin.url, options=bad))
            assert type(error) is ProxyError
            assert (error.sent, error.phase) == (Sent.NO, Phase.PROXY)
