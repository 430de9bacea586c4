"""Stores messages in a stream under numbers that its server does not take for removed.

nats-server 2.9 keeps the numbers that were removed out of their order in an index beside each file
of messages. When a file becomes empty, it first empties the file, then writes the index. If it is
killed in between, it begins at the first number of the old index after its next start, and takes
the removed numbers of that index for removed: it acknowledges messages that get these numbers, and
delivers none of them. Its answer about the stream shows such numbers, as removed ones after the
last one, and makes it forget those up to the next one.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

from onehttp.durable.nats_connection import ANSWER_S
from onehttp.durable.nats_start import GONE, check_start, server_of
from onehttp.errors import QueueStoreError

logger = logging.getLogger("onehttp")
STEPS_MOST: Final = 100_000
"""No file of a stream has more messages that matter here: it has 8 MiB."""
FILLER: Final = b""
"""The content of a message that only takes a number. It is removed at once; if the one who wrote it
was killed before, the next reader does so."""
_WRONG_LAST: Final = 10071
"""Code of JetStream: there is another last number."""


class Publishing:
    """Stores messages for one store, on the loop of its connection."""

    def __init__(self) -> None:
        self._passed: dict[str, str] = {}
        """By the stream: the start of the server at which its numbers were checked."""
        self._passing = asyncio.Lock()

    async def publish(
        self, js: Any, client: Any, stream: str, subject: str, payload: bytes, id: str | None = None
    ) -> None:
        """Store a message. ``id`` makes the server drop a duplicate.

        Raises:
            QueueStoreError: the server was started anew meanwhile, so it is not known whether the
                message is kept.
        """
        server = await self.pass_lost_numbers(js, client, stream, subject)
        await js.publish(subject, payload, headers={"Nats-Msg-Id": id} if id else None)
        check_start(client, server)

    async def pass_lost_numbers(self, js: Any, client: Any, stream: str, subject: str) -> str:
        """Give the numbers that a killed server would lose to nobody, once for each of its starts.
        Returns the start.

        Args:
            subject: one of the stream, whose reader ignores `FILLER`.
        """
        if self._passed.get(stream) == (server := server_of(client)):
            return server
        async with self._passing:
            if self._passed.get(stream) == (server := server_of(client)):
                return server
            before = -1
            for step in range(STEPS_MOST):
                last, ahead = await _lost_numbers(client, stream)
                if not ahead:
                    break
                if not step:
                    logger.error(
                        "%s: its server was killed and would lose messages: the numbers "
                        "%d to %d are passed over",
                        stream,
                        last + 1,
                        max(ahead),
                    )
                # If the next number is still one of them, another process has taken the last one,
                # and not yet removed it.
                is_next = last + 1 not in ahead or last == before
                if is_next or not await _remove_filler(js, stream, last):
                    await _fill(js, stream, subject, last)
                before = last
            else:
                raise QueueStoreError(f"{stream}: its server would lose messages; restart it")
            check_start(client, server)
            self._passed[stream] = server
            return server


async def _lost_numbers(client: Any, stream: str) -> tuple[int, list[int]]:
    """Return the last number, and the removed numbers after it."""
    subject, asked = f"$JS.API.STREAM.INFO.{stream}", b'{"deleted_details":true}'
    answer = await client.request(subject, asked, timeout=ANSWER_S)
    state = json.loads(answer.data).get("state", {})  # none: there is no such stream
    last = state.get("last_seq", 0)
    return last, [number for number in state.get("deleted") or () if number > last]


async def _fill(js: Any, stream: str, subject: str, last: int) -> None:
    """Take the next number, which the server has just forgotten to have removed."""
    from nats.js.errors import APIError

    try:
        header = {"Nats-Expected-Last-Sequence": str(last)}
        taken = await js.publish(subject, FILLER, headers=header)
    except APIError as error:
        if error.err_code == _WRONG_LAST:  # another process does the same
            return
        raise
    await _delete(js, stream, taken.seq)


async def _remove_filler(js: Any, stream: str, number: int) -> bool:
    """Return whether the message with this number was a filler, or is gone."""
    from nats.js.errors import NotFoundError

    try:
        if ((await js.get_msg(stream, number)).data or FILLER) != FILLER:
            return False
    except NotFoundError:
        return True
    await _delete(js, stream, number)
    return True


async def _delete(js: Any, stream: str, number: int) -> None:
    from nats.js.errors import APIError

    try:
        await js.delete_msg(stream, number)
    except APIError as error:
        if error.err_code not in GONE:  # otherwise a reader has done so
            raise
