"""Bodies that are not what they say: nothing is left out in silence."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import pytest

import onehttp
from servers.raw import Peer, RawServer
from stand_ins.streams.uploads import Uploads

Sent = Callable[..., onehttp.Response]


def test_a_file_that_says_it_is_empty_is_sent_all_the_same(
    sent: Sent, server: RawServer, taken: Uploads
) -> None:
    with open("/proc/self/limits", "rb") as file:
        sent("PUT", server.url, body=file)
    assert [each.body for each in taken.asked] == [Path("/proc/self/limits").read_bytes()]


def test_a_file_of_unknown_size_is_sent_in_a_form(
    sent: Sent, server: RawServer, taken: Uploads
) -> None:
    sent("POST", server.url, files={"limits": Path("/proc/self/limits")})
    assert Path("/proc/self/limits").read_bytes() in taken.asked[0].body


def test_a_device_without_end_is_sent_to_its_limit(sent: Sent, server: RawServer) -> None:
    with open("/dev/zero", "rb") as file, pytest.raises(onehttp.UploadError, match="max_upload"):
        sent("PUT", server.url, body=file, max_upload=1 << 20)


@pytest.mark.parametrize("empty", [partial(open, "/dev/null", "rb"), io.BytesIO])
def test_what_is_empty_is_sent_as_nothing(
    sent: Sent, server: RawServer, taken: Uploads, empty: Callable[[], IO[bytes]]
) -> None:
    with empty() as file:
        sent("PUT", server.url, body=file)
    assert [each.body for each in taken.asked] == [b""]


def test_a_pipe_with_nothing_in_it_yet_has_not_ended(sent: Sent, server: RawServer) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        with os.fdopen(reading, "rb") as file, pytest.raises(onehttp.UploadError, match="yet"):
            sent("PUT", server.url, body=file)
    finally:
        os.close(writing)


@pytest.mark.parametrize("pieces", [[], [b""], [b"", b""]])
def test_nothing_that_was_announced_as_nothing_is_fine(
    sent: Sent, server: RawServer, taken: Uploads, pieces: list[bytes]
) -> None:
    sent("PUT", server.url, body=pieces, headers={"Content-Length": "0"})
    assert [each.body for each in taken.asked] == [b""]


@pytest.mark.parametrize("length", ["0", "1"])
def test_more_than_was_announced_is_not_left_out(
    sent: Sent, server: RawServer, length: str
) -> None:
    with pytest.raises(onehttp.UploadError, match="more than"):
        sent("PUT", server.url, body=[b"", b"more"], headers={"Content-Length": length})


def failing(peer: Peer) -> None:
    while peer.request():
        peer.send(b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy")


@pytest.fixture
def refusing() -> Iterator[RawServer]:
    with RawServer(failing) as running:
        yield running


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "not read"])
def test_the_error_of_a_streams_status_is_pickled(
    api: str, refusing: RawServer, is_read: bool
) -> None:
    with onehttp.stream("GET", refusing.url) as response:
        if is_read:
            response.read()
        with pytest.raises(onehttp.HTTPStatusError) as caught:
            response.raise_for_status()
        copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert (copy.response.status, copy.response.body) == (503, b"busy" if is_read else b"")
    assert copy.response.truncated is not is_read
