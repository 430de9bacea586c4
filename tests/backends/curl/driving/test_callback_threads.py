"""Callbacks run where no signal handler can cut them short: not in the main thread."""

from __future__ import annotations

from typing import Final

import pytest

from stand_ins.processes import output

SCRIPT: Final = """
import asyncio, threading
from onehttp_backends.contract import Request, Response
from onehttp_backends.curl import PycurlBackend
from servers.patience import PATIENCE_S
from servers.raw import RawServer, OK

both_are_there = threading.Barrier(2)

def behave(peer):
    while peer.request():
        both_are_there.wait(PATIENCE_S)
        peer.send(OK)

ended, ran_in = threading.Event(), []

def on_done(outcome):
    assert isinstance(outcome, Response), outcome
    ran_in.append(threading.current_thread())
    ended.set()

def block(): backend.perform(request)
def wait(): asyncio.run(backend.aperform(request))

backend = PycurlBackend()
with RawServer(behave) as server:
    request = Request("GET", server.url, total_timeout_s=PATIENCE_S)
    for _ in range(20):
        ended.clear()
        backend.submit(request, on_done)
        USE()
        assert ended.wait(PATIENCE_S)
    backend.close(0)
assert threading.main_thread() not in ran_in
"""


@pytest.mark.parametrize("use", ["block", "wait"])
def test_beside_a_main_thread_that_drives(use: str) -> None:
    output(SCRIPT.replace("USE()", f"{use}()"))
