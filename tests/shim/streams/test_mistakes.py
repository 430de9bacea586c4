"""Arguments that are none, threads beside each other, and processes that fork while one reads."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import RawServer
from stand_ins.streams.reading import giving

WHOLE = os.urandom(4 << 20)

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"timeout": "2"}, "timeout: expected seconds"),
    ({"timeout": -1}, "timeout: expected seconds"),
    ({"timeout": onehttp.Timeout(idle_s="x")}, "timeout: idle_s"),  # type: ignore[arg-type]
    ({"max_body": "x"}, "max_body"),
    ({"body": b"x", "max_upload": -1}, "max_upload"),
    ({"body": [b"x"], "max_upload": "x"}, "max_upload"),
    ({"body": [b"x"], "json": {}}, "only one of"),
    ({"body": [b"x"], "headers": 5}, "headers: expected pairs"),
    ({"body": [b"x"], "progress": 5}, "progress: expected a function"),
    *(
        ({"body": [b"x"], "headers": [("Content-Length", each)]}, "header Content-Length")
        for each in ("-1", "+1", "x", "", "1_0", "1.0", "0x1", "\u0661", "9" * 19, "9" * 5000)
    ),
    ({"body": [b"x"], "headers": [("Content-Length", "1"), ("content-length", "2")]}, "once"),
    ({"body": [b"x"], "headers": {"Transfer-Encoding": "gzip, chunked"}}, "Transfer-Encoding"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=lambda each: str(each)[:40])
def test_a_wrong_argument_is_named_and_nothing_sent(
    api: str, call: dict[str, Any], message: str
) -> None:
    with RawServer(giving(b"x")) as server:
        with pytest.raises(onehttp.RequestError, match=message):
            onehttp.stream("PUT", server.url, **call).__enter__()
        assert server.connections == 0


def test_many_threads_read_at_once(api: str) -> None:
    found: list[bool] = []

    def read(url: str) -> None:
        with onehttp.stream("GET", url) as response:
            found.append(response.read() == WHOLE)

    with RawServer(giving(WHOLE)) as server:
        threads = [threading.Thread(target=read, args=(server.url,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert found == [True] * 8


def test_what_a_parent_reads_is_not_its_childs(api: str) -> None:
    with RawServer(giving(WHOLE)) as s, onehttp.stream("GET", s.url) as response:
        pieces = response.iter_bytes()
        read = len(next(pieces))
        child = os.fork()
        if not child:
            try:
                list(pieces)
            except onehttp.CancelledError:
                os._exit(onehttp.request("GET", s.url).body != WHOLE)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert read + sum(map(len, pieces)) == len(WHOLE)
