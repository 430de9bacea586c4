"""What a broker that was killed is of two minds about, and does not mend itself.

What a stream holds and what a consumer has seen of it are files of their own, each as old as its
last write. After a kill two things may be left, and both stay for ever:

- a message that is done, and that a consumer waits for all the same. Where one of a consumer may
  be under way at a time, nothing of its keys would come again. It is told that this one is done;
- a message that is there, and that its consumer takes for done. It may be, so it is stored anew as
  one that may have been sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

logger = logging.getLogger("onehttp")
_DONE: Final = b"+ACK"


class Mending:
    """Of one store: once for each queue and start of the broker.

    Args:
        again: the payload of a message as one that may have been sent.
    """

    def __init__(self, again: Callable[[bytes], bytes]) -> None:
        self._again = again
        self._mended: dict[str, str] = {}

    async def mend(self, js: Any, client: Any, stream: str, broker: str) -> None:
        """Unless that was done since the broker's start."""
        from nats.js.errors import APIError, NotFoundError

        if self._mended.get(stream) == broker:
            return
        try:
            for consumer in await js.consumers_info(stream):
                if not consumer.config.filter_subject:  # it is none of ours
                    continue
                await _forget_one_that_is_gone(js, client, stream, consumer)
                await self._store_anew(js, stream, consumer)
        except NotFoundError:  # the stream: whoever takes from it finds that, too
            return
        except APIError as error:  # full, say: what is here does not wait for what might be mended
            logger.error("%s: what its broker has left is not mended: %s", stream, error)
        self._mended[stream] = broker

    async def _store_anew(self, js: Any, stream: str, consumer: Any) -> None:
        number, last = 1, consumer.ack_floor.stream_seq
        while number <= last:
            found = await _message(js, stream, number, consumer.config.filter_subject)
            if found is None or found.seq > last:
                return
            # Whoever else does so at the same time stores nothing.
            headers = {"Nats-Msg-Id": f"{found.seq} of {stream} again"}
            await js.publish(found.subject, self._again(found.data or b""), headers=headers)
            await js.delete_msg(stream, found.seq)
            number = found.seq + 1


async def _forget_one_that_is_gone(js: Any, client: Any, stream: str, consumer: Any) -> None:
    if consumer.config.max_ack_pending != 1 or not consumer.num_ack_pending:
        return
    number = consumer.delivered.stream_seq
    if await _message(js, stream, number) is None:
        place = f"{number}.{consumer.delivered.consumer_seq}.0.0"
        await client.publish(f"$JS.ACK.{stream}.{consumer.name}.1.{place}", _DONE)


async def _message(js: Any, stream: str, number: int, subject: str | None = None) -> Any:
    """Of this number; with a subject the first of it from there on. None: there is none."""
    from nats.js.errors import NotFoundError

    try:
        return await js.get_msg(stream, number, subject, next=subject is not None)
    except NotFoundError:
        return None
