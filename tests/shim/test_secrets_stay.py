"""What a call is given is seen by its server, and by nobody who looks at errors and values."""

from __future__ import annotations

import asyncio
import copy
import errno
import gzip
import io
import json
import pickle
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

import onehttp
from onehttp import Auth, ConnectionSpec, Proxy, Request, Tls, TransferOptions
from onehttp.streams.part_file import PartFile
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, answering, redirecting_to
from stand_ins.streams.reading import WAYS as STREAMED

CANARY = "c4n4ry"
GIVEN: dict[str, Any] = {
    "headers": {"X-Api-Key": CANARY},
    "params": {"token": CANARY},
    "body": CANARY.encode(),
    "auth": ("name", CANARY),
    "cookies": {"session": CANARY},
}
WRONG: dict[str, Any] = {
    "a header": {"headers": {"X-Api-Key": f"{CANARY}\r\n"}},
    "a length": {"headers": {"Content-Length": "1", "X": CANARY}, "body": CANARY},
    "params": {"params": {CANARY: object()}},
    "a body": {"body": [CANARY]},
    "json": {"json": {CANARY: object()}},
    "two bodies": {"body": CANARY, "form": {"a": CANARY}},
    "a keyword": {"bdoy": CANARY},
    "credentials": {"auth": (CANARY, 3)},
    "a token": {"auth": onehttp.Bearer(f"{CANARY} ")},
    "a source": {"auth": onehttp.TokenSource(lambda: f"{CANARY} ")},
    "a cookie": {"cookies": {"a": f"{CANARY};"}},
    "a path": {"path": {"a": CANARY}},
    "time": {"timeout": -1, "body": CANARY},
}


def closing(peer: Peer) -> None:
    peer.request()


@pytest.fixture(params=["nobody there", "cut", "redirected"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a server that gives no response."""
    if request.param == "nobody there":
        yield "http://127.0.0.1:1"
        return
    behaviour = (
        closing if request.param == "cut" else redirecting_to(f"http://h h/{CANARY}?{CANARY}")
    )
    with RawServer(behaviour) as server:
        yield server.url


def ways(path: str = f"/x?key={CANARY}") -> dict[str, Callable[[str, dict[str, Any]], object]]:
    """Of calling: with the URL of a server."""

    def connection() -> onehttp.Connection:
        return onehttp.connection("api")

    async def awaited(coroutine: Any) -> None:
        await coroutine

    def submitted(query: onehttp.Query) -> None:
        error = query.result(PATIENCE_S).error
        assert error is not None
        raise error

    return {
        "request": lambda url, call: onehttp.request("POST", url + path, **call),
        "request, plain": lambda url, call: onehttp.request("GET", url + path),
        "arequest": lambda url, call: asyncio.run(
            awaited(onehttp.arequest("POST", url + path, **call))
        ),
        "submit": lambda url, call: submitted(onehttp.submit("POST", url + path, **call)),
        "connection.get": lambda url, call: connection().get(path),
        "connection.post": lambda url, call: connection().post(path, **call),
        "connection.request": lambda url, call: connection().request("POST", path, **call),
        "connection.apost": lambda url, call: asyncio.run(
            awaited(connection().apost(path, **call))
        ),
        "connection.submit": lambda url, call: submitted(connection().submit("POST", path, **call)),
    }


@pytest.mark.parametrize("policies", [{}, {"retry": {"attempts": 2, "backoff": 0.001}}])
@pytest.mark.parametrize("way", ways())
def test_an_error_shows_nothing_of_what_a_call_was_given(
    engine: str, url: str, way: str, policies: dict[str, Any]
) -> None:
    file = file_of(url, redirects=3, **policies)
    file["requests"] = file["queries"] = {"redirects": 3}
    onehttp.init(file, backend=engine)
    assert CANARY not in shown_by(lambda: ways()[way](url, GIVEN))


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("way", sorted(set(ways()) - {"request, plain", "connection.get"}))
def test_no_error_about_an_argument_quotes_a_secret(engine: str, way: str, wrong: str) -> None:
    onehttp.init(file_of("http://127.0.0.1:1"), backend=engine)
    shown = shown_by(lambda: ways()[way]("http://127.0.0.1:1", WRONG[wrong]))
    # A name is named, which says what to mend; values are not.
    assert CANARY not in shown.replace(f"'{CANARY}'", "")


@pytest.mark.parametrize("way", ways())
def test_no_error_about_an_invalid_url_quotes_a_secret(engine: str, way: str) -> None:
    """Where the text of the URL ends and a query begins, nobody can say."""
    path = f"/ {CANARY}"
    onehttp.init(file_of("http://127.0.0.1:1"), backend=engine)
    assert CANARY not in shown_by(lambda: ways(path)[way]("http://127.0.0.1:1", {}))


@pytest.mark.parametrize("timeout", [2, "soon"])
def test_no_error_about_the_configuration_quotes_a_secret(timeout: object) -> None:
    file = file_of("http://h", auth={"username": "u", "password": CANARY}, timeout=timeout)
    file["connections"]["api"]["headers"] = {"X-Api-Key": CANARY}
    if timeout == 2:
        file["connections"]["api"]["failover"] = "nobody"
    assert CANARY not in shown_by(lambda: onehttp.init(file))
    onehttp.init()
    assert CANARY not in shown_by(lambda: onehttp.reload(file))


def test_no_error_about_a_response_quotes_a_secret(engine: str, bodied: RawServer) -> None:
    limits: dict[str, Any] = {"max_body": 4}
    file = file_of(bodied.url, **limits)
    file["requests"] = file["queries"] = limits
    onehttp.init(file, backend=engine)
    for way in ways().values():
        assert CANARY not in shown_by(lambda way=way: way(bodied.url, {}))  # type: ignore[misc]


def test_what_is_no_json_is_in_no_frame(bodied: RawServer) -> None:
    onehttp.init()
    response = onehttp.request("GET", bodied.url)
    with pytest.raises(json.JSONDecodeError) as caught:
        response.json()
    assert CANARY not in "".join(locals_of(caught.value.__traceback__))
    assert caught.value.doc == response.text


@pytest.fixture
def bodied() -> Iterator[RawServer]:
    """Answers with what nobody else is to see."""

    def answer(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + CANARY.encode())
            peer.socket.close()

    with RawServer(answer) as server:
        yield server


PIECE = CANARY.encode() * 20
CODED = gzip.compress(PIECE)
BREAKING_OFF = {
    "cut": b"Content-Length: 1000\r\n\r\n" + PIECE,
    "no gzip": b"Content-Encoding: gzip\r\n\r\n" + CODED[:10] + b"\xff" + PIECE,
    "gzip, cut": b"Content-Encoding: gzip\r\n\r\n" + CODED[:-4],
    "chunks, cut": b"Transfer-Encoding: chunked\r\n\r\n78\r\n" + PIECE + b"\r\n78",
    "no chunk": b"Transfer-Encoding: chunked\r\n\r\n78\r\n" + PIECE + b"\r\nx" + PIECE + b"\r\n",
    "large": b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + PIECE * 3,
}
READ = {
    "pieces": lambda reader, path: [*reader.iter("iter_bytes")],
    "chunks": lambda reader, path: [*reader.iter("iter_bytes", 50)],
    "text": lambda reader, path: [*reader.iter("iter_text")],
    "lines": lambda reader, path: [*reader.iter("iter_lines")],
    "short lines": lambda reader, path: [*reader.iter("iter_lines", max_line=50)],
    "whole": lambda reader, path: reader.read(),
    "saved": lambda reader, path: reader.save(path / "body", resumes=1),
}


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("way", STREAMED, ids=lambda way: way.__name__)
def test_no_error_about_a_body_that_is_read_shows_what_came_before(
    engine: str, tmp_path: Path, way: Callable[..., Any], read: str
) -> None:
    file = {"version": 1, "connections": {}, "requests": {"decompress": True}}
    onehttp.init(file, backend=engine)
    for rest in BREAKING_OFF.values():
        with RawServer(answering(b"HTTP/1.1 200 OK\r\n" + rest)) as server:
            call = partial(way, partial(READ[read], path=tmp_path), "GET", server.url, max_body=300)
            assert CANARY not in shown_by(call)


@pytest.mark.parametrize("way", STREAMED, ids=lambda way: way.__name__)
def test_no_error_about_a_full_disk_shows_what_was_to_be_written(
    engine: str, way: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, "no space")

    opening = PartFile.open

    def opened(part: PartFile) -> None:
        opening(part)
        part._opened.close()
        part._file = Full()

    monkeypatch.setattr(PartFile, "open", opened)
    onehttp.init(backend=engine)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 120\r\n\r\n" + PIECE
    with RawServer(answering(answer)) as server:
        shown = shown_by(partial(way, lambda r: r.save(tmp_path / "body"), "GET", server.url))
    assert "no space" in shown
    assert CANARY not in shown


def shown_by(call: Callable[[], object]) -> str:
    """What a tool for errors would tell of the error of ``call``, locals and all, of our frames."""
    with pytest.raises((onehttp.OnehttpError, TypeError)) as caught:
        call()
    found: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        found += [str(error), repr(error), *locals_of(error.__traceback__)]
        found += traceback.format_exception(error)
        if isinstance(error, onehttp.OnehttpError):
            found.append(pickle.dumps(error).decode("latin-1"))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = "\n".join(found).split("\n")
    # The line of source that this test itself calls from.
    return "\n".join(line for line in lines if "lambda" not in line)


def locals_of(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        frame = trace.tb_frame
        if "onehttp" in frame.f_globals.get("__name__", "").partition(".")[0]:
            for value in frame.f_locals.values():
                try:
                    yield repr(value)
                except Exception:  # noqa: BLE001 - of a frame that is being left
                    continue
        trace = trace.tb_next


VALUES = [
    Request(
        "POST",
        f"http://u:{CANARY}@h/p?key={CANARY}#{CANARY}",
        (("Authorization", CANARY),),
        CANARY.encode(),
        TransferOptions(
            auth=Auth(username=CANARY, secret=CANARY),
            proxy=Proxy(url=f"http://{CANARY}@p:1", username=CANARY, secret=CANARY),
            tls=Tls(key_password=CANARY),
        ),
    ),
    Proxy(url=f"{CANARY}:{CANARY}@p:1"),
    Auth(username=CANARY, secret=CANARY),
    Tls(key_password=CANARY),
    ConnectionSpec(
        name="api",
        url=f"http://h/?key={CANARY}",
        headers=(("X", CANARY),),
        params=(("x", CANARY),),
        options=TransferOptions(auth=Auth(username=CANARY, secret=CANARY)),
    ),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_shown_without_secrets_and_never_pickled(value: object) -> None:
    assert CANARY not in repr(value)
    assert CANARY not in str(value)
    assert CANARY not in f"{[value]}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(value)
    assert copy.deepcopy(value) is value
    assert copy.copy(value) is value


def test_options_with_credentials_are_not_pickled_either() -> None:
    with pytest.raises(TypeError, match="Auth is not pickled"):
        pickle.dumps(TransferOptions(auth=Auth(username="u", secret=CANARY)))
    assert pickle.loads(pickle.dumps(TransferOptions(reuse=False))).reuse is False


def file_of(url: str, **keys: Any) -> dict[str, Any]:
    return {"version": 1, "connections": {"api": {"url": url, **keys}}}
