"""The published form of a message: a line of JSON, and its body."""

from __future__ import annotations

import json
from typing import NamedTuple

from onehttp.durable.message import Message, message_of
from onehttp.durable.store import DeadLetter


def payload_of(message: Message, broker: str) -> bytes:
    """Return the payload of a message that this start of a broker stores. Without a broker, the
    message may have been sent before."""
    told = {
        "id": message.id,
        "key": message.key,
        "has_body": message.body is not None,
        "broker": broker,
        "described": message.described(),
    }
    return json.dumps(told).encode() + b"\n" + (message.body or b"")


def message_in(queue: str, payload: bytes) -> tuple[Message, str]:
    """Return the message, and the broker that stored it."""
    head, _, body = payload.partition(b"\n")
    told = json.loads(head)
    found = body if told["has_body"] else None
    return message_of(told["id"], queue, told["key"], told["described"], found), told["broker"]


def broker_of(payload: bytes) -> str:
    """Return the broker that stored it; empty if that is unknown."""
    try:
        return str(json.loads(payload.partition(b"\n")[0])["broker"])
    except (ValueError, KeyError, TypeError):
        return ""


def again_of(payload: bytes) -> bytes:
    """Return the payload without a broker, so that it counts as possibly sent before."""
    head, line_end, body = payload.partition(b"\n")
    try:
        told = json.loads(head) | {"broker": ""}
    except (ValueError, TypeError):  # it cannot be read, and becomes a dead letter
        return payload
    return json.dumps(told).encode() + line_end + body


def letter_in(queue: str, payload: bytes) -> DeadLetter:
    """Return why it became a dead letter, and its message, as far as these can be read."""
    head, _, rest = payload.partition(b"\n")
    told = json.loads(head)
    try:
        message, _ = message_in(queue, rest)
    except (ValueError, KeyError, TypeError):
        message = Message(id="?", queue=queue, key=None, connection="", method="?", url="?",
                          headers=(), body=rest)  # fmt: skip
    return DeadLetter(message=message, attempts=told["attempts"], error=told["error"])


class Dead(NamedTuple):
    """A dead letter, and its number at a start of the server."""

    server: str
    number: int
    letter: DeadLetter
