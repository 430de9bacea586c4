"""Rows 67, 69 and 70: forks at any moment, by whoever forks. Row 68, of lookups, is among names."""

from __future__ import annotations

import pytest

from onehttp_backends.curl.sockets.reports import SocketReports
from stand_ins import processes
from stand_ins.scene import on_the_engine

PREAMBLE = """
import multiprocessing, os, queue, sys, threading, time
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.errors import *
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering, echo, OK
from stand_ins.processes import child
from stand_ins.ways import blocking, WAYS
backend = load({engine!r})()

def works(url):
    for way in WAYS[:3]:
        outcome = way(backend, Request("GET", url))
        assert isinstance(outcome, Response) and outcome.status == 200, outcome
"""


def succeeds(script: str, engine: str) -> None:
    processes.output(PREAMBLE.format(engine=engine) + script)


def test_67_forks_with_a_hundred_in_flight(engine: str) -> None:
    """The parent's calls finish, each with its own answer; each child has an engine of its own."""
    succeeds(
        """
def own_path(peer):
    while request := peer.request():
        peer.server.release.wait(0.02)
        path = request.split(b" ")[1]
        peer.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(path) + path)

with RawServer(own_path) as server, RawServer(keep_answering) as quick:
    works(quick.url)  # a fork while another thread imports leaves the import lock to nobody
    ended = queue.SimpleQueue()
    for round in range(5):
        for number in range(100):
            path = f"/{round}-{number}"
            def done(outcome, path=path):
                ended.put((path, outcome))
            backend.submit(Request("GET", server.url + path, total_timeout_s=PATIENCE_S), done)
        codes = [child(lambda: works(quick.url)) for _ in range(2)]
        assert codes == [0, 0], codes
    for _ in range(500):
        path, outcome = ended.get(timeout=PATIENCE_S)
        assert isinstance(outcome, Response), (path, outcome)
        assert outcome.body == path.encode(), (path, outcome.body)
    assert len(server.requests) == 500, "a child sends nothing of its parent's"
    assert all(request.startswith(b"GET /") for request in server.requests)
    works(quick.url)
""",
        engine,
    )


@on_the_engine
def test_67_forks_from_any_thread_at_any_moment(engine: str) -> None:
    """Of the engine: httpcore imports in each call, and a fork in that moment is Python's own."""
    succeeds(
        """
stop = threading.Event()
failures, codes = [], []
def hammer(url):
    while not stop.is_set():
        outcome = blocking(backend, Request("GET", url, total_timeout_s=PATIENCE_S))
        if not isinstance(outcome, Response):
            failures.append(outcome)
def fork(url):
    for _ in range(5):
        codes.append(child(lambda: works(url), os._exit))
with RawServer(keep_answering) as server:
    works(server.url)
    calling = [threading.Thread(target=hammer, args=(server.url,)) for _ in range(4)]
    forking = [threading.Thread(target=fork, args=(server.url,)) for _ in range(2)]
    for thread in calling + forking:
        thread.start()
    for thread in forking:
        thread.join(4 * PATIENCE_S)
    stop.set()
    for thread in calling:
        thread.join(PATIENCE_S)
assert codes == [0] * 10, codes
assert not failures, failures
""",
        engine,
    )


def test_67_a_fork_while_another_thread_hears_of_a_socket() -> None:
    """The child lets go of what is being run, and goes on."""
    heard: list[int] = []

    def close_as_a_child_would(_: int, fd: int) -> None:
        reports.close()
        heard.append(fd)

    reports = SocketReports(close_as_a_child_would, heard.append)
    reports.on_change(1, 7, None, None)
    assert heard == [7]
    assert reports.raised == []


@on_the_engine
def test_69_forks_while_another_thread_drives(engine: str) -> None:
    succeeds(
        """
sys.setswitchinterval(1e-6)
stop = threading.Event()
def hammer(url):
    while not stop.is_set():
        blocking(backend, Request("GET", url, total_timeout_s=PATIENCE_S))
def work():
    sys.setswitchinterval(0.005)
    works(server.url)
with RawServer(keep_answering) as server:
    works(server.url)
    threads = [threading.Thread(target=hammer, args=(server.url,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    codes = [child(work) for _ in range(10)]
    stop.set()
    for thread in threads:
        thread.join(PATIENCE_S)
assert codes == [0] * 10, codes
""",
        engine,
    )


def test_70_a_fork_in_a_callback_and_a_daemon(engine: str) -> None:
    succeeds(
        """
with RawServer(keep_answering) as server:
    works(server.url)
    codes = queue.SimpleQueue()
    backend.submit(Request("GET", server.url), lambda outcome: codes.put(child(lambda: None)))
    assert codes.get(timeout=PATIENCE_S) == 0
    reading, writing = os.pipe()
    def daemon():
        os.setsid()
        if os.fork():
            os._exit(0)
        works(server.url)
        os.write(writing, b"served")
        os._exit(0)
    assert child(daemon) == 0
    assert os.read(reading, 10) == b"served"
    works(server.url)
""",
        engine,
    )


WORKER = """
import sys
from onehttp_backends.contract import Request
from onehttp_backends.registry import load
backend = load(sys.argv[1])()
def status(url):
    return backend.perform(Request("GET", url)).status
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_70_process_pools(engine: str, method: str) -> None:
    """However they begin, the processes of a pool call by themselves."""
    processes.output(
        f"""
import importlib, os, sys, tempfile, multiprocessing
from servers.raw import RawServer, keep_answering
if __name__ == "__main__":
    folder = tempfile.mkdtemp()
    sys.path.insert(0, folder)
    sys.argv = ["", {engine!r}]
    with open(os.path.join(folder, "worker_of_a_pool.py"), "w") as file:
        file.write({WORKER!r})
    import worker_of_a_pool
    with RawServer(keep_answering) as server:
        assert worker_of_a_pool.status(server.url) == 200
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            assert pool.map(worker_of_a_pool.status, [server.url] * 6) == [200] * 6
        assert worker_of_a_pool.status(server.url) == 200
"""
    )
