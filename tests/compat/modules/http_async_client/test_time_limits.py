"""What ``timeout`` limits, and what ends a query that nothing else does."""

from __future__ import annotations

import pytest

from onehttp_compat.server import LegacyServer
from servers.holding import HoldingServer
from servers.raw import Peer, RawServer
from stand_ins.legacy.asking import Script, counters

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


def test_a_timeout_is_told_by_its_name_and_counted_apart(script: Script) -> None:
    with HoldingServer() as holding:
        script.new_message()
        script.set("timeout", 50)
        assert script.go_on(holding.url) == 0
    assert script.seen == [(0, "TIMEOUT", None)]
    assert counters(script.server) == {"requests": 1, "timeouts": 1}


def test_a_timeout_of_0_is_over_at_once(script: Script, web: RawServer) -> None:
    script.new_message()
    script.set("timeout", 0)
    assert script.go_on(web.url) == 0
    assert script.seen == [(0, "TIMEOUT", None)]
    assert web.requests == []


@pytest.mark.usefixtures("default_limits")
def test_timeout_limits_each_wait_unless_told_that_it_limits_the_whole(engine: str) -> None:
    settings = LegacyServer().http_async_client.pending.defaults
    idle = settings.options("idle", 300)
    total = settings.options("total", 300)
    assert (idle.idle_timeout_s, idle.total_timeout_s) == (0.5, 300)
    assert (total.idle_timeout_s, total.total_timeout_s) == (0, 0.5)


def test_a_server_that_drips_for_ever_meets_the_cap(engine: str) -> None:
    script = Script(LegacyServer(async_cap_s=0.3))
    with RawServer(dripping) as server:
        script.new_message()
        script.set("timeout", 60_000)
        script.go_on(server.url)
    assert script.seen == [(0, "TIMEOUT", None)]


def test_total_ends_what_idle_lets_go_on(engine: str) -> None:
    script = Script(LegacyServer(async_timeout="total"))
    with RawServer(dripping) as server:
        script.new_message()
        script.set("timeout", 300)
        script.go_on(server.url)
    assert script.seen == [(0, "TIMEOUT", None)]


def dripping(peer: Peer) -> None:
    """A body that never ends, byte by byte, until the client goes."""
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not peer.server.release.wait(0.02):
        peer.send(b".")
