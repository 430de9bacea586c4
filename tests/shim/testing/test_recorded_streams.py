"""Recordings of bodies that pass piece by piece: what was seen meanwhile is replayed."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp.testing import cassette
from onehttp.testing.process_under_test import ProcessUnderTest
from onehttp.testing.recording import Mode, Recorder
from servers.raw import Peer, RawServer

LINES = b"one\ntwo\nthree\n"
ECHO = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"


def answer(peer: Peer) -> None:
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        if path == b"/coded":
            body = gzip.compress(LINES)
            head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
            peer.send(head % len(body) + body)
        elif path == b"/moved":
            peer.send(b"HTTP/1.1 302 F\r\nLocation: /lines\r\nContent-Length: 0\r\n\r\n")
        elif path == b"/cut":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            return
        elif path == b"/lines":
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for line in LINES.splitlines(keepends=True):
                peer.send(b"%x\r\n%s\r\n" % (len(line), line))
            peer.send(b"0\r\n\r\n")
        else:
            size = len(request.partition(b"\r\n\r\n")[2])
            peer.send(ECHO % (len(b"%d" % size), b"%d" % size))


def read(url: str) -> object:
    with onehttp.stream("GET", url + "/lines") as response:
        return response.status, response.read()


def read_coded(url: str) -> object:
    with onehttp.stream("GET", url + "/coded") as response:
        return list(response.iter_lines())


def read_decoded(url: str) -> object:
    onehttp.init({"version": 1, "connections": {"c": {"url": url, "decompress": True}}})
    with onehttp.connection("c").stream("GET", "/coded") as response:
        return list(response.iter_lines())


def read_the_first_line(url: str) -> object:
    with onehttp.stream("GET", url + "/lines") as response:
        return next(iter(response.iter_lines()))


def read_nothing(url: str) -> object:
    with onehttp.stream("GET", url + "/coded") as response:
        return response.status


def follow(url: str) -> object:
    with onehttp.stream("GET", url + "/moved", follow_redirects=True) as response:
        return response.read(), [each.status for each in response.history]


def break_off(url: str) -> object:
    try:
        with onehttp.stream("GET", url + "/cut") as response:
            return response.read()
    except onehttp.DisconnectedError as error:
        return error.code, error.sent


def find_nobody(url: str) -> object:
    try:
        return onehttp.request("PUT", "http://127.0.0.1:9/", body=iter([b"x"])).status
    except onehttp.ConnectError as error:
        return error.code, error.sent


def await_it(url: str) -> object:
    async def read() -> list[str]:
        async with onehttp.astream("GET", url + "/lines") as response:
            return [line async for line in response.iter_lines()]

    return asyncio.run(read())


def await_upload(url: str) -> object:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a", b"b" * 40_000):
            await asyncio.sleep(0)
            yield piece

    async def send() -> int:
        return (await onehttp.arequest("PUT", url + "/echo", body=pieces())).status

    return asyncio.run(send())


def send_files(url: str) -> object:
    files: dict[str, Any] = {"a": ("a.bin", bytes(range(256))), "b": io.BytesIO(b"text")}
    form = {"password": "canary", "name": "x"}
    return onehttp.request("POST", url + "/echo", form=form, files=files).status


def send_a_text(url: str) -> object:
    return onehttp.request("POST", url + "/echo", files={"a": ("a.txt", b"text\n")}).status


def send_a_file(url: str) -> object:
    return onehttp.request("PUT", url + "/echo", body=io.BytesIO(b"\0" * 70_000)).status


def send_pieces(url: str) -> object:
    told: list[object] = []
    sent = onehttp.request("PUT", url + "/echo", body=iter([b"a", b"b"]), progress=told.append)
    return sent.status, bool(told)


WAYS = (read, read_coded, read_decoded, read_the_first_line, read_nothing, follow, break_off,
        find_nobody, await_it, await_upload, send_files, send_a_text, send_a_file,
        send_pieces)  # fmt: skip
OF_BYTES = (read_coded, send_files, send_a_file)
"""No text, which is kept as such."""


@pytest.fixture
def under_test() -> Iterator[Callable[[Path, Mode], Recorder]]:
    process = ProcessUnderTest()

    def begin(path: Path, mode: Mode) -> Recorder:
        recorder = Recorder(path, mode)
        process.use_recorder(recorder)
        return recorder

    yield begin
    process.end()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_was_seen_is_replayed(
    tmp_path: Path,
    under_test: Callable[[Path, Mode], Recorder],
    way: Callable[[str], Any],
) -> None:
    path = tmp_path / "c.yaml"
    with RawServer(answer) as server:
        recorder = under_test(path, "new")
        seen = way(server.url)
        asked = len(server.requests)
        if way in (send_a_file, send_pieces, await_upload):  # no type but their own, as ever
            assert b"content-type" not in server.requests[-1].partition(b"\r\n\r\n")[0].lower()
        recorder.save()
        text = path.read_text()
        assert "canary" not in text
        assert ("base64" in text) is (way in OF_BYTES)

        assert under_test(path, "new") is not recorder  # all of it is known by now
        assert way(server.url) == seen
        assert len(server.requests) == asked

    recorder = under_test(path, "none")
    assert way(server.url) == seen
    assert recorder.double.not_used() == []
    assert len(cassette.read(path)) == max(asked, 1)
