"""Rows 16, and 71 to 78: threads, signals, clocks, callbacks and the end of the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.registry import load
from servers.patience import PATIENCE_S
from stand_ins import processes
from stand_ins.scene import Scene, on_the_engine

PREAMBLE = """
import asyncio, os, queue, signal, subprocess, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
import onehttp
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.errors import *
from onehttp_backends.registry import load
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering, silent, OK
from stand_ins.ways import blocking
backend = load({engine!r})()
server = RawServer(keep_answering).__enter__()
"""


def succeeds(script: str, engine: str) -> None:
    processes.output(PREAMBLE.format(engine=engine) + script)


def test_16_descriptors_change_hands_all_the_time(scene: Scene) -> None:
    """Other threads open and close files: none of theirs is watched or closed by us."""
    stop = threading.Event()
    broken: list[OSError] = []

    def churn() -> None:
        while not stop.is_set():
            try:
                ends = [end for _ in range(4) for end in os.pipe()]
                os.write(ends[1], b"x")
                assert os.read(ends[0], 1) == b"x"
                for end in ends:
                    os.close(end)
            except OSError as error:
                broken.append(error)

    threads = [threading.Thread(target=churn) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(300):
            headers = (("Connection", "close"),) if number % 3 == 0 else ()
            scene.answer(Request("GET", scene.neighbour.url, headers))
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert broken == []


@on_the_engine
def test_71_a_driver_that_dies(engine: str) -> None:
    """Ctrl-C hits whoever drives for fifty others: they finish, and so does the next call."""
    succeeds(
        """
with HoldingServer() as holding:
    outcomes = queue.SimpleQueue()
    def wait(number):
        outcomes.put(blocking(backend, Request("GET", f"{holding.url}/{number}")))
    def others():
        threads = [threading.Thread(target=wait, args=(number,)) for number in range(50)]
        for thread in threads:
            thread.start()
        held = [holding.arrival(f"/{number}") for number in range(50)]
        os.kill(os.getpid(), signal.SIGINT)
        for each in held:
            each.answer()
    threading.Thread(target=others).start()
    try:
        backend.perform(Request("GET", f"{holding.url}/mine"))
        raise SystemExit("not interrupted")
    except KeyboardInterrupt:
        pass
    found = [outcomes.get(timeout=PATIENCE_S) for _ in range(50)]
    assert all(isinstance(outcome, Response) for outcome in found), found
    assert blocking(backend, Request("GET", server.url)).status == 200
    assert backend.stats().in_flight == 0
""",
        engine,
    )


def test_72_ctrl_c_in_a_blocking_call(engine: str) -> None:
    succeeds(
        """
with HoldingServer() as holding:
    ended = queue.SimpleQueue()
    backend.submit(Request("GET", f"{holding.url}/other"), ended.put)
    other = holding.arrival("/other")
    def interrupt():
        holding.arrival("/mine")
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt).start()
    try:
        backend.perform(Request("GET", f"{holding.url}/mine"))
        raise SystemExit("not interrupted")
    except KeyboardInterrupt:
        pass
    other.answer()
    assert isinstance(ended.get(timeout=PATIENCE_S), Response)
    assert blocking(backend, Request("GET", server.url)).status == 200
    assert backend.stats().in_flight == 0
""",
        engine,
    )


def test_73_signals_all_the_time(engine: str) -> None:
    succeeds(
        """
beats = [0]
def beat(*_):
    beats[0] += 1
signal.signal(signal.SIGALRM, beat)
signal.signal(signal.SIGCHLD, beat)
signal.signal(signal.SIGHUP, beat)
children = [subprocess.Popen(["true"]) for _ in range(3)]
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for number in range(300):
    assert blocking(backend, Request("GET", server.url)).status == 200
    if number % 50 == 0:
        os.kill(os.getpid(), signal.SIGHUP)
signal.setitimer(signal.ITIMER_REAL, 0)
assert beats[0] > 10, beats
for child in children:
    child.wait()
""",
        engine,
    )


def test_74_a_process_that_stands_still(engine: str) -> None:
    """Stopped until long after its calls' time, each ends once, and the engine goes on."""
    script = """
far = RawServer(silent).__enter__()
ended = queue.SimpleQueue()
for _ in range(10):
    backend.submit(Request("GET", far.url, total_timeout_s=0.5), ended.put)
print("ready", flush=True)
found = [ended.get(timeout=PATIENCE_S) for _ in range(10)]
assert {error.code for error in found} == {28}, found
assert blocking(backend, Request("GET", server.url)).status == 200
assert ended.empty()
spent = time.process_time()
time.sleep(0.5)
assert time.process_time() - spent < 0.4, "it spins"
print("done", flush=True)
"""
    code = processes.PREAMBLE + PREAMBLE.format(engine=engine) + script
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as stopped:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == "ready\n"
        subprocess.run(["kill", "-STOP", str(stopped.pid)], check=True)
        threading.Event().wait(1.0)
        subprocess.run(["kill", "-CONT", str(stopped.pid)], check=True)
        assert stopped.stdout.readline() == "done\n"
        stopped.kill()


JUMP = """
# glibc's own calls are what libfaketime replaces; the monotonic clock stays as it is.
before = time.time()
with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as told:
    told.write(jump)
while abs(time.time() - before) < 1800:
    time.sleep(0.01)
"""


@pytest.mark.parametrize("jump", ["+3600", "-3600"])
def test_75_the_wall_clock_jumps(
    engine: str, jump: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = [
        f"/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"
        for machine in ("x86_64", "aarch64")
    ]
    found = [path for path in libraries if os.path.exists(path)]
    if not found:
        pytest.skip("NOT TESTED: libfaketime is missing: make packages")
    monkeypatch.setenv("LD_PRELOAD", found[0])
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", f"{tmp_path}/time")
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    with open(f"{tmp_path}/time", "w") as told:
        told.write("+0")
    succeeds(
        f"""
jump = {jump!r}
with HoldingServer() as holding:
    ended = queue.SimpleQueue()
    backend.submit(Request("GET", f"{{holding.url}}/a", total_timeout_s=300), ended.put)
    held = holding.arrival("/a")
"""
        + "".join(f"    {line}\n" for line in JUMP.strip().splitlines())
        + """
    held.answer()
    assert isinstance(ended.get(timeout=PATIENCE_S), Response)
    late = RawServer(silent).__enter__()
    error = blocking(backend, Request("GET", late.url, total_timeout_s=0.5))
    assert error.code == 28, repr(error)
    assert blocking(backend, Request("GET", server.url)).status == 200
""",
        engine,
    )


def test_76_calls_from_within_a_route(engine: str) -> None:
    """A blocking call, a query, a reload, a shutdown: none waits for itself."""
    succeeds(
        f"""
file = dict(version=1, connections=dict(api=dict(url=server.url)))
onehttp.init(file, backend={engine!r})
told = queue.SimpleQueue()
def route(result):
    told.put(onehttp.request("GET", server.url).status)
    told.put(onehttp.connection("api").get().status)
    onehttp.submit("GET", server.url, route=lambda result: told.put(result.ok))
    onehttp.reload(file)
    told.put("reloaded")
onehttp.submit("GET", server.url, route=route)
assert sorted(map(str, (told.get(timeout=PATIENCE_S) for _ in range(4)))) == [
    "200", "200", "True", "reloaded"]
def last(result):
    onehttp.shutdown()
    told.put("shut down")
onehttp.submit("GET", server.url, route=last)
assert told.get(timeout=PATIENCE_S) == "shut down"
onehttp.init(backend={engine!r})
assert onehttp.request("GET", server.url).status == 200
""",
        engine,
    )


def test_77_the_interpreter_exits(engine: str) -> None:
    """With transfers, daemon threads and queries under way; its exit status is kept."""
    done = processes.run(
        PREAMBLE.format(engine=engine)
        + """
late = RawServer(silent).__enter__()
for _ in range(20):
    backend.submit(Request("GET", late.url, total_timeout_s=600), lambda outcome: None)
for _ in range(5):
    threading.Thread(
        target=blocking, args=(backend, Request("GET", late.url, total_timeout_s=600)), daemon=True
    ).start()
while backend.stats().in_flight < 25:
    time.sleep(0.002)
sys.exit(3)
"""
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("error", [SystemExit, BaseException])
def test_78_a_callback_that_raises(
    scene: Scene, error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    called = threading.Semaphore(0)
    outcomes: list[Outcome] = []

    def raising(outcome: Outcome) -> None:
        outcomes.append(outcome)
        called.release()
        raise error("from the callback")

    for _ in range(3):
        scene.backend.submit(Request("GET", scene.neighbour.url), raising)
    for _ in range(3):
        assert called.acquire(timeout=PATIENCE_S)
    scene.check_neighbour()
    assert all(isinstance(outcome, Response) for outcome in outcomes)
    scene.backend.close(PATIENCE_S)
    assert caplog.text.count("callback failed") == 3
    caplog.clear()  # a record holds the frames of what it is about
    scene.backend = load(scene.backend.name)()
