"""Forks with queries in flight: they stay the parent's, and the child has queries of its own."""

from __future__ import annotations

import textwrap

import pytest

from stand_ins import processes

PREAMBLE = """
import asyncio, functools, os, signal, sys, threading
import onehttp
from onehttp.testing import FakeTransactionLayer
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S, end_if_it_hangs
from servers.raw import RawServer, keep_answering
from stand_ins.processes import child as fork


child = functools.partial(fork, leave=os._exit)

def query_of_its_own():
    message = FakeTransactionLayer().new()
    ran = threading.Event()
    def route(result):
        assert result.ok, result.error
        message.reply(200, "OK")
        ran.set()
    with RawServer(keep_answering) as server, onehttp.transaction(message):
        onehttp.submit("GET", server.url, route=route, timeout=PATIENCE_S)
        assert ran.wait(PATIENCE_S)
    assert message.responses == ["200 OK"]

def no_query_counted():
    stats = onehttp.query_stats()
    assert (stats.submitted, stats.open, stats.suspended) == (0, 0, 0), stats

onehttp.init(backend={engine!r})
query_of_its_own()  # a fork while another thread imports leaves the import lock to nobody
"""


def succeeds(script: str, engine: str) -> None:
    """Run a script in a fresh interpreter."""
    processes.output(PREAMBLE.format(engine=engine) + textwrap.dedent(script))


def test_queries_in_flight_stay_the_parents(engine: str) -> None:
    succeeds(
        """
        layer = FakeTransactionLayer()
        messages = [layer.new() for _ in range(20)]
        queries = []
        with HoldingServer() as server:
            for number, message in enumerate(messages):
                with onehttp.transaction(message):
                    route = lambda result, message=message: message.reply(200, "OK")
                    queries.append(onehttp.submit("GET", f"{server.url}/{number}", route=route))
                server.arrival(f"/{number}")
            def work():
                no_query_counted()
                for query in queries:
                    assert isinstance(query.result(0).error, onehttp.CancelledError)
                    assert not query.cancel()
                assert all(not message.is_answered for message in messages)
                query_of_its_own()
                assert onehttp.shutdown(PATIENCE_S) == onehttp.ShutdownReport()
            assert child(work) == 0
            for number in range(20):
                server.arrival(f"/{number}").answer()
            assert layer.wait(lambda: all(message.is_left for message in messages), PATIENCE_S)
        assert all(message.responses == ["200 OK"] for message in messages)
        onehttp.shutdown(PATIENCE_S)
        """,
        engine,
    )


@pytest.mark.parametrize("end", ["os._exit(0)", "return", "raise ZeroDivisionError"])
def test_a_route_may_fork_and_both_go_on(engine: str, end: str) -> None:
    succeeds(
        f"""
        layer = FakeTransactionLayer()
        message = layer.new()
        statuses = []

        def route(result):
            pid = os.fork()
            if pid == 0:
                end_if_it_hangs()
                try:
                    no_query_counted()
                    query_of_its_own()
                except BaseException as error:
                    print("child:", repr(error), flush=True)
                    os._exit(1)
                {end}
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            message.reply(200, "OK")

        with RawServer(keep_answering) as server, onehttp.transaction(message):
            onehttp.submit("GET", server.url, route=route, timeout=PATIENCE_S)
            assert layer.wait(lambda: message.is_left, 2 * PATIENCE_S)
        assert message.responses == ["200 OK"]
        assert statuses == [0], statuses
        queries = onehttp.api.process.runtime.queries
        assert onehttp.shutdown(PATIENCE_S).still_open == 0
        assert (queries.stats().completed, queries.stats().resumed) == (2, 2)
        """,
        engine,
    )


def test_who_waits_for_a_query_in_a_forked_child_is_woken(engine: str) -> None:
    """The only thread that can: the one that forks, in a signal handler."""
    succeeds(
        """
        asked, children, forked = [], [], threading.Event()

        def fork(*_):
            if asked:
                return
            asked.append(True)
            children.append(os.fork())
            if not children[0]:
                end_if_it_hangs()
            else:
                forked.set()
                assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
                server.arrival("/a").answer()

        signal.signal(signal.SIGUSR1, fork)
        with HoldingServer() as server:
            query = onehttp.submit("GET", f"{server.url}/a", timeout=PATIENCE_S)
            server.arrival("/a")

            def interrupt():
                while not query._wakers:
                    pass
                # One that comes just before the thread blocks is handled when it wakes up.
                while not forked.is_set():
                    os.kill(os.getpid(), signal.SIGUSR1)
                    forked.wait(0.05)

            threading.Thread(target=interrupt).start()
            result = query.result()
            if not children[0]:
                os._exit(0 if isinstance(result.error, onehttp.CancelledError) else 1)
            assert result.ok
        """,
        engine,
    )


def test_forks_while_other_threads_submit_and_wait() -> None:
    """Of pycurl only: httpcore imports inside each call, and a fork in that moment leaves
    Python's import lock to nobody in the child."""
    succeeds(
        """
        stop = threading.Event()
        with RawServer(keep_answering) as server:
            def submit():
                while not stop.is_set():
                    query = onehttp.submit("GET", server.url, route=lambda _: None)
                    assert query.result(PATIENCE_S) is not None
            threads = [threading.Thread(target=submit) for _ in range(4)]
            for thread in threads:
                thread.start()
            statuses = [child(query_of_its_own) for _ in range(20)]
            stop.set()
            for thread in threads:
                thread.join()
        assert statuses == [0] * 20, statuses
        queries = onehttp.api.process.runtime.queries
        onehttp.shutdown(PATIENCE_S)
        stats = queries.stats()
        assert stats.submitted == stats.completed == stats.routes_run, stats
        """,
        "pycurl",
    )
