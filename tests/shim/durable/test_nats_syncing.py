"""What a power failure may cost on NATS is told at the first use of a queue."""

from __future__ import annotations

import logging

import pytest
from nats.js.api import StreamConfig

from onehttp.durable.nats_start import tell_what_is_synced
from onehttp.durable.nats_store import NatsStore


class Told:
    """A client, as far as the server's version goes."""

    def __init__(self, version: str) -> None:
        self._server_info = {"version": version}


@pytest.mark.parametrize(
    ("version", "can"),
    [
        ("2.9.10", False),
        ("2.9.25-RC.1", False),
        ("2.10.0", True),
        ("2.14.0", True),
        ("3.0.0", True),
    ],
)
@pytest.mark.parametrize("replicas", [None, 1, 3])
def test_what_a_power_failure_may_cost_is_told(
    version: str, can: bool, replicas: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "onehttp")
    tell_what_is_synced(Told(version), StreamConfig(name="onehttp-cdr", num_replicas=replicas))
    if replicas == 3:
        assert not caplog.messages
    else:
        (told,) = caplog.messages
        assert version in told
        assert ("sync_interval" in told) is can


@pytest.mark.debian
def test_what_a_power_failure_may_cost_is_told_once(
    store: NatsStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "onehttp")
    for _ in range(2):
        store.take("cdr", 1, 60.0)
    assert len([told for told in caplog.messages if "power failure" in told]) == 1
