"""Ties numbers of messages to the start of the server that gave them.

A server that is killed forgets its last removals and, when its stream was empty, its last numbers:
after its next start the same numbers may belong to other messages. The server obeys whoever names
a number, so nothing is confirmed or deleted by a number of an earlier start.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from onehttp.errors import QueueStoreError

logger = logging.getLogger("onehttp")
_has_no_setting = re.compile(r"2\.\d\.").match
GONE: Final = frozenset({10043, 10057})
"""Codes of JetStream: there is no message of that number."""


def server_of(client: Any) -> str:
    """Return what identifies the server and its start; empty if there is no connection."""
    return str(_told_by(client).get("server_id", ""))


def _told_by(client: Any) -> dict[str, Any]:
    """What the server says of itself, of which nats-py shows little."""
    told: dict[str, Any] = getattr(client, "_server_info", {})
    return told


def check_start(client: Any, server: str) -> None:
    """Check that ``server`` still runs. What is sent in the same step of the loop goes to it, or
    nowhere.

    Raises:
        QueueStoreError: it was started anew, or the client has connected to another.
    """
    if server_of(client) != server:
        raise QueueStoreError("the NATS server was started anew meanwhile")


def forget_unsent(client: Any) -> None:
    """Drop what the client has not sent to a server that is gone: nats-py would send it to the next
    one."""
    client._pending.clear()
    client._pending_data_size = 0


def tell_what_is_synced(client: Any, stream: Any) -> None:
    """Log what a power failure may cost, if only one server keeps the stream.

    The server tells its version, but not whether it syncs each message (`sync_interval: always`,
    which came with 2.10): that is on its monitoring port and for its system account.
    """
    if (stream.num_replicas or 1) > 1:
        return
    version = str(_told_by(client).get("version", "?"))
    cannot = _has_no_setting(version) is not None
    logger.info(
        "%s: kept by one nats-server %s, which syncs it to the disk every two minutes%s: a power "
        "failure may lose what was acknowledged since then",
        stream.name,
        version,
        "" if cannot else ", unless its configuration has a sync_interval",
    )


async def is_still(js: Any, client: Any, stream: str, arrived: Any) -> bool:
    """Return whether the number of a message that has arrived does not belong to another by now.

    Raises:
        QueueStoreError: the server was started anew meanwhile.
    """
    from nats.js.errors import NotFoundError

    server = server_of(client)
    if arrived.server == server:
        return True
    number = arrived.message.metadata.sequence.stream
    last = (await js.stream_info(stream)).state.last_seq
    try:
        is_it = (await js.get_msg(stream, number)).data == arrived.message.data
    except NotFoundError:
        is_it = number <= last  # gone for good; a later number is given to the next message
    check_start(client, server)
    if is_it:
        arrived.server = server
    return bool(is_it)
