"""Files in forms: the same bytes on every engine and way, read from where they are."""

from __future__ import annotations

import asyncio
import email.parser
import email.policy
import gc
import io
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pycurl
import pytest

import onehttp
from servers.patience import PATIENCE_S, until
from servers.raw import OK, Peer, RawServer, keep_answering
from stand_ins.calling import WAYS_TO_CALL, call, can_await

Part = tuple[str, str | None, str | None, bytes]
"""Name, file name, type, content."""


def parts_of(request: bytes) -> list[Part]:
    """The form of a request, as somebody else's parser reads it."""
    head, _, body = request.partition(b"\r\n\r\n")
    found = re.search(rb"(?im)^content-type: *(.*?)\r$", head + b"\r")
    assert found is not None
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + found[1] + b"\r\n\r\n" + body
    )
    assert message.get_content_type() == "multipart/form-data"
    parts = []
    for part in message.iter_parts():
        name: Any = part.get_param("name", header="content-disposition")
        content: Any = part.get_payload(decode=True)
        kind = part.get_content_type() if "content-type" in part else None
        parts.append((name, part.get_filename(), kind, content))
    return parts


def without_boundary(request: bytes) -> bytes:
    body = request.partition(b"\r\n\r\n")[2]
    boundary = body.partition(b"\r\n")[0].removeprefix(b"--")
    return body.replace(boundary, b"B")


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "some pic.png"
    made.write_bytes(b"\x89PNG" + bytes(range(256)))
    return made


def begun(server: RawServer, engine: str, **keys: Any) -> None:
    named = {"api": {"url": server.url, **keys}}
    onehttp.init({"version": 1, "connections": named}, backend=engine)


@pytest.mark.parametrize("way", WAYS_TO_CALL)
@pytest.mark.parametrize("policed", [{}, {"retry": 2}], ids=["plain", "policed"])
def test_a_form_with_files(
    way: str, policed: dict[str, Any], server: RawServer, engine: str, path: Path
) -> None:
    begun(server, engine, headers={"Content-Type": "text/own"}, content_type="x/y", **policed)
    content = path.read_bytes()
    with path.open("rb") as file:
        file.seek(4)
        files = {
            "a": path,
            "b": file,
            "c": b"bytes",
            "d": ("näme.txt", "text ü"),
            "e": ("x", io.BytesIO(b"in memory"), "application/sdp"),
        }
        response = call(
            way, server.url, "POST", files=files, form={"f": "1 2", "g": [True, None, "ü"]}
        )
    assert response.status == 200
    assert parts_of(server.requests[0]) == [
        ("f", None, None, b"1 2"),
        ("g", None, None, b"true"),
        ("g", None, None, "ü".encode()),
        ("a", "some pic.png", "image/png", content),
        ("b", "some pic.png", "image/png", content[4:]),
        ("c", "c", "application/octet-stream", b"bytes"),
        ("d", "näme.txt", "text/plain", "text ü".encode()),
        ("e", "x", "application/sdp", b"in memory"),
    ]


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_a_file_without_a_name_is_a_field(
    way: str, server: RawServer, engine: str, path: Path
) -> None:
    begun(server, engine)
    files = {"a": (None, "1"), "b": (None, b"{}", "application/json"), "c": (None, path)}
    assert call(way, server.url, "POST", files=files).status == 200
    assert parts_of(server.requests[0]) == [
        ("a", None, None, b"1"),
        ("b", None, "application/json", b"{}"),
        ("c", None, None, path.read_bytes()),
    ]


def test_a_form_has_the_same_bytes_as_libcurls(server: RawServer, api: str, path: Path) -> None:
    onehttp.request(
        "POST",
        server.url,
        form={"field": "value"},
        files=[("file", path), ("file", ('a"b\r\nc', b"x", "text/plain"))],
    )
    easy = pycurl.Curl()
    form = pycurl.CurlMime(easy)
    form.add_field("field", "value")
    form.add_file("file", str(path), content_type="image/png")
    form.add(name="file", data=b"x", filename='a"b\r\nc', content_type="text/plain")
    easy.setopt(pycurl.MIMEPOST, form)
    easy.setopt(pycurl.URL, server.url)
    easy.setopt(pycurl.WRITEFUNCTION, lambda _: None)
    easy.perform()
    ours, libcurls = map(without_boundary, server.requests)
    assert ours == libcurls


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_what_comes_in_pieces(way: str, engine: str) -> None:
    class Told(io.RawIOBase):
        """A file that is none of the system's."""

        def __init__(self) -> None:
            super().__init__()
            self.left = b"told" * 50_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            piece, self.left = self.left[: len(buffer)], self.left[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)

    given = {"a": io.BufferedReader(Told()), "b": ("b", io.BytesIO(b"x"))}
    with RawServer(dechunking) as server:
        begun(server, engine)
        assert call(way, server.url, "POST", files=given).status == 200
    assert server.requests[-1].count(b"told") == 50_000


def dechunking(peer: Peer) -> None:
    """Takes a body with a length or in chunks, and keeps it whole."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.socket.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        while not body.endswith(b"0\r\n\r\n"):
            body += peer.socket.recv(65536)
        whole = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            whole += body[: int(size, 16)]
            body = body[int(size, 16) + 2 :]
        body = whole
    else:
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += peer.socket.recv(65536)
    peer.server.requests.append(head + b"\r\n\r\n" + body)
    peer.send(OK)


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        await asyncio.sleep(0)
        yield b"piece"


@pytest.mark.parametrize("way", WAYS_TO_CALL)
def test_what_comes_in_a_loop_is_for_awaited_calls(way: str, engine: str) -> None:
    with RawServer(dechunking) as server:
        begun(server, engine)
        if can_await(way):
            assert call(way, server.url, "POST", files={"a": ("x", pieces())}).status == 200
            assert server.requests[0].count(b"piece") == 3
        else:
            with pytest.raises(onehttp.RequestError, match="awaited"):
                call(way, server.url, "POST", files={"a": ("x", pieces())})
            assert server.requests == []


@pytest.mark.parametrize("way", ["named", "named task"])
def test_a_redirect_and_a_refused_token_get_all_of_it_again(
    way: str, engine: str, path: Path
) -> None:
    answers = iter(
        [
            b"HTTP/1.1 307 On\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
            OK,
        ]
    )

    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(next(answers))

    tokens = iter(["one", "two"])
    with RawServer(behave) as server:
        begun(server, engine)
        response = call(
            way, server.url, "POST", files={"a": path}, follow_redirects=True,
            auth=onehttp.TokenSource(lambda: next(tokens)),
        )  # fmt: skip
    assert response.status == 200
    assert len({without_boundary(each) for each in server.requests}) == 1
    assert [b"Bearer two" in each for each in server.requests] == [False, False, True]


def test_a_file_is_read_while_the_form_is_sent(api: str, tmp_path: Path) -> None:
    """Of a file without blocks on the disk; whoever held it whole would need its size."""
    large = tmp_path / "large"
    size = 64 * 1024 * 1024
    with large.open("wb") as file:
        file.truncate(size)
    received = 0

    def counting(peer: Peer) -> None:
        nonlocal received
        end = b""
        while (received < size or end != b"--\r\n") and (piece := peer.socket.recv(1024 * 1024)):
            received += len(piece)
            end = (end + piece)[-4:]
        peer.send(OK)

    seen: list[onehttp.Progress] = []
    with RawServer(counting) as server:
        response = onehttp.request(
            "POST", server.url, files={"a": large}, timeout=PATIENCE_S, progress=seen.append
        )
    assert response.status == 200
    assert seen[-1].sent > size


def test_a_file_that_changes_meanwhile_is_an_error(api: str, path: Path) -> None:
    def change(_: onehttp.Request) -> None:
        path.write_bytes(b"short")

    onehttp.shutdown()
    onehttp.init(backend=api, hooks=onehttp.Hooks(on_attempt=change))
    with (
        RawServer(keep_answering) as server,
        path.open("rb") as file,
        pytest.raises(onehttp.UploadError, match="changed while it was sent"),
    ):
        onehttp.request("POST", server.url, files={"a": file}, timeout=PATIENCE_S)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"files": {"a": None}}, "'a': expected a path, a file, bytes or text, got NoneType"),
        ({"files": {"a": 3}}, "'a': expected"),
        ({"files": {"a": {"b": "c"}}}, "'a': expected a path, .* got dict"),
        ({"files": {"a": ["b"]}}, "'a': expected a path, .* got list"),
        ({"files": {"a": ("name",)}}, r"'a': expected \(filename, content\)"),
        ({"files": {"a": (3, b"x")}}, "'a': expected a file name as str, got int"),
        ({"files": {"a": ("x", b"x", "no type")}}, "'no type' is no type of content"),
        ({"files": {"a": ("x", b"x", "a/b\r\nX: y")}}, "is no type of content"),
        ({"files": {"a": io.StringIO("x")}}, "'a': a file of text; open it in binary mode"),
        ({"files": {"a": Path("/no/such/file")}}, "'a': cannot be opened: No such file"),
        ({"files": {"a": ("\ud800", b"x")}}, "character .* not encodable"),
        ({"files": {3: b"x"}}, "expected pairs of name and file"),
        ({"files": "x"}, "expected pairs of name and file"),
        ({"files": 3}, "expected pairs of name and file"),
        ({"files": {"a": b"x"}, "body": b"y"}, "give neither body= nor json="),
        ({"files": {"a": b"x"}, "json": [1]}, "give neither body= nor json="),
        ({"files": {"a": b"x"}, "headers": {"content-type": "x/y"}}, "leave it out"),
        ({"files": {"a": b"x" * 1000}, "max_upload": 1000}, "larger than max_upload, 1000 bytes"),
    ],
)
@pytest.mark.parametrize("way", ["request", "submit"])
def test_what_makes_no_form_is_refused(
    given: dict[str, Any], message: str, way: str, server: RawServer, engine: str
) -> None:
    begun(server, engine)
    with pytest.raises((onehttp.RequestError, onehttp.UploadError), match=message):
        call(way, server.url, "POST", **given)
    assert server.requests == []


def test_names_that_would_end_a_line_are_escaped(server: RawServer, api: str) -> None:
    onehttp.request("POST", server.url, files={'a"\r\nX: y': ('b"\r\n\r\n', b"x")})
    assert b'name="a%22%0D%0AX: y"; filename="b%22%0D%0A%0D%0A"' in server.requests[0]


@pytest.mark.parametrize("is_watched", [False, True])
def test_a_path_is_closed_again(
    is_watched: bool, server: RawServer, api: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if is_watched:
        caplog.set_level(logging.DEBUG, "onehttp.trace")

    def open_ones() -> int:
        return sum(
            os.path.exists(link) and os.path.realpath(link) == str(path)
            for link in (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
        )

    onehttp.request("POST", server.url, files={"a": path})
    query = onehttp.submit("POST", server.url, files={"a": path})
    assert query.result(PATIENCE_S).ok
    gc.collect()
    until(lambda: open_ones() == 0)  # its thread may have a last line to run
