"""What a broker that was killed is of two minds about, and does not mend itself.

What a stream holds and what a consumer has seen of it are files of their own, each as old as its
last write. After a kill two things may be left, and both stay for ever:

- a message that is done, and that a consumer waits for all the same. Where one of a consumer may
  be under way at a time, nothing of its keys would come again. It is told that this one is done;
- a message that is there, and that its consumer takes for done. It may be, so it is stored anew as
  one that may have been sent.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any, Final

from onehttp.durable.nats_payload import again_of, broker_of

logger = logging.getLogger("onehttp")
LOOK_S: Final = 2.0
"""Between two looks, until nothing is left to be mended."""
MOST: Final = 256
"""Numbers looked at by one look."""
_DONE: Final = b"+ACK"


class Mending:
    """Repairs one store: each queue, after each start of the broker."""

    def __init__(self) -> None:
        self._begun: dict[str, _Begun] = {}

    async def mend(self, js: Any, client: Any, stream: str, broker: str) -> None:
        """As far as that is due."""
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
        except NotFoundError:  # of the stream: whoever takes from it finds that, too
            return
        except APIError as error:  # full, say: what is here does not wait for what might be mended
            logger.error("%s: what its broker has left is not mended yet: %s", stream, error)

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
    """Since a start of the broker."""

    __slots__ = ("broker", "left", "look_at")

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.left: dict[str, int] | None = None
        """Consumers, each with the last that it had given away by then: what came before may be
        mended as soon as nothing is under way before it."""
        self.look_at = 0.0


async def _forget_what_is_gone(js: Any, client: Any, stream: str, consumer: Any) -> None:
    """Where it may be: right behind all that is done, and where one alone is under way."""
    if not consumer.num_ack_pending:
        return
    first, last = consumer.ack_floor.stream_seq + 1, consumer.delivered.stream_seq
    there = await _message(js, stream, first, consumer.config.filter_subject)
    end = last + 1 if there is None else min(there.seq, last + 1)
    numbers = list(range(first, min(end, first + MOST)))
    if consumer.config.max_ack_pending == 1 and last not in numbers:
        numbers.append(last)
    # To tell it of one that is there, of whatever key, would remove that.
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
        # Whoever else does so at the same time stores nothing.
        headers = {"Nats-Msg-Id": f"{found.seq} of {stream} again"}
        await js.publish(found.subject, again_of(payload), headers=headers)
        await js.delete_msg(stream, found.seq)


async def _message(js: Any, stream: str, number: int, subject: str | None = None) -> Any:
    """The message with this number, or the first of ``subject`` from there on; None if there is
    none."""
    from nats.js.errors import NotFoundError

    try:
        return await js.get_msg(stream, number, subject, next=subject is not None)
    except NotFoundError:
        return None
