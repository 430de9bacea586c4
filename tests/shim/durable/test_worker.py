"""What a worker makes of answers: done, tried again, or a dead letter; and killed at any point."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import onehttp
from onehttp.calls.arguments import CallArguments
from onehttp.cli.group import onehttp as command
from onehttp.cli.worker import send
from onehttp.durable.message import Message
from onehttp.durable.store import Report
from onehttp.durable.submitting import current_store
from onehttp.durable.worker import TellsOfRepeats, Worker, WorkerSettings
from onehttp_backends.observed import leave, observe
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.connected import connected

pytestmark = pytest.mark.usefixtures("queues")
HASTY = WorkerSettings(backoff_base_s=0.001, backoff_max_s=0.002, deliveries=3, poll_s=0.001)
KEY = re.compile(rb'idempotency-key: "([^"]+)"', re.IGNORECASE)
REPEAT = b"onehttp-possible-repeat: yes"


def answering(peer: Peer) -> None:
    while request := peer.request():
        path = request.split(b" ")[1].partition(b"?")[0]
        seen = [each for each in peer.server.requests if each.split(b" ")[1].startswith(path)]
        if path == b"/cut" or (path == b"/cut-once" and len(seen) == 1):
            peer.reset()
            return
        status = path.strip(b"/")
        if path == b"/busy-once":
            status = b"503" if len(seen) == 1 else b"200"
        if status.isdigit():
            peer.send(b"HTTP/1.1 " + status + b" Said\r\nContent-Length: 0\r\n\r\n")
        else:
            peer.send(OK)


@pytest.fixture
def server(engine: str) -> Iterator[RawServer]:
    def connections(url: str) -> dict[str, Any]:
        retry = {"attempts": 2, "backoff": {"base": 0.0001}}
        return {
            "api": {"url": url},
            "insisting": {"url": url, "unsafe_resend": True, "retry": retry},
            "gone": {"url": "http://127.0.0.1:1"},
        }

    with connected(engine, connections, answering) as running:
        yield running


def work_until_all_is_done(settings: WorkerSettings = HASTY) -> Worker:
    worker = Worker(current_store(), "cdr", send, settings)

    async def run() -> None:
        while any(each.waiting for each in current_store().lengths()):
            await worker.run(until_empty=True)

    repeats = TellsOfRepeats()
    observe(repeats)
    try:
        asyncio.run(run())
    finally:
        leave(repeats)
    return worker


@pytest.mark.parametrize(
    ("path", "attempts", "is_dead"),
    [
        ("/x", 1, False),
        ("/204", 1, False),
        ("/302", 1, False),
        ("/404", 1, True),
        ("/400", 1, True),
        ("/429", 3, True),
        ("/408", 3, True),
        ("/503", 3, True),
        ("/busy-once", 2, False),
        ("/cut", 3, True),
        ("/cut-once", 2, False),
    ],
)
def test_an_answer_ends_a_message_or_has_it_sent_again(
    server: RawServer, path: str, attempts: int, is_dead: bool
) -> None:
    query = onehttp.connection("api").submit("POST", path, queue="cdr", body=b"x")
    work_until_all_is_done()
    assert len(server.requests) == attempts
    assert {KEY.findall(request)[0].decode() for request in server.requests} == {query.stored}
    # A 503 is an answer: the server has seen the message, so the next one may be a repeat.
    assert [REPEAT in request.lower() for request in server.requests] == [
        number > 0 for number in range(attempts)
    ]
    dead = current_store().dead_letters("cdr", 10)
    assert [each.message.id for each in dead] == ([query.stored] if is_dead else [])


def test_what_was_never_sent_is_no_repeat(server: RawServer) -> None:
    onehttp.connection("gone").submit("POST", "/x", queue="cdr", body=b"x")
    again = WorkerSettings(backoff_base_s=0.001, backoff_max_s=0.002, deliveries=2)
    work_until_all_is_done(again)
    store = current_store()
    (dead,) = store.dead_letters("cdr", 1)
    assert dead.error.startswith("ConnectError")
    store.retry("cdr", dead.message.id)
    (delivery,) = store.take("cdr", 1, 60.0)
    assert (delivery.attempt, delivery.may_repeat) == (1, False)


def test_what_policies_send_again_within_one_delivery_says_so(server: RawServer) -> None:
    onehttp.connection("insisting").submit("POST", "/busy-once", queue="cdr", body=b"x")
    worker = work_until_all_is_done()
    assert (worker.sent, worker.failed) == (1, 0)
    assert [REPEAT in request.lower() for request in server.requests] == [False, True]


def test_an_idempotency_key_of_the_callers_own_stays(server: RawServer) -> None:
    headers = [("idempotency-key", "mine")]
    onehttp.connection("api").submit("POST", "/x", queue="cdr", headers=headers)
    work_until_all_is_done()
    assert server.requests[0].lower().count(b"idempotency-key") == 1


def test_a_connection_that_is_not_there_yet_is_waited_for(server: RawServer) -> None:
    onehttp.connection("api").submit("POST", "/x", queue="cdr", body=b"x")
    onehttp.reload({"version": 1, "connections": {"other": {"url": server.url}}})
    patient = WorkerSettings(backoff_base_s=0.5, deliveries=1000)
    asyncio.run(Worker(current_store(), "cdr", send, patient).run(until_empty=True))
    onehttp.reload({"version": 1, "connections": {"api": {"url": server.url}}})
    work_until_all_is_done(patient)
    assert not current_store().dead_letters("cdr", 1)
    assert len(server.requests) == 1


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["queue", *arguments])


def test_dead_letters_are_listed_retried_and_dropped(server: RawServer) -> None:
    api = onehttp.connection("api")
    first, second = (api.submit("POST", f"/404?n={n}", queue="cdr").stored for n in range(2))
    work_until_all_is_done()
    assert run("list").stdout == "cdr: 0 waiting, 2 dead\n"
    shown = run("list", "cdr").stdout.splitlines()
    assert shown[0] == f"{first}  POST api /404  1 attempts: status 404"
    assert json.loads(run("list", "cdr", "--json").stdout)[1]["id"] == second
    assert run("drop", "cdr", second).stdout == "1 dropped\n"
    assert "no dead letter" in run("drop", "cdr", second).output
    assert run("retry", "cdr", "--all").stdout == "1 to be sent again\n"
    assert run("list").stdout == "cdr: 1 waiting, 0 dead\n"
    for wrong in (["retry", "cdr"], ["retry", "cdr", first, "--all"]):
        assert "the ID of one dead letter, or --all" in run(*wrong).output


PUBLISHER = """
import sys
import onehttp
onehttp.init({"version": 1, "connections": {"api": {"url": sys.argv[1]}}})
number = 0
while True:
    stored = onehttp.connection("api").submit("POST", f"/{sys.argv[2]}x", queue="cdr").stored
    print(stored, flush=True)
"""


def started(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def test_a_killed_publisher_has_lost_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for _ in range(3):
        publisher = started("-c", PUBLISHER, "http://127.0.0.1:1", "")
        assert publisher.stdout is not None
        acknowledged += [publisher.stdout.readline().strip() for _ in range(20)]
        publisher.send_signal(signal.SIGKILL)
        rest, _ = publisher.communicate()
        acknowledged += [line for line in rest.splitlines() if len(line) == 36]
    held = {each.message.id for each in current_store().take("cdr", 100_000, 60.0)}
    assert set(acknowledged) <= held
    assert len(acknowledged) == len(set(acknowledged))


def test_killed_workers_lose_nothing_and_what_may_be_a_repeat_says_so(
    tmp_path: Path, queues: Path
) -> None:
    def counting(peer: Peer) -> None:
        while peer.request():
            peer.send(OK)

    with RawServer(counting) as server:
        connections = tmp_path / "connections.yaml"
        connections.write_text(f"version: 1\nconnections: {{api: {{url: {server.url}}}}}\n")
        onehttp.init(connections)
        api = onehttp.connection("api")
        stored = [api.submit("POST", "/x", queue="cdr", body=b"x").stored for _ in range(150)]
        arguments = ("-m", "onehttp", "worker", "cdr", "--connections", str(connections),
                     "--lease", "1", "--concurrency", "4")  # fmt: skip
        for _ in range(3):
            worker = started(*arguments)
            target = len(server.requests) + 20
            while len(server.requests) < target and worker.poll() is None:
                time.sleep(0.005)
            worker.send_signal(signal.SIGKILL)
            worker.communicate()
        worker = started(*arguments)
        while any(each.waiting for each in current_store().lengths()):
            assert worker.poll() is None
            time.sleep(0.005)
        worker.send_signal(signal.SIGTERM)
        out, _ = worker.communicate(timeout=PATIENCE_S)
        assert worker.returncode == 0
        assert "sent, 0 deliveries failed" in out
        arrived = Counter(KEY.findall(request)[0].decode() for request in server.requests)
        assert set(arrived) == set(stored)
        seen: set[str] = set()
        for request in server.requests:
            key = KEY.findall(request)[0].decode()
            assert key not in seen or REPEAT in request.lower()
            seen.add(key)


def test_a_store_that_fails_is_asked_again(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    onehttp.connection("api").submit("POST", "/x", queue="cdr", body=b"x")
    store = current_store()
    real, failures = store.take, iter(["locked"])

    def failing(queue: str, most: int, lease_s: float, reports: Sequence[Report] = ()) -> Any:
        for text in failures if reports else ():
            raise onehttp.QueueStoreError(text)
        return real(queue, most, lease_s, reports)

    monkeypatch.setattr(store, "take", failing)
    monkeypatch.setattr("onehttp.durable.worker.STORE_AGAIN_S", 0.001)
    work_until_all_is_done()
    assert "queue cdr: locked" in caplog.text
    assert len(server.requests) == 1


def test_a_message_whose_lease_ends_while_it_is_sent_is_not_sent_beside_itself(
    server: RawServer, caplog: pytest.LogCaptureFixture
) -> None:
    onehttp.connection("api").submit("POST", "/slow", queue="cdr")
    worker = Worker(current_store(), "cdr", send, replace(HASTY, lease_s=0.001))
    calls = 0

    async def held(message: Message, call: CallArguments) -> onehttp.Response:
        nonlocal calls
        calls += 1
        while caplog.text.count("ended while it was sent") < 3:  # taken again, and again
            await asyncio.sleep(0.001)
        return await send(message, call)

    worker._send = held
    asyncio.run(asyncio.wait_for(worker.run(until_empty=True), PATIENCE_S))
    assert (calls, worker.sent, server.targets) == (1, 1, ["POST /slow"])
    assert [each.waiting for each in current_store().lengths()] == [0]
    assert "never retrieved" not in caplog.text
