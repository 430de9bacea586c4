"""Bodies kept as files: whole and durable, or not there at all."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import onehttp
from servers.raw import Peer, RawServer
from stand_ins.streams.reading import Reader

MIB = 1 << 20
WHOLE = os.urandom(3 * MIB + 5)


class Keeping:
    """A server of one file that breaks off, as often as a test says."""

    def __init__(self, validator: str = 'ETag: "1"', ranges: str = "") -> None:
        self.validator = validator
        self.ranges = ranges
        self.body = WHOLE
        self.breaks_at: list[int] = []
        """How many bytes are sent before each end that comes too early."""
        self.answers: list[bytes] = []
        """What to say instead, to requests for the rest."""

    def __call__(self, peer: Peer) -> None:
        while request := peer.request():
            wanted = request.lower().partition(b"range: bytes=")[2]
            begin = int(wanted.partition(b"-")[0] or 0)
            if begin and self.answers:
                peer.send(self.answers.pop(0))
                return
            size = len(self.body)
            status = (
                f"206 Rest\r\nContent-Range: bytes {begin}-{size - 1}/{size}" if begin else "200 OK"
            )
            headers = "".join(f"{each}\r\n" for each in (self.validator, self.ranges) if each)
            peer.send(
                f"HTTP/1.1 {status}\r\n{headers}Content-Length: {size - begin}\r\n\r\n".encode()
            )
            if self.breaks_at:
                peer.send(self.body[begin : begin + self.breaks_at.pop(0)])
                return
            peer.send(self.body[begin:])


@pytest.fixture
def keeping() -> Keeping:
    return Keeping()


@pytest.fixture
def server(keeping: Keeping) -> Iterator[RawServer]:
    with RawServer(keeping) as running:
        yield running


Streamed = Callable[..., Any]


def saved(streamed: Streamed, url: str, path: Path, **how: Any) -> int:
    written: int = streamed(lambda reader: reader.save(path, **how), "GET", url)
    return written


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_body_is_saved_in_the_place_of_what_was_there(
    streamed: Streamed, server: RawServer, tmp_path: Path
) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    assert saved(streamed, server.url, path) == len(WHOLE)
    assert path.read_bytes() == WHOLE
    assert left(tmp_path) == ["kept"]


@pytest.mark.parametrize(
    "validator",
    [
        'ETag: "1"',
        "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nDate: Tue, 02 Jan 2024 00:00:00 GMT",
    ],
)
def test_what_breaks_off_is_taken_up_where_it_ended(
    streamed: Streamed, server: RawServer, keeping: Keeping, tmp_path: Path, validator: str
) -> None:
    keeping.validator = validator
    keeping.breaks_at = [MIB, 10, MIB]
    assert saved(streamed, server.url, tmp_path / "kept") == len(WHOLE)
    assert (tmp_path / "kept").read_bytes() == WHOLE
    begins = [
        request.lower().partition(b"range: bytes=")[2].partition(b"-")[0]
        for request in server.requests
    ]
    assert begins == [b"", b"%d" % MIB, b"%d" % (MIB + 10), b"%d" % (2 * MIB + 10)]
    value = validator.partition(": ")[2].partition("\r")[0].encode()
    assert all(b"If-Range: " + value in request for request in server.requests[1:])


def test_resuming_a_download_stops_at_its_limit(
    streamed: Streamed, server: RawServer, keeping: Keeping, tmp_path: Path
) -> None:
    keeping.breaks_at = [1000] * 3
    with pytest.raises(onehttp.DisconnectedError):
        saved(streamed, server.url, tmp_path / "kept", resumes=2)
    assert len(server.requests) == 3
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("validator", "ranges"),
    [("", ""), ('ETag: W/"1"', ""), ('ETag: "1"', "Accept-Ranges: none")],
    ids=["no validator", "a weak one", "no ranges"],
)
def test_what_cannot_be_taken_up_is_not_asked_for(
    streamed: Streamed, server: RawServer, keeping: Keeping, tmp_path: Path,
    validator: str, ranges: str,
) -> None:  # fmt: skip
    keeping.validator, keeping.ranges, keeping.breaks_at = validator, ranges, [MIB]
    with pytest.raises(onehttp.DisconnectedError):
        saved(streamed, server.url, tmp_path / "kept")
    assert len(server.requests) == 1
    assert left(tmp_path) == []


def test_what_has_changed_meanwhile_begins_anew(
    streamed: Streamed, server: RawServer, keeping: Keeping, tmp_path: Path
) -> None:
    keeping.breaks_at = [MIB]
    keeping.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"]
    assert saved(streamed, server.url, tmp_path / "kept") == 3
    assert (tmp_path / "kept").read_bytes() == b"new"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 206 Rest\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nother",
        b"HTTP/1.1 206 Rest\r\nContent-Length: 5\r\n\r\nother",
    ],
    ids=["416", "another place", "no place"],
)
def test_a_rest_that_does_not_fit_is_an_error(
    streamed: Streamed, server: RawServer, keeping: Keeping, tmp_path: Path, answer: bytes
) -> None:
    keeping.breaks_at = [MIB]
    keeping.answers = [answer]
    with pytest.raises(onehttp.SaveError, match="the rest"):
        saved(streamed, server.url, tmp_path / "kept")
    assert left(tmp_path) == []


def test_a_disk_that_is_full_leaves_nothing_behind(
    streamed: Streamed, server: RawServer, tmp_path: Path
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, before[1]))
    try:
        with pytest.raises(onehttp.SaveError, match="kept: cannot be written") as caught:
            saved(streamed, server.url, tmp_path / "kept")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(caught.value.__cause__, OSError)
    assert left(tmp_path) == []
    assert onehttp.request("GET", server.url).body == WHOLE


def test_a_disk_that_fails_at_last_leaves_what_was_there(
    streamed: Streamed, server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "kept").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(onehttp.SaveError, match="No space left"):
        saved(streamed, server.url, tmp_path / "kept")
    assert left(tmp_path) == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_named(
    streamed: Streamed, server: RawServer, tmp_path: Path
) -> None:
    with pytest.raises(onehttp.SaveError, match="none/kept: cannot be written: No such file"):
        saved(streamed, server.url, tmp_path / "none" / "kept")


def test_the_limit_of_the_call_is_one_of_what_is_saved(
    streamed: Streamed, server: RawServer, tmp_path: Path
) -> None:
    def do(reader: Reader) -> int:
        return reader.save(tmp_path / "kept")

    with pytest.raises(onehttp.TooLargeError):
        streamed(do, "GET", server.url, max_body=MIB)
    assert left(tmp_path) == []


def test_a_body_of_nothing_makes_an_empty_file(
    streamed: Streamed, server: RawServer, keeping: Keeping, tmp_path: Path
) -> None:
    keeping.body = b""
    assert saved(streamed, server.url, tmp_path / "kept") == 0
    assert (tmp_path / "kept").read_bytes() == b""
