"""Repairs inconsistent state of a broker that was killed, which the broker itself does not do.

The content of a stream and the progress of a consumer are in separate files, each as old as its
last write. After a kill, two inconsistencies are possible, and both are permanent:

- A message is done, but a consumer waits for it. If the consumer may have only one message in
  flight, no other message of its keys is delivered. The repair confirms the message.
- A message exists, but its consumer considers it done, which it may be. The repair stores it again
  as a message that may have been sent.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any, Final

from onehttp.durable.nats_payload import again_of, broker_of

logger = logging.getLogger("onehttp")
LOOK_S: Final = 2.0
"""The interval between checks, until there is nothing left to repair."""
MOST: Final = 256
"""The number of messages that one check examines."""
_DONE: Final = b"+ACK"


class Mending:
    """Repairs one store: each queue, after each start of the broker."""

    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}

    async def mend(self, js: Any, client: Any, stream: str, broker: str) -> None:
        """Repair a queue, if a check is due."""
        from nats.js.errors import APIError, NotFoundError

        begun = self._begun.get(stream)
        if begun is None or begun.broker != broker:
            begun = self._begun[stream] = _Begun(broker)
        now = asyncio.get_running_loop().time()
        if now < begun.look_at:
            return
        begun.look_at = now + LOOK_S
        try:
            await self._look(js, client, stream, begun)
        except NotFoundError:  # the stream is gone, which the next `take` reports
            return
        except APIError as error:  # e.g. a full disk: delivery does not depend on the repair
            logger.error(
                "%s: the state that its broker has left is not repaired yet: %s", stream, error
            )

    async def _look(self, js: Any, client: Any, stream: str, begun: _Begun) -> None:
        ours = [each for each in await js.consumers_info(stream) if each.config.filter_subject]
        if begun.left is None:
            begun.left = {each.name: each.delivered.stream_seq for each in ours}
        names = {each.name for each in ours}
        begun.left = {name: last for name, last in begun.left.items() if name in names}
        for consumer in ours:
            if consumer.name in begun.left:
                await _forget_what_is_gone(js, client, stream, consumer)
                await _store_anew(js, stream, consumer, begun.broker)
                if consumer.ack_floor.stream_seq >= begun.left[consumer.name]:
                    del begun.left[consumer.name]
        if not begun.left:
            begun.look_at = math.inf


class _Begun:
    """The progress of a repair since a start of the broker."""

    __slots__ = ("broker", "left", "look_at")

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.left: dict[str, int] | None = None
        """The last message that each consumer had delivered by then. Earlier messages may be
        repaired as soon as none before them is in flight."""
        self.look_at = 0.0


async def _forget_what_is_gone(js: Any, client: Any, stream: str, consumer: Any) -> None:
    """Confirm a message that is gone. It can only be the first one after all that are done, and
    only for a consumer with one message in flight."""
    if not consumer.num_ack_pending:
        return
    first, last = consumer.ack_floor.stream_seq + 1, consumer.delivered.stream_seq
    there = await _message(js, stream, first, consumer.config.filter_subject)
    end = last + 1 if there is None else min(there.seq, last + 1)
    numbers = list(range(first, min(end, first + MOST)))
    if consumer.config.max_ack_pending == 1 and last not in numbers:
        numbers.append(last)
    # Confirming a message that exists, of any key, would remove it.
    found = await asyncio.gather(*(_message(js, stream, number) for number in numbers))
    for number, message in zip(numbers, found, strict=True):
        if message is None:
            place = f"{stream}.{consumer.name}.1.{number}.{number}.0.0"
            await client.publish(f"$JS.ACK.{place}", _DONE)


async def _store_anew(js: Any, stream: str, consumer: Any, broker: str) -> None:
    number, last = 1, consumer.ack_floor.stream_seq
    while number <= last:
        found = await _message(js, stream, number, consumer.config.filter_subject)
        if found is None or found.seq > last:
            return
        number = found.seq + 1
        payload = found.data or b""
        if broker_of(payload) == broker:
            continue  # it is being removed
        # If another process does the same now, the broker drops the duplicate.
        headers = {"Nats-Msg-Id": f"{found.seq} of {stream} again"}
        await js.publish(found.subject, again_of(payload), headers=headers)
        await js.delete_msg(stream, found.seq)


async def _message(js: Any, stream: str, number: int, subject: str | None = None) -> Any:
    """Return the message with this number, or the first one of ``subject`` from there on; None if
    there is none."""
    from nats.js.errors import NotFoundError

    try:
        return await js.get_msg(stream, number, subject, next=subject is not None)
    except NotFoundError:
        return None
