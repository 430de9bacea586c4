"""Messages for durable queues."""

from __future__ import annotations

from onehttp.durable.message import Message
from onehttp.durable.nats_store import NatsStore


def put(store: NatsStore, id: str, key: str | None) -> None:
    """Store a POST in the queue ``cdr``."""
    store.put(
        Message(id=id, queue="cdr", key=key, connection="api", method="POST", url="/x",
                headers=(), body=b"x")
    )  # fmt: skip
