"""A body that has to be sent once more: it is, or its call says that it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onehttp
from servers.raw import RawServer
from stand_ins.streams.uploads import (
    PIECES,
    REPEATABLE,
    SOURCES,
    WHOLE,
    Uploads,
    generated,
)

# ---- again, by rule


def redirect(status: int) -> bytes:
    return b"HTTP/1.1 %d X\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n" % status


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("name", SOURCES)
def test_a_redirect_sends_the_body_again_or_says_that_it_cannot(
    name: str, status: int, sent: Callable[..., Any], tmp_path: Path
) -> None:
    taken = Uploads(redirect(status))
    body = SOURCES[name][0](tmp_path)
    with RawServer(taken) as server:
        if name in REPEATABLE:
            assert sent("POST", server.url, body=body, follow_redirects=True).status == 200
            assert [request.body for request in taken.asked] == [WHOLE, WHOLE]
            assert taken.asked[1].line == "POST /there HTTP/1.1"
        else:
            with pytest.raises(onehttp.UploadError, match="only once") as caught:
                sent("POST", server.url, body=body, follow_redirects=True)
            assert (caught.value.code, caught.value.sent) == (65, onehttp.Sent.YES)
            assert len(taken.asked) == 1
    if name == "file":
        body.close()


def test_a_redirect_to_get_drops_the_body(sent: Callable[..., Any]) -> None:
    taken = Uploads(redirect(303))
    with RawServer(taken) as server:
        sent("POST", server.url, body=iter(PIECES), follow_redirects=True)
    assert (taken.asked[1].line, taken.asked[1].body) == ("GET /there HTTP/1.1", b"")


@pytest.mark.parametrize("name", SOURCES)
def test_a_retry_sends_the_body_again_or_is_none(name: str, engine: str, tmp_path: Path) -> None:
    taken = Uploads(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    body = SOURCES[name][0](tmp_path)
    with RawServer(taken) as server:
        retry = {"attempts": 2, "backoff": {"base": 0.001}}
        named = {"api": {"url": server.url, "retry": retry}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        response = onehttp.connection("api").put(body=body)
    assert response.status == (200 if name in REPEATABLE else 503)
    assert {request.body for request in taken.asked} == {WHOLE}
    assert len(taken.asked) == (2 if name in REPEATABLE else 1)
    if name == "file":
        body.close()


def test_what_was_not_begun_can_be_sent_once_more_whatever_it_is(engine: str) -> None:
    taken = Uploads()
    with RawServer(taken) as server:
        named = {"api": {"url": "http://127.0.0.1:1", "failover": "b"}, "b": {"url": server.url}}
        onehttp.init({"version": 1, "connections": named}, backend=engine)
        assert onehttp.connection("api").put(body=generated()).status == 200
    assert taken.asked[0].body == WHOLE
