"""Forks, exits, hanging lookups and Ctrl-C: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from stand_ins import processes

PREAMBLE = """
import asyncio, gc, os, signal, socket, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.registry import load
from onehttp_backends.errors import TransferError
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering, silent, Peer, OK
from stand_ins.processes import child

backend = load({engine!r})()
"""


@pytest.fixture(params=["pycurl", "httpx"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine; the test runs once with each."""
    name: str = request.param
    return name


def succeeds(script: str, engine: str) -> str:
    """What a script with an engine prints."""
    return processes.output(PREAMBLE.format(engine=engine) + textwrap.dedent(script))


WORKS = (
    "pass",
    "backend.perform(Request('GET', f'http://127.0.0.1:{server.port}/'))",
    "backend.close()",
    "gc.collect()",
    "os.execv(sys.executable, [sys.executable, '-S', '-c', ''])",
)


def test_children_forked_after_a_lookup_end_normally(engine: str) -> None:
    out = succeeds(
        f"""
        for work in {WORKS!r}:
            backend = load({engine!r})()
            with RawServer(keep_answering) as server:
                # A name: its lookup leaves resolver threads that a forked child does not have.
                host = socket.gethostname()
                try:
                    backend.perform(Request("GET", f"http://{{host}}:{{server.port}}/"))
                except TransferError as error:
                    print("the host's own name does not lead to loopback:", error)
                assert child(lambda: exec(work)) == 0, work
                url = f"http://127.0.0.1:{{server.port}}/"
                assert backend.perform(Request("GET", url)).status == 200, work
            backend.close()
        """,
        engine,
    )
    assert "child:" not in out


def test_a_fork_with_transfers_in_flight_leaves_them_to_the_parent(engine: str) -> None:
    succeeds(
        """
        def late(peer):
            while peer.request():
                peer.server.release.wait(0.2)
                peer.send(OK)

        ended = threading.Semaphore(0)
        outcomes = []
        def on_done(outcome):
            outcomes.append(outcome)
            ended.release()

        with RawServer(late) as server, RawServer(keep_answering) as quick:
            # A fork while another thread imports leaves the import lock to nobody.
            assert backend.perform(Request("GET", quick.url)).status == 200
            for _ in range(50):
                backend.submit(Request("GET", server.url, total_timeout_s=PATIENCE_S), on_done)
            def work():
                response = backend.perform(Request("GET", quick.url))
                assert response.status == 200
                assert backend.stats().transfers == 1, backend.stats()
            assert child(work) == 0
            for _ in range(50):
                assert ended.acquire(timeout=PATIENCE_S)
        assert all(isinstance(outcome, Response) for outcome in outcomes), outcomes
        """,
        engine,
    )


def test_a_fork_while_other_threads_drive() -> None:
    """Of pycurl only: httpcore imports inside each call, and a fork in that moment leaves
    Python's import lock to nobody in the child."""
    succeeds(
        """
        sys.setswitchinterval(1e-6)
        stop = threading.Event()
        failures = []
        def hammer(url):
            while not stop.is_set():
                try:
                    backend.perform(Request("GET", url, total_timeout_s=PATIENCE_S))
                except TransferError as error:
                    failures.append(error)

        with RawServer(keep_answering) as server:
            threads = [threading.Thread(target=hammer, args=(server.url,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            def work():
                sys.setswitchinterval(0.005)
                assert backend.perform(Request("GET", server.url)).status == 200
            codes = [child(work) for _ in range(10)]
            stop.set()
            for thread in threads:
                thread.join(PATIENCE_S)
        assert codes == [0] * 10, codes
        assert not failures, failures
        """,
        "pycurl",
    )


def test_a_fork_inside_a_callback(engine: str) -> None:
    succeeds(
        """
        codes = []
        ended = threading.Semaphore(0)
        def on_done(outcome):
            codes.append(child(lambda: None))
            ended.release()
        with RawServer(keep_answering) as server:
            for _ in range(3):
                backend.submit(Request("GET", server.url), on_done)
            for _ in range(3):
                assert ended.acquire(timeout=PATIENCE_S)
            assert codes == [0, 0, 0], codes
            assert backend.perform(Request("GET", server.url)).status == 200
        """,
        engine,
    )


def test_ctrl_c_ends_a_blocking_call_and_spares_the_others(engine: str) -> None:
    succeeds(
        """
        def reading(peer):
            while peer.request():
                may_answer.wait(PATIENCE_S)
                peer.send(OK)

        def interrupt():
            while len(server.requests) <= others:
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGINT)

        with RawServer(reading) as server, RawServer(keep_answering) as good:
            for others in (0, 3):
                server.requests.clear()
                may_answer = threading.Event()
                answered = []
                def other():
                    answered.append(backend.perform(Request("GET", server.url)).status)
                threads = [threading.Thread(target=other) for _ in range(others)]
                for thread in threads:
                    thread.start()
                threading.Thread(target=interrupt).start()
                try:
                    backend.perform(Request("GET", server.url))
                except KeyboardInterrupt:
                    pass
                else:
                    raise SystemExit("not interrupted")
                assert backend.perform(Request("GET", good.url)).status == 200
                may_answer.set()
                for thread in threads:
                    thread.join(PATIENCE_S)
                assert answered == [200] * others, answered
            assert backend.stats().in_flight == 0
        """,
        engine,
    )


def test_the_interpreter_exits_with_transfers_in_flight(engine: str) -> None:
    done = processes.run(
        PREAMBLE.format(engine=engine)
        + textwrap.dedent("""
        server = RawServer(silent).__enter__()
        for _ in range(20):
            backend.submit(Request("GET", server.url, total_timeout_s=600), lambda outcome: None)
        def blocking():
            try:
                backend.perform(Request("GET", server.url, total_timeout_s=600))
            except TransferError:
                pass
        threading.Thread(target=blocking, daemon=True).start()
        while backend.stats().in_flight < 21:
            time.sleep(0.002)
        sys.exit(7)
        """)
    )
    assert done.returncode == 7
    assert "Traceback" not in done.stderr


SILENT_DNS = """
mount -t tmpfs none {folder} &&
printf 'nameserver 127.0.0.2\\noptions timeout:30 attempts:5\\n' > {folder}/resolv.conf &&
mount --bind {folder}/resolv.conf /etc/resolv.conf &&
exec "$@"
"""


@pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="a name server that never answers needs a mount namespace of its own (root)",
)
def test_closing_and_exiting_do_not_wait_for_a_hanging_lookup(tmp_path: object) -> None:
    script = """
        silent_dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent_dns.bind(("127.0.0.2", 53))
        try:
            backend.perform(Request("GET", "http://dead.example.test/", total_timeout_s=0.3))
        except TransferError as error:
            assert (error.code, error.phase.value) == (28, "lookup"), error
        backend.close(1.0)
        """
    whole = processes.PREAMBLE + PREAMBLE.format(engine="pycurl") + textwrap.dedent(script)
    command = [sys.executable, "-c", whole]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", SILENT_DNS.format(folder=tmp_path), "sh", *command],
        capture_output=True,
        text=True,
        timeout=100,  # less than getaddrinfo takes to give up, 30 s five times
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_is_inert() -> None:
    """No thread, no descriptor, no handle before the first call."""
    processes.output("""
        import os, threading
        before = set(os.listdir("/proc/self/fd"))
        import onehttp, onehttp_backends.curl
        onehttp.init()
        assert threading.active_count() == 1
        assert set(os.listdir("/proc/self/fd")) == before
        assert onehttp.stats().global_inits == 0
    """)
