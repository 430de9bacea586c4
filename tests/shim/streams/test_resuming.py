"""Files whose body broke off: whatever servers answer, a file is one version of it or not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onehttp
from onehttp.streams.saving import save
from onehttp_backends.headers import Headers
from servers.raw import Peer, RawServer, redirecting_to
from stand_ins.streams.reading import Reader

OLD, NEW = b"o" * 1000, b"n" * 900
TAG, DAY = 'ETag: "1"', "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"
LATER = "Date: Mon, 01 Jan 2024 00:00:01 GMT"


def answer(status: str, body: bytes, *headers: str, size: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if size is None else size}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def first(*headers: str) -> bytes:
    return answer("200", OLD[:600], *(headers or (TAG,)), size=1000)


def rest(place: str, body: bytes, *headers: str, size: int | None = None) -> bytes:
    return answer("206", body, *(headers or (TAG,)), f"Content-Range: bytes {place}", size=size)


class Scripted:
    """A server that gives its answers one after the other, each on a connection of its own."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        if peer.request():
            peer.send(self.answers.pop(0))


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
def server(scripted: Scripted) -> Iterator[RawServer]:
    with RawServer(scripted) as running:
        yield running


Streamed = Callable[..., Any]

RESTS = {
    "less than it was asked for": [
        rest("600-699/1000", OLD[600:700]),
        rest("700-999/1000", OLD[700:]),
    ],
    "no size": [rest("600-999/*", OLD[600:])],
    "packed": [rest("600-999/1000", b"packed", TAG, "Content-Encoding: gzip"), answer("200", OLD)],
    "of another version": [rest("600-899/900", NEW[600:], 'ETag: "2"'), answer("200", NEW)],
    "of another size": [rest("600-899/900", NEW[600:]), answer("200", NEW)],
    "anew, broken, and taken up as what it is now": [
        answer("200", NEW[:500], 'ETag: "2"', size=900),
        rest("500-899/900", NEW[500:], 'ETag: "2"'),
    ],
    "anew, broken, and back again": [
        answer("200", NEW[:500], 'ETag: "2"', size=900),
        rest("500-999/1000", OLD[500:]),
        answer("200", OLD),
    ],
    "an end before the head": [b"", rest("600-999/1000", OLD[600:])],
    "of a server that cannot just now": [
        answer("503", b"busy", "Retry-After: 0"),
        answer("500", b"oh"),
        rest("600-999/1000", OLD[600:]),
    ],
    "of one that wants it slower": [answer("429", b""), rest("600-999/1000", OLD[600:])],
    "anew, of a server that cannot just now": [
        rest("600-899/900", NEW[600:], 'ETag: "2"'),
        answer("502", b""),
        answer("200", NEW),
    ],
}  # fmt: skip


@pytest.mark.parametrize("answers", RESTS.values(), ids=RESTS)
def test_the_rest_of_the_same_goes_behind_it_and_all_else_begins_anew(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path, answers: list[bytes]
) -> None:
    scripted.answers = [first(), *answers]
    streamed(lambda reader: reader.save(tmp_path / "kept"), "GET", server.url)
    assert (tmp_path / "kept").read_bytes() in (OLD, NEW)
    assert not scripted.answers
    tags = [
        request.lower().partition(b"if-range: ")[2].partition(b"\r")[0]
        for request in server.requests
    ]
    assert set(tags[2:]) <= {b"", b'"1"', b'"2"'}


def test_what_a_redirect_led_to_is_taken_up_there(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path
) -> None:
    scripted.answers = [first(), rest("600-999/1000", OLD[600:])]
    with RawServer(redirecting_to(server.url)) as beside:
        streamed(
            lambda reader: reader.save(tmp_path / "kept"), "GET", beside.url, follow_redirects=True
        )
    assert (tmp_path / "kept").read_bytes() == OLD
    assert not scripted.answers


MISFITS = {
    "more than it says": rest("600-999/1000", OLD[600:] + b"more"),
    "more than there is": rest("600-1009/1000", OLD[600:] + b"0123456789"),
    "an end before its beginning": rest("600-599/1000", b""),
    "no number": rest("\xb2-999/1000", OLD[600:]),
    "a number without end": rest(f"600-{'9' * 5000}/{'9' * 5000}", OLD[600:]),
    "several parts": answer("206", b"--X", TAG, "Content-Type: multipart/byteranges; boundary=X"),
    "a redirect": answer("302", b"", "Location: /x"),
}


@pytest.mark.parametrize("misfit", MISFITS.values(), ids=MISFITS)
def test_what_is_no_rest_is_an_error(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path, misfit: bytes
) -> None:
    scripted.answers = [first(), misfit]
    with pytest.raises(onehttp.SaveError, match="the rest"):
        streamed(lambda reader: reader.save(tmp_path / "kept"), "GET", server.url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", ["408", "425", "429", "500", "503", "599"])
def test_a_server_that_cannot_is_asked_as_often_as_allowed(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path, status: str
) -> None:
    scripted.answers = [first(), *[answer(status, b"")] * 2]
    with pytest.raises(onehttp.SaveError, match=f"the rest .* answered {status}"):
        streamed(lambda reader: reader.save(tmp_path / "kept", resumes=2), "GET", server.url)
    asked = [b"Range: bytes=600-" in request for request in server.requests]
    assert asked == [False, True, True]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("timeout", "retry_after"), [(60, "3000"), (None, "4000")], ids=["the call", "any call"]
)
def test_a_download_is_not_resumed_if_retry_after_exceeds_the_limit(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path,
    timeout: float | None, retry_after: str,
) -> None:  # fmt: skip
    scripted.answers = [first(), answer("503", b"", f"Retry-After: {retry_after}")]
    with pytest.raises(onehttp.SaveError, match="answered 503"):
        streamed(lambda reader: reader.save(tmp_path / "kept"), "GET", server.url, timeout=timeout)
    assert not scripted.answers


@pytest.mark.parametrize(
    ("headers", "is_asked"),
    [
        ([TAG], True),
        ([DAY, LATER], True),
        ([DAY, "Date: Mon, 01 Jan 2024 00:00:00 GMT"], False),
        ([DAY], False),
        ([DAY, "Date: one day"], False),
        (['ETag: W/"1"', DAY, LATER], False),
        (['ETag: "\xe9"'], False),
    ],
    ids=["tag", "day", "same second", "no date", "no such date", "weak tag", "not ASCII"],
)
def test_only_a_strong_validator_is_trusted(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path,
    headers: list[str], is_asked: bool,
) -> None:  # fmt: skip
    scripted.answers = [first(*headers), rest("600-999/1000", OLD[600:], *headers)]
    try:
        streamed(lambda reader: reader.save(tmp_path / "kept"), "GET", server.url)
    except onehttp.DisconnectedError:
        assert not is_asked
    assert len(server.requests) == 1 + is_asked


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("POST", {"body": b"x"}),
        ("PUT", {"body": [b"x"]}),
        ("DELETE", {}),
        ("GET", {"body": [b"x"]}),
        ("GET", {"headers": {"Range": "bytes=0-"}}),
        ("GET", {"headers": {"if-range": '"1"'}}),
    ],
)
def test_what_must_not_be_asked_again_is_not(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path,
    method: str, call: dict[str, Any],
) -> None:  # fmt: skip
    scripted.answers = [first(), answer("200", OLD)]
    with pytest.raises(onehttp.DisconnectedError):
        streamed(lambda reader: reader.save(tmp_path / "kept"), method, server.url, **call)
    assert len(server.requests) == 1


def test_the_time_for_all_is_not_begun_anew(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scripted.answers = [first(), answer("200", OLD)]
    now = time.monotonic

    def late(reader: Reader) -> int:
        monkeypatch.setattr("onehttp.streams.stream_call.time.monotonic", lambda: now() + 61)
        try:
            return reader.save(tmp_path / "kept")
        finally:
            monkeypatch.undo()

    with pytest.raises(onehttp.TransferError):
        streamed(late, "GET", server.url, timeout=60)
    assert len(server.requests) == 1


def test_what_nobody_else_could_read_stays_so(
    streamed: Streamed, server: RawServer, scripted: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    scripted.answers = [answer("200", NEW)]
    streamed(lambda reader: reader.save(bytes(path)), "GET", server.url)
    assert path.read_bytes() == NEW
    assert path.stat().st_mode & 0o777 == 0o600


class Played:
    """A body of one version, as an honest server gives it: some of it, and then it breaks off."""

    is_decoding = False

    def __init__(self, script: list[tuple[int, int, bool]], asked: dict[str, str]) -> None:
        self._script = script
        version, breaks_after, honours = script.pop(0) if script else (0, 5000, True)
        whole = (OLD, NEW)[version]
        tag = f'"{version + 1}"'
        begin = int(asked.get("Range", "bytes=0-")[6:-1])
        is_rest = begin and begin < len(whole) and (not honours or asked["If-Range"] == tag)
        begin = begin if is_rest else 0
        self.status = 206 if is_rest else 200
        self.announced = len(whole) - begin
        place = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
        self.headers = Headers((("ETag", tag), ("Content-Range", place)))
        self._body = whole[begin : begin + breaks_after]

    def iter_bytes(self) -> Iterator[bytes]:
        yield self._body
        if len(self._body) < self.announced:
            raise onehttp.DisconnectedError("broken off")

    def again(self, headers: tuple[tuple[str, str], ...], failures: int, _: str) -> Any:
        return Reopened(self._script, dict(headers), failures)

    def close(self) -> None: ...


class Reopened:
    failing: Sequence[type[onehttp.TransferError]] = ()
    """What opening comes to, after so many failures."""

    def __init__(
        self, script: list[tuple[int, int, bool]], asked: dict[str, str], failures: int = 0
    ) -> None:
        self._script, self._asked, self._failures = script, asked, failures

    def open(self) -> Any:
        if self._failures < len(self.failing):
            raise self.failing[self._failures]("not now")
        return Played(self._script, self._asked)

    async def aopen(self) -> Any:
        raise NotImplementedError


@settings(deadline=None, max_examples=300)
@given(
    script=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1000), st.booleans()), min_size=1, max_size=6
    )
)
def test_a_resumed_file_never_mixes_two_versions(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[int, int, bool]]
) -> None:
    path = tmp_path_factory.mktemp("kept") / "file"
    try:
        save(Played(script, {}), path, resumes=6)
    except (onehttp.DisconnectedError, onehttp.SaveError):
        assert not path.exists()
    else:
        assert path.read_bytes() in (OLD, NEW)


def test_a_server_that_cannot_be_reached_for_a_while_is_asked_for_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [
        onehttp.ConnectError,
        onehttp.ResolveError,
        onehttp.DisconnectedError,
        onehttp.TimeoutError,
    ]
    monkeypatch.setattr(Reopened, "failing", failing)
    path = tmp_path / "file"
    with pytest.raises(onehttp.TimeoutError):
        save(Played([(0, 600, True), (0, 1000, True)], {}), path, resumes=4)
    assert not path.exists()
    save(Played([(0, 600, True), (0, 1000, True)], {}), path, resumes=5)
    assert path.read_bytes() == OLD
