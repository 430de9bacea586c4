"""Rows 19 to 26: what goes wrong with names, asked of a real name server of our own.

Each script runs in a network and with a resolver configuration of its own. In each row a call to
another name, or to none, is served meanwhile.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from stand_ins import processes
from stand_ins.lookups_in_process import succeeds


def test_19_a_name_without_address_is_remembered_and_a_failing_server_is_not(
    tmp_path: Path,
) -> None:
    succeeds(
        """
        names.zone.update({
            "missing.example": NXDOMAIN, "empty.example": EMPTY, "failing.example": SERVFAIL,
        })
        for name, is_remembered in (("missing", True), ("empty", True), ("failing", False)):
            name += ".example"
            for _ in range(3):
                outcome = get(name)
                assert isinstance(outcome, ResolveError), outcome
                assert (outcome.code, outcome.phase, outcome.sent) == (6, Phase.LOOKUP, Sent.NO)
            asked_once = names.count(name) // (2 if name.startswith("failing") else 1)
            assert (asked_once == 1) is is_remembered, names.queries
        assert backend.stats().lookups == 1 + 1 + 3
        is_served()
        """,
        tmp_path,
    )


def test_20_a_name_that_nobody_answers_for_costs_its_own_calls_only(tmp_path: Path) -> None:
    succeeds(
        """
        transfers, ended = dead(1)
        is_served()
        outcome = get("dead0.example", total_timeout_s=0.2)
        assert isinstance(outcome, TimeoutError), outcome
        assert (outcome.code, outcome.phase, outcome.sent) == (28, Phase.LOOKUP, Sent.NO)
        is_served()
        assert ended.empty()
        stats = backend.stats()
        assert (stats.in_flight, stats.lookups_in_flight) == (1, 1), stats
        transfers[0].cancel()
        assert isinstance(ended.get(timeout=PATIENCE_S), CancelledError)
        """,
        tmp_path,
    )


@pytest.mark.parametrize("count", [10, 20, 40, 200])
def test_21_dead_names_stop_no_other(tmp_path: Path, count: int) -> None:
    """No limit, no clock: the good ones are served while each of the dead is being asked for."""
    succeeds(
        f"""
        transfers, ended = dead({count})
        before = descriptors()
        for way in WAYS:
            for name in ("good.example", "filed.example"):
                request = Request("GET", f"http://{{name}}:{{server.port}}/", options=ANEW)
                outcome = way(backend, request)
                assert isinstance(outcome, Response), outcome
            backend.limit_names(NameLimits())
        assert ended.empty()
        while backend.stats().lookups_in_flight > {count}:
            time.sleep(0.001)  # a thread ends a little after it has told
        stats = backend.stats()
        assert (stats.in_flight, stats.lookups_in_flight) == ({count}, {count}), stats
        assert descriptors() <= before + 8, "one epoll set and timer for a loop, sockets of others"
        for transfer in transfers:
            transfer.cancel()
        for _ in transfers:
            assert isinstance(ended.get(timeout=PATIENCE_S), CancelledError)
        """,
        tmp_path,
    )


@pytest.mark.parametrize("how", ["backend.close(1.0)", "sys.exit(0)", "gc.collect()"])
def test_22_closing_and_exiting_wait_for_no_lookup(tmp_path: Path, how: str) -> None:
    """The lookups give up after 150 s, the whole script after 100."""
    succeeds(
        f"""
        transfers, ended = dead(3)
        assert isinstance(get("dead0.example", total_timeout_s=0.1), TimeoutError)
        for way in WAYS[:2]:
            way(backend, Request("GET", "http://dead4.example/", total_timeout_s=0.1))
        del transfers
        {how}
        """,
        tmp_path,
        timeout_s=100,
    )


def test_23_an_address_is_used_for_its_time_and_after_a_reload_not_at_all(
    tmp_path: Path,
) -> None:
    succeeds(
        """
        answer_at("127.0.0.5")

        def address():
            outcome = get("flips.example")
            assert isinstance(outcome, Response), outcome
            return outcome.peer.host

        backend.limit_names(NameLimits(cache_s=1000))
        names.zone["flips.example"] = ["127.0.0.1"]
        assert address() == "127.0.0.1"
        names.zone["flips.example"] = ["127.0.0.5"]
        assert address() == "127.0.0.1"
        real = backend.names.now
        backend.names.now = lambda: real() + 900
        assert address() == "127.0.0.1"
        backend.names.now = lambda: real() + 1000
        while address() == "127.0.0.1":  # libcurl itself remembers for a second
            pass
        names.zone["flips.example"] = ["127.0.0.1"]
        assert address() == "127.0.0.5"
        backend.limit_names(NameLimits(cache_s=1000))
        assert address() == "127.0.0.1"
        assert backend.stats().lookups == 3
        """,
        tmp_path,
    )


@pytest.mark.parametrize("failure", ["SERVFAIL", "SILENT"])
def test_23_an_old_address_serves_while_no_name_server_answers(
    tmp_path: Path, failure: str
) -> None:
    succeeds(
        f"""
        backend.limit_names(NameLimits(cache_s=1, stale_s=1000))
        is_served()
        names.zone["good.example"] = {failure}
        real = backend.names.now
        backend.names.now = lambda: real() + 500
        lookups = backend.stats().lookups
        while backend.stats().lookups == lookups:  # libcurl itself remembers for a second
            is_served()
        is_served()
        backend.limit_names(NameLimits(cache_s=1, stale_s=0))
        assert not isinstance(get("good.example", total_timeout_s=0.2), Response)
        is_served("filed.example")
        """,
        tmp_path,
    )


def test_24_a_name_that_turns_to_loopback_is_refused(tmp_path: Path) -> None:
    """Public on the first query, this host on the second: the address itself is looked at."""
    succeeds(
        """
        PUBLIC = "93.184.216.34"
        raise_loopback(PUBLIC)
        names.zone["rebound.example"] = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
        names.zone["both.example"] = ["127.0.0.1", PUBLIC]
        answer_at(PUBLIC)

        for way in WAYS:
            names.queries.clear()
            backend.limit_names(NameLimits())
            options = TransferOptions(peers="public", reuse=False)
            request = Request("GET", f"http://rebound.example:{server.port}/", options=options)
            outcome = way(backend, request)
            assert isinstance(outcome, Response) and outcome.peer.host == PUBLIC, outcome
            backend.limit_names(NameLimits())
            outcome = way(backend, request)
            assert isinstance(outcome, PeerRefusedError), outcome
            assert outcome.sent is Sent.NO
            assert names.count("rebound.example") == 2, "one address for all of a call"
        outcome = get("both.example", peers="public")
        assert isinstance(outcome, (Response, PeerRefusedError)), outcome
        assert server.connections == 0
        """,
        tmp_path,
    )


def test_25_dead_addresses_before_the_good_one_cost_no_call(tmp_path: Path) -> None:
    succeeds(
        """
        dead = [f"127.0.1.{number}" for number in range(1, 50)]
        names.zone["many.example"] = [*dead, "127.0.0.1"]
        for way in WAYS:
            request = Request("GET", f"http://many.example:{server.port}/", options=ANEW)
            outcome = way(backend, request)
            assert isinstance(outcome, Response) and outcome.peer.host == "127.0.0.1", outcome
        assert backend.stats().lookups == 1
        """,
        tmp_path,
    )


ODD = {
    "good.example.": 200,
    "GOOD.example": 200,
    "b\u00fccher.example": 3,
    "a..example": 6,
    ".example": 6,
    "a" * 64 + ".example": 6,
    ".".join(["a" * 60] * 5): 6,
    "-": 6,
    "08.8.8.8": 6,
}


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_26_odd_names_are_served_or_refused_alike(tmp_path: Path, engine: str) -> None:
    succeeds(
        f"""
        from onehttp_backends.registry import load
        names.zone.update(dict.fromkeys(("", "a..example", ".example", "-"), NXDOMAIN))
        names.zone["08.8.8.8"] = NXDOMAIN
        for host, code in {ODD!r}.items():
            engine = load({engine!r})()
            outcome = get(host, backend=engine)
            found = outcome.status if isinstance(outcome, Response) else outcome.code
            assert found == code, (host, outcome)
            is_served()
            engine.close()
        """,
        tmp_path,
    )


def test_processes_of_their_own_are_asserted_on() -> None:
    """A script that fails is a test that fails."""
    with pytest.raises(AssertionError):
        processes.output("raise SystemExit(1)")
