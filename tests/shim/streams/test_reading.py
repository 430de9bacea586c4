"""Responses read piece by piece: all of it, some of it, and what may go wrong on the way."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S, until
from servers.raw import Peer, RawServer, answering, silent
from stand_ins.streams.reading import Reader, giving

Streamed = Callable[..., Any]
MIB = 1 << 20
WHOLE = os.urandom(5 * MIB + 7)


def test_a_body_comes_whole_and_its_connection_is_kept(streamed: Streamed) -> None:
    with RawServer(giving(WHOLE)) as server:
        found = streamed(lambda r: b"".join(r.iter("iter_bytes")), "GET", server.url)
        assert streamed(Reader.read, "GET", server.url) == WHOLE
        assert found == WHOLE
        assert server.connections == 1
    assert onehttp.stats().in_flight == 0


@pytest.mark.parametrize("size", [1, 1000, MIB, 100 * MIB])
def test_chunks_have_the_size_asked_for(streamed: Streamed, size: int) -> None:
    body = WHOLE[:5000] if size == 1 else WHOLE
    with RawServer(giving(body)) as server:
        chunks = streamed(lambda r: list(r.iter("iter_bytes", size)), "GET", server.url)
    assert b"".join(chunks) == body
    assert {len(chunk) for chunk in chunks[:-1]} <= {size}
    assert 0 < len(chunks[-1]) <= size


@pytest.mark.parametrize("number", [-1, True, 1.0, "1", 0])
@pytest.mark.parametrize(
    ("what", "name", "least"),
    [("iter_bytes", "chunk_size", 1), ("iter_lines", "max_line", 0), ("save", "resumes", 0)],
)
def test_numbers_of_a_body_are_checked(
    streamed: Streamed, tmp_path: Path, what: str, name: str, least: int, number: Any
) -> None:
    def read(reader: Reader) -> Any:
        how = {name: number}
        return reader.save(tmp_path / "x", **how) if what == "save" else [*reader.iter(what, **how)]

    with RawServer(giving(b"x")) as server:
        if number == 0 and type(number) is int and not least:
            assert streamed(read, "GET", server.url)
            return
        message = f"{name}: expected a whole number from {least} on, got {number!r}"
        with pytest.raises(onehttp.RequestTypeError, match=message):
            streamed(read, "GET", server.url)
    assert not list(tmp_path.iterdir())


def test_the_head_is_there_before_the_body(streamed: Streamed) -> None:
    head_seen = threading.Event()

    def slowly(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 4\r\n\r\n")
            assert head_seen.wait(PATIENCE_S)
            peer.send(b"body")

    def do(reader: Reader) -> bytes:
        assert (reader.response.status, reader.response.headers["x-a"]) == (200, "b")
        head_seen.set()
        return reader.read()

    with RawServer(slowly) as server:
        assert streamed(do, "GET", server.url) == b"body"


def test_each_piece_is_there_before_the_next_is_sent(streamed: Streamed) -> None:
    taken = [threading.Event() for _ in range(5)]

    def in_steps(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number, event in enumerate(taken):
                peer.send(b"2\r\n%d\n\r\n" % number)
                assert event.wait(PATIENCE_S)
            peer.send(b"0\r\n\r\n")

    def do(reader: Reader) -> list[str]:
        found = []
        for line in reader.iter("iter_lines"):
            found.append(line)
            taken[int(line)].set()
        return found

    with RawServer(in_steps) as server:
        assert streamed(do, "GET", server.url) == ["0", "1", "2", "3", "4"]


LINES = "Grüße\r\nzwei\rdrei\n\nfünf ohne Ende"


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "utf-16-le"])
def test_text_and_lines_are_by_the_charset(streamed: Streamed, charset: str) -> None:
    with RawServer(
        giving(LINES.encode(charset), f"Content-Type: text/plain; charset={charset}")
    ) as s:
        assert "".join(streamed(lambda r: list(r.iter("iter_text")), "GET", s.url)) == LINES
        lines = streamed(lambda r: list(r.iter("iter_lines")), "GET", s.url)
    assert lines == ["Grüße", "zwei", "drei", "", "fünf ohne Ende"]


def test_a_line_without_end_fills_no_memory(streamed: Streamed) -> None:
    with RawServer(giving(b"x" * 5000)) as server, pytest.raises(onehttp.TooLargeError):
        streamed(lambda r: list(r.iter("iter_lines", 1000)), "GET", server.url)


def test_after_read_it_is_as_any_response(streamed: Streamed) -> None:
    def do(reader: Reader) -> None:
        with pytest.raises(onehttp.StreamError, match="read"):
            reader.response.text
        assert reader.read() == b'{"a": 1}' == reader.read()
        assert reader.response.json() == {"a": 1}
        assert reader.response.text == '{"a": 1}'
        assert reader.response.received == 8

    with RawServer(giving(b'{"a": 1}')) as server:
        streamed(do, "GET", server.url)


def test_a_response_is_read_once_and_inside_its_with(streamed: Streamed) -> None:
    def do(reader: Reader) -> Reader:
        next(reader.iter("iter_bytes"))
        with pytest.raises(onehttp.StreamError, match="once"):
            next(reader.iter("iter_bytes"))
        return reader

    with RawServer(giving(WHOLE)) as server:
        streamed(do, "GET", server.url)
        with onehttp.stream("GET", server.url) as response:
            pass
        with pytest.raises(onehttp.StreamError, match="closed"):
            next(response.iter_bytes())


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ids=["204", "empty"],
)
def test_there_need_be_no_body(streamed: Streamed, answer: bytes) -> None:
    with RawServer(answering(answer)) as server:
        assert streamed(lambda r: list(r.iter("iter_bytes")), "GET", server.url) == []
        assert streamed(Reader.read, "GET", server.url) == b""


def test_codings_are_taken_off_where_the_connection_says_so(engine: str) -> None:
    packed = gzip.compress(WHOLE)
    with RawServer(giving(packed, "Content-Encoding: gzip")) as server:
        named = {"api": {"url": server.url, "decompress": True}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        with onehttp.connection("api").stream("GET") as response:
            assert b"".join(response.iter_bytes()) == WHOLE
            assert response.received == len(packed)
        api = onehttp.connection("api")
        with api.stream("GET", max_body=MIB) as response, pytest.raises(onehttp.TooLargeError):
            list(response.iter_bytes())
    with RawServer(giving(packed[:-9], "Content-Encoding: gzip")) as server:
        onehttp.shutdown()
        named = {"api": {"url": server.url, "decompress": True}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        api = onehttp.connection("api")
        with api.stream("GET") as response, pytest.raises(onehttp.TransferError, match="middle"):
            list(response.iter_bytes())


# ---- limits


def test_there_is_no_limit_of_a_body_but_that_of_the_call(streamed: Streamed) -> None:
    large = b"x" * (11 * MIB)  # more than a whole response may have
    with RawServer(giving(large)) as server:
        count = streamed(lambda r: sum(map(len, r.iter("iter_bytes"))), "GET", server.url)
        assert count == len(large)
        with pytest.raises(onehttp.TooLargeError):
            streamed(Reader.read, "GET", server.url)
        with pytest.raises(onehttp.TooLargeError, match=f"{MIB} bytes"):
            streamed(lambda r: list(r.iter("iter_bytes")), "GET", server.url, max_body=MIB)


def test_what_is_not_announced_is_limited_as_it_comes(streamed: Streamed) -> None:
    unannounced = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000
    with RawServer(answering(unannounced)) as server:
        found: list[bytes] = []
        with pytest.raises(onehttp.TooLargeError):
            streamed(lambda r: found.extend(r.iter("iter_bytes")), "GET", server.url, max_body=1000)
    assert len(b"".join(found)) == 1000


@pytest.mark.parametrize("length", ["2", "0" * 5000 + "2"])
def test_what_is_announced_may_have_any_number_of_noughts(streamed: Streamed, length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
    with RawServer(answering(head + b"ok")) as server:
        assert streamed(Reader.read, "GET", server.url) == b"ok"
        with pytest.raises(onehttp.TooLargeError):
            streamed(Reader.read, "GET", server.url, max_body=1)


def test_a_body_may_take_longer_than_a_call_but_not_stand_still(streamed: Streamed) -> None:
    begun: list[Reader] = []

    def read(reader: Reader) -> bytes:
        begun.append(reader)
        return reader.read()

    with RawServer(stalling) as server, pytest.raises(onehttp.TimeoutError) as caught:
        streamed(read, "GET", server.url, timeout=onehttp.Timeout(idle_s=0.2, total_s=0))
    # A busy machine may take that long to get the head across.
    assert caught.value.sent is (onehttp.Sent.YES if begun else onehttp.Sent.MAYBE)
    assert "nothing moved" in str(caught.value)


def test_a_limit_given_for_the_call_is_one_for_its_body_too(streamed: Streamed) -> None:
    with RawServer(stalling) as server, pytest.raises(onehttp.TimeoutError):
        streamed(Reader.read, "GET", server.url, timeout=0.5)


def test_no_head_in_time_is_the_error_of_any_call(streamed: Streamed) -> None:
    with RawServer(silent) as server, pytest.raises(onehttp.TimeoutError) as caught:
        streamed(Reader.read, "GET", server.url, timeout=1.0)
    assert caught.value.sent is onehttp.Sent.MAYBE


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_a_body_that_comes_too_slowly_ends(engine: str) -> None:
    with RawServer(stalling) as server:
        slow = {"url": server.url, "low_speed": {"bytes_per_second": 1000, "seconds": 1}}
        onehttp.init({"version": 1, "connections": {"slow": slow}}, backend=engine)
        try:
            too_slow = pytest.raises(onehttp.TimeoutError, match=r"(?i)less than 1000 bytes")
            with onehttp.connection("slow").stream("GET") as response, too_slow:
                response.read()
        finally:
            onehttp.shutdown()


def stalling(peer: Peer) -> None:
    if peer.request():
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        peer.wait_for_close()


# ---- somebody stops mid-way


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_server_that_stops_midway_is_an_error_after_what_came(
    streamed: Streamed, framing: str
) -> None:
    half = b"32\r\n" + b"x" * 50 if "chunked" in framing else b"x" * 50
    found: list[bytes] = []
    answer = f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + half
    with RawServer(answering(answer)) as server, pytest.raises(onehttp.DisconnectedError) as caught:
        streamed(lambda r: found.extend(r.iter("iter_bytes")), "GET", server.url)
    assert b"".join(found) == b"x" * 50
    assert caught.value.sent is onehttp.Sent.YES


class OfTheReaderError(Exception):
    """Not one of ours."""


@pytest.mark.parametrize("raises", [False, True], ids=["stops", "raises"])
def test_a_reader_that_stops_ends_the_transfer_and_harms_nobody(
    streamed: Streamed, raises: bool
) -> None:
    gone = threading.Event()

    def endless(peer: Peer) -> None:
        while request := peer.request():
            if request.startswith(b"GET /endless"):
                peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
                try:
                    while True:
                        peer.send(b"x" * 65536)
                except OSError:
                    gone.set()
                    raise
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def do(reader: Reader) -> None:
        next(reader.iter("iter_bytes"))
        if raises:
            raise OfTheReaderError

    with RawServer(endless) as server:
        for _ in range(3):
            if raises:
                with pytest.raises(OfTheReaderError):
                    streamed(do, "GET", f"{server.url}/endless")
            else:
                streamed(do, "GET", f"{server.url}/endless")
            assert gone.wait(PATIENCE_S)
            gone.clear()
            assert onehttp.request("GET", server.url).body == b"ok"
    until(lambda: onehttp.stats().in_flight == 0)


def test_a_shutdown_ends_what_is_being_read(api: str) -> None:
    with RawServer(stalling) as server, onehttp.stream("GET", server.url) as response:
        pieces = response.iter_bytes()
        assert next(pieces) == b"half"
        onehttp.shutdown()
        with pytest.raises(onehttp.CancelledError):
            next(pieces)
