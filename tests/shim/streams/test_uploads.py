"""Bodies that are read while they are sent: from files, iterators, tasks."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.streams.chunked import asked
from stand_ins.streams.uploads import (
    MIB,
    OK,
    PIECES,
    SOURCES,
    WHOLE,
    Uploads,
    sent_in_task,
)


@pytest.mark.parametrize("name", SOURCES)
def test_a_body_arrives_whatever_it_comes_from(
    name: str, sent: Callable[..., Any], server: RawServer, taken: Uploads, tmp_path: Path
) -> None:
    make, is_known = SOURCES[name]
    body = make(tmp_path)
    assert sent("POST", server.url, body=body).body == b"ok"
    assert sent("PUT", server.url, body=b"as any other").status == 200
    request = taken.asked[0]
    assert request.body == WHOLE
    assert request.header("content-length") == (str(len(WHOLE)) if is_known else "")
    assert request.header("transfer-encoding") == ("" if is_known else "chunked")
    assert request.header("content-type") == request.header("expect") == ""
    assert server.connections == 1
    if name == "file":
        body.close()


async def in_a_task() -> AsyncIterator[bytes]:
    for piece in PIECES:
        await asyncio.sleep(0)
        yield piece


def test_an_async_iterator_is_asked_in_its_loop(
    api: str, server: RawServer, taken: Uploads
) -> None:
    assert sent_in_task("PUT", server.url, body=in_a_task()).status == 200
    assert taken.asked[0].body == WHOLE
    with pytest.raises(onehttp.RequestTypeError, match="astream"):
        onehttp.request("PUT", server.url, body=in_a_task())


def test_a_file_is_sent_from_where_it_stands(
    sent: Callable[..., Any], server: RawServer, taken: Uploads, file: Any
) -> None:
    file.seek(1000)
    sent("PUT", server.url, body=file)
    assert taken.asked[0].body == WHOLE[1000:]


def test_a_temporary_file_is_a_file(
    sent: Callable[..., Any], server: RawServer, taken: Uploads
) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(WHOLE)
        file.seek(0)
        sent("PUT", server.url, body=file)
    assert taken.asked[0].body == WHOLE


def test_a_length_given_is_a_promise(
    sent: Callable[..., Any], server: RawServer, taken: Uploads
) -> None:
    length = {"Content-Length": str(len(WHOLE))}
    sent("PUT", server.url, body=iter(PIECES), headers=length)
    assert taken.asked[0].header("content-length") == str(len(WHOLE))
    for pieces, message in [(PIECES[:-1], "were announced"), ([*PIECES, b"x"], "more than")]:
        with pytest.raises(onehttp.UploadError, match=message):
            sent("PUT", server.url, body=iter(pieces), headers=length)
    # What is not as announced never arrives whole.
    assert WHOLE not in [each.body for each in taken.asked[1:]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"a": 1}, "body: expected bytes, str, a file or an iterator of bytes, got dict"),
        (7, "got int"),
        (io.StringIO("x"), "binary mode"),
    ],
)
def test_what_is_no_body_is_refused(
    sent: Callable[..., Any], server: RawServer, body: Any, message: str
) -> None:
    with pytest.raises(onehttp.RequestTypeError, match=message):
        sent("PUT", server.url, body=body)
    assert server.connections == 0


@pytest.mark.parametrize("piece", ["text", 7, None])
def test_a_piece_that_is_no_bytes_ends_the_call(
    sent: Callable[..., Any], server: RawServer, piece: Any
) -> None:
    with pytest.raises(onehttp.UploadError, match=f"gave {type(piece).__name__}"):
        sent("PUT", server.url, body=[b"a", piece])


def test_what_a_source_raises_is_the_callers(sent: Callable[..., Any], server: RawServer) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * MIB
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        sent("PUT", server.url, body=failing())
    assert sent("GET", server.url).body == b"ok"
    assert onehttp.stats().in_flight == 0


def test_a_query_sends_bytes_alone(api: str, server: RawServer, file: Any) -> None:
    for call in ({"body": file}, {"body": b"x", "progress": print}):
        with pytest.raises(onehttp.RequestTypeError, match=r"submit\(\)"):
            onehttp.submit("PUT", server.url, **call)


# ---- limits, progress


@pytest.mark.parametrize("name", SOURCES)
def test_no_more_is_sent_than_may_be(
    name: str, sent: Callable[..., Any], server: RawServer, taken: Uploads, tmp_path: Path
) -> None:
    make, is_known = SOURCES[name]
    body = make(tmp_path)
    with pytest.raises(onehttp.UploadError, match="max_upload, 1000000 bytes") as caught:
        sent("PUT", server.url, body=body, max_upload=1_000_000)
    assert caught.value.sent is (onehttp.Sent.NO if is_known else onehttp.Sent.MAYBE)
    other = make(tmp_path)
    assert sent("PUT", server.url, body=other, max_upload=len(WHOLE)).status == 200
    if name == "file":
        body.close()
        other.close()


def test_the_limit_is_one_for_bytes_too(sent: Callable[..., Any], server: RawServer) -> None:
    with pytest.raises(onehttp.UploadError):
        sent("PUT", server.url, body=b"four", max_upload=3)
    assert server.connections == 0
    with pytest.raises(onehttp.RequestTypeError, match="max_upload"):
        sent("PUT", server.url, body=b"four", max_upload="3")


@pytest.mark.parametrize("body", [WHOLE, PIECES], ids=["bytes", "pieces"])
def test_progress_is_told(sent: Callable[..., Any], server: RawServer, body: Any) -> None:
    told: list[onehttp.Progress] = []
    sent("PUT", server.url, body=body, progress=told.append)
    counts = [each.sent for each in told]
    assert counts == sorted(counts)
    assert told[-1] == onehttp.Progress(len(WHOLE), len(WHOLE) if body is WHOLE else None, 2, 2)


def test_what_progress_raises_ends_the_call(sent: Callable[..., Any], server: RawServer) -> None:
    def refuse(progress: onehttp.Progress) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        sent("PUT", server.url, body=iter(PIECES), progress=refuse)
    assert onehttp.stats().in_flight == 0


def test_a_server_that_takes_no_more_is_waited_for_as_long_as_nothing_may_move(
    sent: Callable[..., Any],
) -> None:
    def never_reading(peer: Peer) -> None:
        peer.server.release.wait()

    with RawServer(never_reading, receive_buffer_bytes=8192) as server:
        with pytest.raises(onehttp.TimeoutError, match=r"nothing moved for 0\.1 s") as caught:
            sent("PUT", server.url, body=[bytes(MIB)] * 32, timeout=onehttp.Timeout(idle_s=0.1))
        assert caught.value.sent is onehttp.Sent.MAYBE


# ---- a file that is changed under us


def test_a_file_that_is_cut_while_it_is_sent_is_an_error(api: str, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"x" * (32 * MIB))
    begun = threading.Event()

    def waiting(peer: Peer) -> None:
        peer.socket.recv(1000)
        begun.set()
        while peer.socket.recv(MIB):
            pass

    def cut(progress: onehttp.Progress) -> None:
        assert begun.wait(PATIENCE_S)
        os.truncate(path, MIB)

    changed = pytest.raises(onehttp.UploadError, match="changed")
    with RawServer(waiting) as server, path.open("rb") as file, changed:
        onehttp.request("PUT", server.url, body=file, progress=cut)


def test_a_file_that_is_written_while_it_is_sent_is_an_error(api: str, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"x" * (8 * MIB))
    requests: list[int] = []

    def reading(peer: Peer) -> None:
        while request := asked(peer):
            requests.append(len(request.body))
            peer.send(OK)

    def write(progress: onehttp.Progress) -> None:
        os.utime(path, ns=(1, 1))
        with path.open("ab") as other:
            other.write(b"more")

    changed = pytest.raises(onehttp.UploadError, match="changed")
    with RawServer(reading) as server, path.open("rb") as file, changed:
        onehttp.request("PUT", server.url, body=file, progress=write)
    assert 8 * MIB not in requests  # the server had no whole request


# ---- both ways at once


def test_what_comes_can_be_sent_on(api: str, taken: Uploads, server: RawServer) -> None:
    def giving(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE)

    with RawServer(giving) as origin, onehttp.stream("GET", origin.url) as response:
        onehttp.request("PUT", server.url, body=response.iter_bytes())
    assert taken.asked[0].body == WHOLE


def test_an_answer_before_the_end_ends_the_sending(sent: Callable[..., Any]) -> None:
    def refusing(peer: Peer) -> None:
        peer.socket.recv(100)
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        while peer.socket.recv(MIB):
            pass

    given: list[None] = []

    def long() -> Iterator[bytes]:
        for _ in range(1024):
            given.append(None)
            yield b"x" * 65536

    with RawServer(refusing) as server:
        length = {"Content-Length": str(1024 * 65536)}
        assert sent("PUT", server.url, body=long(), headers=length).status == 413
    # What the double stands on reads no answer before all is sent.
    assert len(given) < 1024 or onehttp.backend().name == "httpx"


def test_a_cancelled_task_ends_its_source_and_its_transfer(api: str, server: RawServer) -> None:
    ended = []

    async def main() -> None:
        asked_again = asyncio.Event()

        async def hanging() -> AsyncIterator[bytes]:
            try:
                yield b"x"
                asked_again.set()
                await asyncio.Event().wait()
            finally:
                ended.append(True)

        task = asyncio.ensure_future(onehttp.arequest("PUT", server.url, body=hanging()))
        await asked_again.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == [True]
    assert onehttp.stats().in_flight == 0
