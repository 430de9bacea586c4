"""The trace: one line for each step of a call, the same on both engines, and never a secret."""

from __future__ import annotations

import asyncio
import logging
import re
import threading

import pytest

from onehttp_backends.contract import Auth, Backend, Request, TransferOptions
from onehttp_backends.errors import TransferError
from onehttp_backends.registry import load
from servers.raw import RawServer, keep_answering

SECRET = "s3cr3t"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "onehttp.trace")
    return caplog


def steps(lines: pytest.LogCaptureFixture) -> list[str]:
    """The steps told so far, without number and time."""
    return [re.sub(r"^call \d+ \+[\d.]+ ms:? ", "", message) for message in lines.messages]


def test_a_call_that_connects_and_one_that_does_not_tell_their_steps(
    backend: Backend, lines: pytest.LogCaptureFixture
) -> None:
    with RawServer(keep_answering) as server:
        for _ in range(2):
            backend.perform(Request("GET", f"{server.url}/"))
    told = "\n".join(steps(lines))
    assert re.search(r"GET http://127\.0\.0\.1:\d+: begins", told)
    assert "connected to 127.0.0.1" in told
    assert "connection reused" in told
    assert told.count("sent; answered 200 over HTTP/1.1") == 2


def test_a_call_that_fails_tells_where_and_whether_it_was_sent(
    backend: Backend, lines: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TransferError):
        backend.perform(Request("GET", "http://127.0.0.1:1/"))
    assert steps(lines)[-1] == "failed with 7 (ConnectError) in phase connect; sent: no"


def test_every_way_of_calling_is_traced(backend: Backend, lines: pytest.LogCaptureFixture) -> None:
    with RawServer(keep_answering) as server:
        request = Request("GET", f"{server.url}/")
        asyncio.run(backend.aperform(request))
        done = threading.Event()
        backend.submit(request, lambda outcome: done.set())
        done.wait()
    assert sum("answered 200" in step for step in steps(lines)) == 2


def test_no_secret_is_in_a_trace(backend: Backend, lines: pytest.LogCaptureFixture) -> None:
    options = TransferOptions(auth=Auth(username="user", secret=SECRET))
    with RawServer(keep_answering) as server:
        url = f"{server.url}/{SECRET}?key={SECRET}"
        headers = (("X-Api-Key", SECRET),)
        backend.perform(Request("POST", url, headers, SECRET.encode(), options))
    assert lines.messages
    assert SECRET not in lines.text


def test_nothing_is_told_unless_asked_for(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "onehttp")
    with RawServer(keep_answering) as server:
        backend.perform(Request("GET", f"{server.url}/"))
    assert not caplog.messages


def test_the_engine_tells_who_drives(lines: pytest.LogCaptureFixture) -> None:
    engine = load("pycurl")()
    with RawServer(keep_answering) as server:
        request = Request("GET", f"{server.url}/")
        engine.perform(request)
        asyncio.run(engine.aperform(request))
    engine.close()
    told = [step for step in steps(lines) if step.startswith("driven")]
    assert told == ["driven by this thread", "driven by the event loop"]
