"""Ordinary exchanges: what goes out, what comes back."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from onehttp_backends.contract import (
    Auth,
    AuthScheme,
    Backend,
    HttpVersion,
    Request,
    Response,
    TransferOptions,
)
from onehttp_backends.errors import TooLargeError, TooManyRedirectsError
from servers.multiplexing.http2 import Http2Server
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, answering, echo, keep_answering, redirecting_to

PATIENT = TransferOptions(total_timeout_s=60, connect_timeout_s=60)
"""For crowds: a hundred connections at once take their time on a busy machine."""


def head_of(response: Response) -> list[str]:
    """Header lines of an echoed request, sorted by name."""
    return sorted(response.body.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")[1:])


def test_a_get_sends_host_and_accept_and_nothing_else(backend: Backend) -> None:
    with RawServer(echo) as server:
        response = backend.perform(Request("GET", f"{server.url}/p?q=1#fragment"))
        assert response.body.startswith(b"GET /p?q=1 HTTP/1.1\r\n")
        assert head_of(response) == ["Accept: */*", f"Host: 127.0.0.1:{server.port}"]


def test_a_body_goes_out_whole_with_its_length(backend: Backend) -> None:
    body = bytes(range(256))
    with RawServer(echo) as server:
        response = backend.perform(Request("POST", server.url, body=body))
        assert response.body.endswith(b"\r\n\r\n" + body)
        assert "Content-Length: 256" in head_of(response)
        assert "Content-Type: application/x-www-form-urlencoded" in head_of(response)


def test_an_empty_body_is_sent_as_one(backend: Backend) -> None:
    with RawServer(echo) as server:
        request = Request("POST", server.url, (("Content-Type", ""),), b"")
        head = head_of(backend.perform(request))
    assert "Content-Length: 0" in head
    assert not any(line.startswith("Content-Type") for line in head)


def test_callers_headers_keep_order_and_replace_defaults(backend: Backend) -> None:
    headers = (("X-B", "2"), ("X-A", "1"), ("X-B", "3"), ("Accept", "a/b"), ("X-Empty", ""))
    options = TransferOptions(user_agent="me/1")
    with RawServer(echo) as server:
        body = backend.perform(Request("GET", server.url, headers, options=options)).body.decode()
    lines = body.split("\r\n")
    assert [line for line in lines if line.startswith("X-")] == [
        "X-B: 2",
        "X-A: 1",
        "X-B: 3",
        lines[lines.index("X-B: 3") + 1 + lines[lines.index("X-B: 3") + 1].startswith("Acc")],
    ]
    assert [line for line in lines if line.startswith("Accept")] == ["Accept: a/b"]
    assert "User-Agent: me/1" in lines
    assert any(line.rstrip() == "X-Empty:" for line in lines)


def test_an_empty_default_header_is_left_out(backend: Backend) -> None:
    with RawServer(echo) as server:
        response = backend.perform(Request("GET", server.url, (("Accept", ""),)))
        assert head_of(response) == [f"Host: 127.0.0.1:{server.port}"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_any_method_with_and_without_a_body(backend: Backend, method: str) -> None:
    with RawServer(echo) as server:
        for body in (None, b"x"):
            response = backend.perform(Request(method, server.url, body=body))
            assert response.body.startswith(f"{method} / HTTP/1.1\r\n".encode())


def test_a_head_response_has_no_body(backend: Backend) -> None:
    with RawServer(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")) as server:
        response = backend.perform(Request("HEAD", server.url))
    assert (response.status, response.body, response.headers["content-length"]) == (200, b"", "99")


def test_what_a_head_response_announces_may_be_larger_than_any_body(backend: Backend) -> None:
    def behave(peer: Peer) -> None:
        while request := peer.request():
            is_head = request.startswith(b"HEAD")
            size = 999 if is_head or b" /large " in request else 2
            body = b"" if is_head else b"x" * size
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body)

    with RawServer(behave) as server:
        options = TransferOptions(max_body_bytes=10)
        for _ in range(2):
            response = backend.perform(Request("HEAD", server.url, options=options))
            assert (response.body, response.headers["content-length"]) == (b"", "999")
            assert backend.perform(Request("GET", server.url, options=options)).body == b"xx"
            for method in ("HEAD", "GET"):
                request = Request(method, server.url, options=options, passes_redirects_by=True)
                assert backend.perform(request).status == 200
            with pytest.raises(TooLargeError):
                backend.perform(Request("GET", f"{server.url}/large", options=options))


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_body(backend: Backend, status: int) -> None:
    with RawServer(answering(b"HTTP/1.1 %d X\r\n\r\n" % status)) as server:
        response = backend.perform(Request("GET", server.url))
    assert (response.status, response.body) == (status, b"")


def test_a_chunked_response(backend: Backend) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with RawServer(answering(raw)) as server:
        assert backend.perform(Request("GET", server.url)).body == b"abcde"


def test_a_response_that_ends_with_its_connection(backend: Backend) -> None:
    with RawServer(answering(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")) as server:
        assert backend.perform(Request("GET", server.url)).body == b"until the end"


def test_repeated_headers_are_kept_apart_and_joined(backend: Backend) -> None:
    raw = b"HTTP/1.1 200 Fine\r\nVia: a\r\nvia: b\r\nContent-Length: 0\r\n\r\n"
    with RawServer(answering(raw)) as server:
        response = backend.perform(Request("GET", server.url))
    assert response.headers["VIA"] == "a, b"
    assert response.headers.get_all("Via") == ["a", "b"]
    assert response.reason == "Fine"


def test_five_megabytes_both_ways(backend: Backend) -> None:
    body = bytes(5_000_000)
    with RawServer(echo) as server:
        request = Request("POST", server.url, body=body, total_timeout_s=60)
        assert backend.perform(request).body.endswith(b"\r\n\r\n" + body)


def test_a_large_post_does_not_wait_for_a_continue(backend: Backend) -> None:
    """libcurl would ask ``Expect: 100-continue`` and wait a second for a server like this."""
    with RawServer(echo) as server:
        response = backend.perform(Request("POST", server.url, body=bytes(2_000_000)))
    assert not any(line.lower().startswith("expect") for line in head_of(response))


def test_a_connection_is_kept_and_one_without_reuse_is_not(backend: Backend) -> None:
    with RawServer(keep_answering) as server:
        first = backend.perform(Request("GET", server.url))
        second = backend.perform(Request("GET", server.url))
        assert (first.is_reused, second.is_reused, server.connections) == (False, True, 1)
        closing = TransferOptions(reuse=False)
        for _ in range(2):
            backend.perform(Request("GET", server.url, options=closing))
        assert server.connections == 3


def test_a_body_over_the_limit_fails_with_63(backend: Backend) -> None:
    options = TransferOptions(max_body_bytes=100)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc8\r\n" + b"x" * 200
    announced = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200
    for raw in (chunked + b"\r\n0\r\n\r\n", announced):
        with RawServer(answering(raw)) as server, pytest.raises(TooLargeError) as caught:
            backend.perform(Request("GET", server.url, options=options))
        assert caught.value.code == 63


def test_a_body_over_the_limit_is_cut_where_asked(backend: Backend) -> None:
    options = TransferOptions(max_body_bytes=100, body_policy="truncate")
    with RawServer(answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200)) as server:
        cut = backend.perform(Request("GET", server.url, options=options))
    with RawServer(answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100)) as server:
        whole = backend.perform(Request("GET", server.url, options=options))
    assert (len(cut.body), cut.truncated) == (100, True)
    assert (len(whole.body), whole.truncated) == (100, False)


def test_engine_redirects_end_at_their_limit(backend: Backend) -> None:
    with (
        RawServer(redirecting_to("/again")) as server,
        pytest.raises(TooManyRedirectsError) as caught,
    ):
        backend.perform(Request("GET", server.url, options=TransferOptions(max_redirects=3)))
    assert caught.value.code == 47
    assert len(server.requests) == 4


def test_redirects_are_not_followed_unless_asked(backend: Backend) -> None:
    with RawServer(redirecting_to("/again")) as server:
        response = backend.perform(Request("GET", server.url))
    assert (response.status, response.headers["location"]) == (302, "/again")


def test_basic_credentials_go_out_at_once(backend: Backend) -> None:
    options = TransferOptions(auth=Auth(schemes=AuthScheme.BASIC, username="u", secret="s"))
    with RawServer(echo) as server:
        response = backend.perform(Request("GET", server.url, options=options))
    assert "Authorization: Basic dTpz" in head_of(response)


def test_credentials_of_one_origin_never_reach_another(backend: Backend) -> None:
    options = TransferOptions(auth=Auth(schemes=AuthScheme.BASIC, username="u", secret="s"))
    with RawServer(echo) as ours, RawServer(echo) as other:
        for _ in range(3):
            backend.perform(Request("GET", ours.url, options=options))
            backend.perform(Request("GET", other.url))
        assert b"Authorization" in ours.requests[-1]
        assert not any(b"Authorization" in request for request in other.requests)


def test_http2_by_prior_knowledge(backend: Backend) -> None:
    options = TransferOptions(http_version=HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)
    with Http2Server() as server:
        response = backend.perform(Request("GET", server.url, options=options))
    assert (response.http_version, response.body) == ("2", b"ok")


def test_a_hundred_calls_share_one_http2_connection(
    backend: Backend, h2_server_context: object, trusting: TransferOptions
) -> None:
    async def burst(url: str) -> list[Response]:
        calls = (backend.aperform(Request("GET", url, options=patient)) for _ in range(100))
        return await asyncio.gather(*calls)

    patient = replace(trusting, total_timeout_s=60, connect_timeout_s=60)
    # Held back until all of them wait on one connection: they do share it.
    hold = 100 if backend.name == "pycurl" else 0
    with Http2Server(h2_server_context, hold) as server:  # type: ignore[arg-type]
        responses = asyncio.run(burst(server.url))
        assert {response.http_version for response in responses} == {"2"}
        # httpx opens one for each call until the first has negotiated HTTP/2, then shares it.
        assert server.connections == 1 or backend.name == "httpx"


@pytest.mark.slow
def test_threads_tasks_and_callbacks_at_once(backend: Backend) -> None:
    """Every call ends, whoever waits for it."""
    ended = threading.Semaphore(0)
    outcomes: list[object] = []

    def blocking(url: str) -> None:
        request = Request("GET", url, options=PATIENT)
        outcomes.extend(backend.perform(request) for _ in range(10))

    async def tasks(url: str) -> None:
        calls = (backend.aperform(Request("GET", url, options=PATIENT)) for _ in range(50))
        outcomes.extend(await asyncio.gather(*calls))

    with RawServer(keep_answering) as server:
        threads = [threading.Thread(target=blocking, args=(server.url,)) for _ in range(8)]
        threads.append(threading.Thread(target=lambda: asyncio.run(tasks(server.url))))
        for thread in threads:
            thread.start()

        def on_done(outcome: object) -> None:
            outcomes.append(outcome)
            ended.release()

        for _ in range(50):
            backend.submit(Request("GET", server.url, options=PATIENT), on_done)
        for thread in threads:
            thread.join(PATIENCE_S)
        for _ in range(50):
            assert ended.acquire(timeout=PATIENCE_S)
    assert len(outcomes) == 8 * 10 + 50 + 50
    assert all(isinstance(outcome, Response) for outcome in outcomes)
    stats = backend.stats()
    assert (stats.completed, stats.failed, stats.in_flight) == (len(outcomes), 0, 0)


def test_timings_grow_from_phase_to_phase(backend: Backend) -> None:
    with RawServer(keep_answering) as server:
        timings = backend.perform(Request("GET", server.url)).timings
    phases = [timings.connect_us, timings.pretransfer_us, timings.starttransfer_us]
    assert phases == sorted(phases)
    assert 0 < timings.starttransfer_us <= timings.total_us


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("localhost", "localhost"),
        ("localhost.", "localhost."),
        ("LOCALHOST", "LOCALHOST"),
        ("api.localhost", "api.localhost"),
        ("Api.LocalHost.", "Api.LocalHost."),
    ],
)
def test_the_host_is_sent_as_it_was_understood(backend: Backend, written: str, sent: str) -> None:
    with RawServer(echo) as server:
        response = backend.perform(Request("GET", f"http://{written}:{server.port}/"))
        assert f"Host: {sent}:{server.port}" in head_of(response)


def test_the_peer_is_told(backend: Backend) -> None:
    with RawServer(keep_answering) as server:
        assert backend.perform(Request("GET", server.url)).peer == ("127.0.0.1", server.port)


def test_a_slow_reader_of_two_requests_gets_both_answers(backend: Backend) -> None:
    def one_each(peer: Peer) -> None:
        while peer.request():
            peer.send(OK[:20])
            peer.send(OK[20:])

    with RawServer(one_each) as server:
        bodies = [backend.perform(Request("GET", server.url)).body for _ in range(3)]
    assert bodies == [b"ok"] * 3
