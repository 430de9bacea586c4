"""Calls to names: what becomes of them in every way to wait, and that libcurl looks up none."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import ClassVar

import pycurl
import pytest

from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.libcurl import LIBCURL
from onehttp_backends.curl.names import lookups
from onehttp_backends.errors import (
    CancelledError,
    ConnectError,
    Phase,
    ResolveError,
    Sent,
    TimeoutError,
    TransferError,
)
from onehttp_backends.optional.naming import NameLimits
from servers.patience import PATIENCE_S
from servers.ports import free_port
from servers.raw import RawServer, keep_answering
from stand_ins.resolver import Resolver
from stand_ins.ways import Way, blocking

PATIENT = TransferOptions(total_timeout_s=PATIENCE_S, connect_timeout_s=PATIENCE_S)
HASTY = TransferOptions(total_timeout_s=0.1, connect_timeout_s=0)


def test_a_name_is_looked_up_once_for_all_calls_of_all_ways(
    engine: PycurlBackend, server: RawServer, resolver: Resolver, way: Way
) -> None:
    resolver.knows("good.example", "127.0.0.1")
    for host in ("good.example", "GOOD.example", "good.example"):
        outcome = way(engine, Request("GET", f"http://{host}:{server.port}/", options=PATIENT))
        assert isinstance(outcome, Response), outcome
    assert resolver.asked == ["good.example"]
    assert engine.stats().lookups == 1


def test_the_time_of_the_lookup_is_part_of_every_later_time(
    engine: PycurlBackend, server: RawServer, resolver: Resolver, way: Way
) -> None:
    resolver.knows("good.example", "127.0.0.1")
    outcome = way(engine, Request("GET", f"http://good.example:{server.port}/", options=PATIENT))
    assert isinstance(outcome, Response)
    timings = outcome.timings
    assert 0 < timings.lookup_us <= timings.connect_us <= timings.pretransfer_us
    assert timings.pretransfer_us <= timings.starttransfer_us <= timings.total_us
    assert (timings.appconnect_us, timings.redirect_us) == (0, 0)


@pytest.mark.parametrize(
    ("code", "asked"), [(socket.EAI_NONAME, 1), (socket.EAI_NODATA, 1), (socket.EAI_AGAIN, 2)]
)
def test_a_name_without_address_says_why_and_only_a_final_no_is_remembered(
    engine: PycurlBackend, resolver: Resolver, way: Way, code: int, asked: int
) -> None:
    resolver.fails("lost.example", code)
    for _ in range(2):
        outcome = way(engine, Request("GET", "http://lost.example/", options=PATIENT))
        assert isinstance(outcome, ResolveError)
        assert (outcome.code, outcome.phase, outcome.sent) == (6, Phase.LOOKUP, Sent.NO)
        assert f"Could not resolve host: lost.example (told to fail with {code})" in str(outcome)
    assert len(resolver.asked) == asked


def test_a_lookup_that_takes_longer_than_a_call_may_ends_only_that_call(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    outcome = way(engine, Request("GET", "http://dead.example/", options=HASTY))
    assert isinstance(outcome, TimeoutError)
    assert (outcome.code, outcome.phase, outcome.sent) == (28, Phase.LOOKUP, Sent.NO)
    assert "Resolving timed out after" in str(outcome)
    stats = engine.stats()
    assert (stats.in_flight, stats.lookups_in_flight) == (0, 1)


def test_the_time_limit_to_connect_counts_for_a_lookup_too(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    options = TransferOptions(total_timeout_s=0, connect_timeout_s=0.1)
    outcome = way(engine, Request("GET", "http://dead.example/", options=options))
    assert isinstance(outcome, TimeoutError)
    assert outcome.phase is Phase.LOOKUP


def test_an_idle_limit_ends_a_call_whose_lookup_hangs(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    options = TransferOptions(total_timeout_s=0, connect_timeout_s=0, idle_timeout_s=0.1)
    outcome = way(engine, Request("GET", "http://dead.example/", options=options))
    assert isinstance(outcome, TimeoutError)
    assert (outcome.phase, outcome.sent) == (Phase.LOOKUP, Sent.NO)
    assert "nothing moved" in str(outcome)


class Noting(pycurl.Curl):  # type: ignore[misc]
    """Notes the time limits it is given, in milliseconds."""

    limits: ClassVar[list[int]] = []

    def setopt(self, option: int, value: object) -> None:
        if option == pycurl.TIMEOUT_MS:
            assert isinstance(value, int)
            self.limits.append(value)
        super().setopt(option, value)


def test_a_handle_that_has_waited_for_a_name_has_all_its_time_for_the_next_call(
    engine: PycurlBackend,
    server: RawServer,
    resolver: Resolver,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LIBCURL, "easy", Noting)
    monkeypatch.setattr(Noting, "limits", [])
    resolver.knows("good.example", "127.0.0.1")
    request = Request("GET", f"http://good.example:{server.port}/", options=PATIENT)
    for _ in range(2):
        assert isinstance(way(engine, request), Response)
    _made, left, again = Noting.limits
    assert left <= again == PATIENCE_S * 1000


def test_what_is_cached_serves_every_port_of_a_host(
    engine: PycurlBackend, resolver: Resolver
) -> None:
    resolver.knows("good.example", "127.0.0.1")
    with RawServer(keep_answering) as one, RawServer(keep_answering) as other:
        for server in (one, other):
            engine.perform(Request("GET", f"http://good.example:{server.port}/", options=PATIENT))
    assert resolver.asked == ["good.example"]


def test_all_addresses_of_both_families_are_tried(
    engine: PycurlBackend, server: RawServer, resolver: Resolver, way: Way
) -> None:
    resolver.knows("both.example", "::1", "127.0.0.9", "127.0.0.1")
    request = Request("GET", f"http://both.example:{server.port}/", options=PATIENT)
    outcome = way(engine, request)
    assert isinstance(outcome, Response)
    assert outcome.peer.host == "127.0.0.1"


def test_each_connection_asks_for_the_family_that_it_wants(
    engine: PycurlBackend, server: RawServer, resolver: Resolver
) -> None:
    """libcurl's own cache has one place for both, and says no where the other family lies there."""
    resolver.knows("both.example", "::1", "127.0.0.1")
    url = f"http://both.example:{server.port}/"
    outcomes = []
    for ip_version in ("4", "6", "4", "any", "6"):
        options = TransferOptions(
            ip_version=ip_version,
            total_timeout_s=PATIENCE_S,
            reuse=False,
        )
        outcomes.append(blocking(engine, Request("GET", url, options=options)))
    served = [outcome.status if isinstance(outcome, Response) else 0 for outcome in outcomes]
    refused = [outcome.code for outcome in outcomes if isinstance(outcome, TransferError)]
    assert served == [200, 0, 200, 200, 0]
    assert refused == [7, 7]  # nobody listens on ::1


def test_a_call_that_is_cancelled_in_its_lookup_leaves_nothing_behind(
    engine: PycurlBackend, resolver: Resolver
) -> None:
    ended: list[object] = []
    transfer = engine.submit(Request("GET", "http://dead.example/", options=PATIENT), ended.append)
    resolver.wait_until_asked(1)

    async def cancelled() -> None:
        task = asyncio.ensure_future(
            engine.aperform(Request("GET", "http://dead.example/", options=PATIENT))
        )
        await asyncio.sleep(0)
        assert transfer.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        while engine.stats().in_flight:
            await asyncio.sleep(0.001)

    asyncio.run(cancelled())
    [outcome] = ended
    assert isinstance(outcome, CancelledError)
    assert outcome.sent is Sent.NO
    assert engine._start().engine.waits.open == {}


def test_closing_ends_what_waits_for_names(engine: PycurlBackend, resolver: Resolver) -> None:
    ended: list[object] = []
    for number in range(5):
        request = Request("GET", f"http://dead{number}.example/", options=PATIENT)
        engine.submit(request, ended.append)
    resolver.wait_until_asked(5)
    engine.close()
    assert [type(outcome) for outcome in ended] == [CancelledError] * 5


def test_a_kept_connection_is_used_without_asking_for_its_name_again(
    engine: PycurlBackend, server: RawServer, resolver: Resolver
) -> None:
    resolver.knows("good.example", "127.0.0.1")
    request = Request("GET", f"http://good.example:{server.port}/", options=PATIENT)
    engine.perform(request)
    resolver.holds("good.example")
    engine.limit_names(NameLimits())  # all is forgotten
    for way in (blocking,):
        outcome = way(engine, request)
        assert isinstance(outcome, Response)
        assert outcome.is_reused
    assert resolver.asked == ["good.example"]


def test_addresses_are_forgotten_at_once(
    engine: PycurlBackend, server: RawServer, resolver: Resolver, way: Way
) -> None:
    options = TransferOptions(total_timeout_s=PATIENCE_S, reuse=False)
    request = Request("GET", f"http://good.example:{server.port}/", options=options)
    resolver.knows("good.example", "127.0.0.1")
    assert isinstance(way(engine, request), Response)
    resolver.fails("good.example", socket.EAI_NONAME)
    engine.limit_names(NameLimits())
    assert isinstance(way(engine, request), ResolveError)


def test_a_refused_address_that_was_cached_is_asked_for_again(
    engine: PycurlBackend, resolver: Resolver, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "REASK_S", 0.0)
    options = TransferOptions(total_timeout_s=PATIENCE_S, reuse=False)
    resolver.knows("moving.example", "127.0.0.1")
    with RawServer(keep_answering) as server:
        request = Request("GET", f"http://moving.example:{server.port}/", options=options)
        assert isinstance(way(engine, request), Response)
        resolver.knows("moving.example", "127.0.0.9", "127.0.0.1")
        engine.limit_names(NameLimits())
        resolver.knows("moving.example", "127.0.0.9")
        assert isinstance(way(engine, request), ConnectError)
        resolver.knows("moving.example", "127.0.0.1")
        assert isinstance(way(engine, request), Response)


def test_a_server_that_is_down_is_not_asked_for_at_every_call(
    engine: PycurlBackend, resolver: Resolver, way: Way
) -> None:
    resolver.knows("down.example", "127.0.0.1")
    request = Request("GET", f"http://down.example:{free_port()}/", options=PATIENT)
    begun = time.monotonic()
    for _ in range(5):
        assert isinstance(way(engine, request), ConnectError)
    assert len(resolver.asked) <= 2 + time.monotonic() - begun
