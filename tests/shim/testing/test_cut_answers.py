"""Answers of the double that break off: what is told of them, as of a server that does the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp.testing import Double
from onehttp_backends.double import HttpxBackend
from servers.raw import OK, Peer, RawServer
from stand_ins.connected import one_connection
from stand_ins.streams.reading import WAYS as READING_WAYS
from stand_ins.streams.telling import WAYS, Told, told

BODY = b"0123456789"
TO_NEXT = {"Location": "/next"}


@dataclass(frozen=True)
class Case:
    """An answer to the first request, and by which connection it is asked for."""

    cut_after: int = 4
    status: int = 200
    body: bytes = BODY
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    connection: dict[str, Any] = field(default_factory=dict)

    def raw(self) -> bytes:
        """What a server sends of it."""
        body, lines = self.body[: self.cut_after], [f"HTTP/1.1 {self.status} "]
        if "Transfer-Encoding" in self.headers:
            body = b"%x\r\n%s" % (len(self.body), body)
        else:
            lines.append(f"Content-Length: {len(self.body)}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        return head if self.method == "HEAD" else head + body


CASES = {
    "within": Case(),
    "with the head": Case(0),
    "before the last byte": Case(9),
    "large": Case(123_456, body=BODY * 20_000),
    "an error": Case(status=503),
    "chunks": Case(headers={"Transfer-Encoding": "chunked"}),
    "to a POST": Case(method="POST"),
    "to a HEAD": Case(method="HEAD"),
    "announced to be too large": Case(connection={"max_body": 5}),
    "too large in chunks": Case(
        6, headers={"Transfer-Encoding": "chunked"}, connection={"max_body": 5}
    ),
    "small enough in chunks": Case(
        headers={"Transfer-Encoding": "chunked"}, connection={"max_body": 5}
    ),
    "too large before": Case(connection={"max_body": 3}),
    "too large, kept": Case(connection={"max_body": 3, "body_policy": "truncate"}),
    "as large as is kept": Case(connection={"max_body": 4, "body_policy": "truncate"}),
    "decompressed": Case(connection={"max_body": 5, "decompress": True}),
    "a redirect": Case(status=302, headers=TO_NEXT),
    "a redirect, followed": Case(status=302, headers=TO_NEXT, connection={"redirects": 3}),
    "a redirect to nowhere": Case(status=302, connection={"redirects": 3}),
    "another status with a place": Case(status=201, headers=TO_NEXT, connection={"redirects": 3}),
    "tried again": Case(connection={"retry": {"attempts": 2, "backoff": {"base": 0.001}}}),
}


def _by_server(ask: Callable[..., Told], case: Case) -> Told:
    left = [case.raw()]

    def behave(peer: Peer) -> None:
        if peer.request():
            peer.send(left.pop() if left else OK)

    with RawServer(behave) as server:
        onehttp.init(connections=one_connection(server.url, case.connection))
        return told(ask, case.method), server.targets


def _by_double(ask: Callable[..., Told], case: Case) -> Told:
    double = Double()
    url, method = "https://a.example", case.method
    kept: dict[str, Any] = {"status": case.status, "content": case.body, "times": 1}
    headers, after = case.headers, case.cut_after
    double.add(method, f"{url}/x", **kept, answer_headers=headers, cut_after=after)
    for path in ("/x", "/next"):
        double.add(method, f"{url}{path}", content=b"ok")
    backend = HttpxBackend(answers=double)
    onehttp.init(connections=one_connection(url, case.connection), backend=backend)
    found = told(ask, case.method)
    return found, [f"{each.request.method} {each.request.path}" for each in double.calls]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_told_is_what_the_engine_tells(way: str, case: Case) -> None:
    by_server = _by_server(WAYS[way], case)
    onehttp.shutdown()
    assert _by_double(WAYS[way], case) == by_server


@pytest.mark.parametrize("way", READING_WAYS, ids=lambda way: way.__name__)
def test_a_file_is_taken_up_where_the_answer_broke_off(
    way: Callable[..., Any], tmp_path: Path
) -> None:
    double, url = Double(), "https://a.example/x"
    double.get(url, content=BODY, answer_headers={"ETag": '"1"'}, cut_after=4, times=1)
    rest = {"ETag": '"1"', "Content-Range": "bytes 4-9/10"}
    asked = {"Range": "bytes=4-", "If-Range": '"1"'}
    route = double.get(url, headers=asked, status=206, content=BODY[4:], answer_headers=rest)
    onehttp.init(backend=HttpxBackend(answers=double))
    assert way(lambda reader: reader.save(tmp_path / "kept"), "GET", url) == len(BODY)
    assert (tmp_path / "kept").read_bytes() == BODY
    route.assert_called_once()


def test_a_cut_answer_breaks_off_for_each_call_and_counts_as_failed() -> None:
    double = Double()
    route = double.get("https://a.example/x", content=BODY, cut_after=4, delay_s=0.001)
    backend = HttpxBackend(answers=double)
    for _ in range(2):
        with pytest.raises(onehttp.DisconnectedError, match="6 bytes of the body to come"):
            backend.perform(onehttp.Request("GET", "https://a.example/x"))
    assert (backend.stats().failed, backend.stats().completed) == (2, 0)
    assert [call.response.body for call in route.calls if call.response] == [BODY[:4]] * 2
