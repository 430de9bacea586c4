"""The trace of calls that are more than one transfer, and of a process without logging set up."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import onehttp
from onehttp_backends.contract import Request
from servers.patience import PATIENCE_S

CONNECTIONS: dict[str, Any] = {
    "version": 1,
    "defaults": {"timeout": {"total": 60.0}},
    "connections": {
        "api": {
            "url": "http://api.example",
            "failover": "backup",
            "retry": {"attempts": 2, "backoff": {"base": 0.001}},
        },
        "backup": {"url": "http://backup.example"},
        "plain": {"url": "http://plain.example"},
    },
}
ANSWERS = {
    "GET http://api.example/x": (503, "busy"),
    "GET http://backup.example/x": (200, "fine"),
    "GET http://plain.example/x": (200, "fine"),
}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG, "onehttp.trace")
    onehttp.init(CONNECTIONS, backend="httpx", answers=ANSWERS)
    yield caplog
    onehttp.shutdown()


def ways() -> dict[str, Any]:
    def awaited() -> None:
        asyncio.run(call())

    async def call() -> None:
        await onehttp.connection("api").aget("/x")

    def submitted() -> None:
        onehttp.connection("api").submit("GET", "/x").result(PATIENCE_S)

    return {
        "request": lambda: onehttp.connection("api").get("/x"),
        "arequest": awaited,
        "submit": submitted,
    }


@pytest.mark.parametrize("way", list(ways()))
def test_all_attempts_of_a_call_have_one_number(lines: pytest.LogCaptureFixture, way: str) -> None:
    ways()[way]()
    told = [message for message in lines.messages if message.startswith("call ")]
    assert len({message.split()[1] for message in told}) == 1
    steps = [re.sub(r"^call \d+ \+[\d.]+ ms (api|query \d+): ", "", line) for line in told]
    shown = [step for step in steps if not step.startswith(("looked up", "sent;", "connection"))]
    assert [re.sub(r"[\d.]+ s$", "... s", step) for step in shown] == [
        "GET http://api.example: begins",
        "attempt 1 failed; again in ... s",
        "GET http://api.example: begins",
        "fails over to backup",
        "GET http://backup.example: begins",
    ]


def test_a_plain_call_on_a_connection_shows_its_name(lines: pytest.LogCaptureFixture) -> None:
    onehttp.connection("plain").get("/x")
    assert all(" ms plain: " in message for message in lines.messages)


def test_a_suspended_transaction_is_followed_until_it_goes_on(
    lines: pytest.LogCaptureFixture,
) -> None:
    from onehttp.testing import FakeTransactionLayer

    layer = FakeTransactionLayer()
    with onehttp.transaction(layer.new()):
        onehttp.connection("plain").submit("GET", "/x")
    assert onehttp.drain(PATIENCE_S)
    told = "\n".join(lines.messages)
    assert "transaction suspended" in told
    assert "transaction is resumed" in told


@pytest.mark.parametrize(("value", "is_shown"), [("1", True), ("0", False), ("", False)])
def test_the_environment_asks_for_a_printed_trace(value: str, is_shown: bool) -> None:
    script = (
        "import onehttp\n"
        "onehttp.init(backend='httpx', handler=lambda request: 200)\n"
        "onehttp.request('GET', 'http://api.example/')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "ONEHTTP_DEBUG": value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("onehttp.trace call 1 " in found.stderr) is is_shown
    assert ("onehttp initialised at " in found.stderr) is is_shown


def test_init_reload_and_shutdown_are_told_at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "onehttp")
    onehttp.init(CONNECTIONS, backend="httpx", handler=lambda request: 200)
    onehttp.reload(CONNECTIONS)
    onehttp.shutdown()
    told = [
        record.message.split()[0] for record in caplog.records if record.name.startswith("onehttp")
    ]
    assert told == ["initialised", "reloaded:", "shut"]


def test_a_secret_never_reaches_the_trace(lines: pytest.LogCaptureFixture) -> None:
    def answer(request: Request) -> int:
        return 200

    onehttp.shutdown()
    onehttp.init(backend="httpx", handler=answer)
    onehttp.request(
        "POST", "http://api.example/s3cr3t?k=s3cr3t", headers={"X": "s3cr3t"}, body=b"s3cr3t"
    )
    assert lines.messages
    assert "s3cr3t" not in lines.text
