"""A message store in JetStream, which many machines can use.

Theory of operation
-------------------
1. A queue is a work-queue stream ``onehttp-<queue>`` (each message is removed when it is done). Its
   dead letters are another stream, ``onehttp-<queue>-dead``. Both are created at first use, as
   files, with one replica. For more replicas, create or change them with the tools of NATS.
2. *The broker keeps the leases*: a message that is not acknowledged within ``ack_wait`` is
   delivered again, by the clock of the broker only. From the second delivery on, a message may be
   a repeat: the broker counts deliveries, and does not know how far one got. A broker that is
   killed forgets the deliveries of its last seconds, even finished ones. So a message records the
   start of the broker that stored it; after another start it counts as a possible repeat.
   `Mending` repairs the inconsistent state that such a broker leaves. `Publishing` uses no number
   that such a broker would lose, and `nats_start` confirms none that may be another message's.
3. *Order of a key*: keys are spread over `PARTS` subjects, and each of these has one message in
   flight at a time (``max_ack_pending``), including one that waits for its next attempt.
4. The broker confirms reports (by a double ack of the last one for each consumer). A lost report
   causes another delivery, never a lost message.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import re
import threading
import weakref
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from onehttp.durable.message import Message
from onehttp.durable.nats_connection import ANSWER_S, NatsConnection
from onehttp.durable.nats_payload import Dead, letter_in, message_in, payload_of
from onehttp.durable.nats_publishing import FILLER, Publishing
from onehttp.durable.nats_pull import Arrived
from onehttp.durable.nats_pulls import Pulls
from onehttp.durable.nats_repair import Mending
from onehttp.durable.nats_start import check_start, is_still, tell_what_is_synced
from onehttp.durable.store import DeadLetter, Delivery, Length, Report
from onehttp.errors import QueueFullError, QueueStoreError

logger = logging.getLogger("onehttp")
PARTS: Final = 64
"""The default number of messages that a worker sends at a time."""
DEFAULT_MAX_LENGTH: Final = 1_000_000
FETCH_S: Final = 0.1
"""How long a worker without messages waits for one."""
_name = re.compile(r"[A-Za-z0-9_-]{1,100}").fullmatch
_FULL: Final = 10077
"""Code of JetStream: maximum messages exceeded."""


class NatsStore:
    """A store on a NATS server with JetStream, for all machines that can reach it."""

    def __init__(self, url: str, max_length: int = DEFAULT_MAX_LENGTH) -> None:
        self._nats = NatsConnection(url)
        self.max_length = max_length
        self.forget()
        _stores.add(self)

    def forget(self) -> None:
        """Start anew in a forked child."""
        self._holding = threading.Lock()  # guards _in_hand
        self._in_hand: dict[int, tuple[Arrived, Message]] = {}
        self._numbers = itertools.count(1)
        self._made: set[str] = set()
        self._pulls = Pulls()
        self._publishing = Publishing()
        self._mending = Mending(self._publishing)

    def put(self, message: Message) -> None:
        """See `Store.put`."""
        self._nats.run(lambda stream: self._put(stream, message))

    async def _put(self, js: Any, message: Message) -> None:
        from nats.js.errors import APIError, NoStreamResponseError

        await self._make(js, message.queue)
        subject = _subject(message)
        payload = payload_of(message, self._nats.server_id)
        try:
            try:
                await self._publish(js, _stream(message.queue), subject, payload, message.id)
            except NoStreamResponseError:
                logger.error("queue %s: its stream is gone with its messages; it is created again",
                             message.queue)  # fmt: skip
                self._made.discard(message.queue)
                await self._make(js, message.queue)
                await self._publish(js, _stream(message.queue), subject, payload, message.id)
        except APIError as error:
            if error.err_code == _FULL:
                raise QueueFullError(
                    f"queue {message.queue!r} is full: it holds {self.max_length} messages; "
                    "this message was not stored"
                ) from None
            raise

    async def _publish(
        self, js: Any, stream: str, subject: str, payload: bytes, id: str | None = None
    ) -> None:
        await self._publishing.publish(js, self._nats.client, stream, subject, payload, id)

    def take(
        self, queue: str, most: int, lease_s: float, reports: Sequence[Report] = ()
    ) -> Sequence[Delivery]:
        """See `Store.take`."""
        if reports:
            self.report(reports)
        return self._nats.run(lambda js: self._take(js, queue, most, lease_s))

    async def _take(self, js: Any, queue: str, most: int, lease_s: float) -> list[Delivery]:
        await self._make(js, queue)
        client, broker = self._nats.client, self._nats.server_id
        in_use = self._pulls.consumers(queue)
        gone = await self._mending.mend(client, _stream(queue), broker, in_use)
        await self._pulls.forget(queue, gone)
        with self._holding:
            has_others = any(held.queue == queue for _, held in self._in_hand.values())
        patience_s = 0.0 if has_others else FETCH_S
        found = await self._pulls.take(js, client, queue, most, lease_s, patience_s)
        if found is None:  # deleted: the next one makes it anew
            self._made.discard(queue)
            return []
        deliveries = []
        for one in found:
            delivery = await self._delivery(js, queue, one)
            if delivery is not None:
                deliveries.append(delivery)
        return deliveries

    async def _delivery(self, js: Any, queue: str, arrived: Arrived) -> Delivery | None:
        one = arrived.message
        attempt = one.metadata.num_delivered
        if one.data == FILLER:
            await self._done(js, [arrived])
            return None
        try:
            message, broker = message_in(queue, one.data)
        except (ValueError, KeyError, TypeError) as error:
            logger.error("queue %s: a message is not readable: %s", queue, error)
            await self._bury(js, queue, one.data, attempt, f"not readable: {error}")
            await self._done(js, [arrived])
            return None
        number = next(self._numbers)
        with self._holding:
            self._in_hand[number] = (arrived, message)
        return Delivery(number=number, lease=attempt, message=message, attempt=attempt,
                        may_repeat=attempt > 1 or broker != self._nats.server_id)  # fmt: skip

    def keep(self, numbers: Sequence[int], lease_s: float) -> None:
        """See `Store.keep`."""
        with self._holding:
            held = [self._in_hand[each][0].message for each in numbers if each in self._in_hand]

        async def keep(js: Any) -> None:
            await asyncio.gather(*(one.in_progress() for one in held), self._pulls.keep(lease_s))

        if held:
            self._nats.run(keep)

    def report(self, reports: Sequence[Report]) -> None:
        """See `Store.report`."""

        async def tell(js: Any) -> None:
            with self._holding:  # those told of before a report beside them failed are not here
                held = [(each, self._in_hand.get(each.number)) for each in reports]
            done: dict[str, list[Arrived]] = {}
            others = []
            for each, one in held:
                if one is not None and not each.error:
                    done.setdefault(one[0].message.subject, []).append(one[0])
                elif one is not None:
                    others.append(self._failed(js, each, *one))
            await asyncio.gather(*others, *(self._done(js, each) for each in done.values()))
            with self._holding:
                for each in reports:
                    self._in_hand.pop(each.number, None)

        self._nats.run(tell, 2 * ANSWER_S)

    async def _done(self, js: Any, of_one_consumer: list[Arrived]) -> None:
        """Report messages as done. The broker processes reports of a consumer in order, so
        confirming the last one confirms all."""
        held = [one for one in of_one_consumer if await self._is_still(js, one)]
        for one in held[:-1]:
            check_start(self._nats.client, one.server)
            await self._nats.client.publish(one.message.reply)
        for one in held[-1:]:
            check_start(self._nats.client, one.server)
            await self._nats.client.request(one.message.reply, timeout=ANSWER_S)

    async def _is_still(self, js: Any, arrived: Arrived) -> bool:
        stream = arrived.message.metadata.stream
        return await is_still(js, self._nats.client, stream, arrived)

    async def _failed(self, js: Any, report: Report, one: Arrived, message: Message) -> None:
        if report.again_in_s is None:
            await self._bury(js, message.queue, one.message.data, report.lease, report.error)
            await self._done(js, [one])
        elif await self._is_still(js, one):
            await one.message.nak(delay=report.again_in_s)
        with self._holding:
            self._in_hand.pop(report.number, None)

    async def _bury(self, js: Any, queue: str, data: bytes, attempts: int, error: str) -> None:
        told = {"attempts": attempts, "error": error}
        payload = json.dumps(told).encode() + b"\n" + data
        await self._publish(js, f"{_stream(queue)}-dead", f"onehttp-dead.{queue}", payload)

    def lengths(self) -> Sequence[Length]:
        """See `Store.lengths`."""

        async def count(js: Any) -> list[Length]:
            held = {each.config.name: each.state.messages for each in await js.streams_info()}
            return [
                Length(queue=name[8:], waiting=count, dead=held.get(f"{name}-dead", 0))
                for name, count in sorted(held.items())
                if name.startswith("onehttp-") and not name.endswith("-dead")
            ]

        return self._nats.run(count)

    def dead_letters(self, queue: str, most: int) -> Sequence[DeadLetter]:
        """See `Store.dead_letters`."""
        return [each.letter for each in self._dead(queue, most)]

    def retry(self, queue: str, id: str | None) -> int:
        """See `Store.retry`."""
        return sum(self._again(queue, found) for found in self._chosen(queue, id))

    def _again(self, queue: str, found: Dead) -> bool:
        async def again(js: Any) -> None:
            message = found.letter.message
            # Not under its id, which the broker would drop as a duplicate. Without a broker,
            # because it may have been sent before.
            await self._publish(js, _stream(queue), _subject(message), payload_of(message, ""))
            await self._delete(js, queue, found)

        self._nats.run(again)
        return True

    async def _delete(self, js: Any, queue: str, found: Dead) -> None:
        check_start(self._nats.client, found.server)
        await js.delete_msg(f"{_stream(queue)}-dead", found.number)

    def drop(self, queue: str, id: str | None) -> int:
        """See `Store.drop`."""
        chosen = self._chosen(queue, id)

        async def drop(js: Any) -> None:
            for each in chosen:
                await self._delete(js, queue, each)

        self._nats.run(drop)
        return len(chosen)

    def _chosen(self, queue: str, id: str | None) -> list[Dead]:
        return [each for each in self._dead(queue, None) if id in (None, each.letter.message.id)]

    def _dead(self, queue: str, most: int | None) -> list[Dead]:
        async def read(js: Any) -> list[Dead]:
            from nats.js.errors import NotFoundError

            await self._make(js, queue)
            name, server = f"{_stream(queue)}-dead", self._nats.server_id
            state = (await js.stream_info(name)).state
            found: list[Dead] = []
            for number in range(state.first_seq, state.last_seq + 1):
                if most is not None and len(found) >= most:
                    break
                try:
                    raw = await js.get_msg(name, number)
                except NotFoundError:  # dropped, or retried
                    continue
                if (raw.data or FILLER) != FILLER:
                    found.append(Dead(server, number, letter_in(queue, raw.data)))
            check_start(self._nats.client, server)
            return found

        return self._nats.run(read, 60.0)

    def close(self) -> None:
        """See `Store.close`."""
        if self._pulls.has_arrived():
            with suppress(QueueStoreError):  # otherwise others get it when its lease ends
                self._nats.run(lambda _: self._pulls.give_back())
        self._nats.close()
        self.forget()

    async def _make(self, js: Any, queue: str) -> None:
        """Create the streams of a queue if they do not exist."""
        from nats.js import api
        from nats.js.errors import NotFoundError

        if queue in self._made:
            return
        name = _stream(queue)
        wanted = (
            api.StreamConfig(name=name, subjects=[f"onehttp.{queue}.*"], max_msgs=self.max_length,
                             retention=api.RetentionPolicy.WORK_QUEUE,
                             discard=api.DiscardPolicy.NEW, storage=api.StorageType.FILE),
            api.StreamConfig(name=f"{name}-dead", subjects=[f"onehttp-dead.{queue}"],
                             storage=api.StorageType.FILE),
        )  # fmt: skip
        for config in wanted:
            try:
                found = await js.stream_info(config.name)
            except NotFoundError:
                found = await js.add_stream(config)
            if config is wanted[0]:
                tell_what_is_synced(self._nats.client, found.config)
        self._made.add(queue)


def _stream(queue: str) -> str:
    if not _name(queue) or queue.endswith("-dead"):
        raise QueueStoreError(
            f"queue {queue!r}: on NATS a name has letters, digits, - and _, and no -dead at its end"
        )
    return f"onehttp-{queue}"


def _subject(message: Message) -> str:
    if message.key is None:
        return f"onehttp.{message.queue}.free"
    return f"onehttp.{message.queue}.key-{zlib.crc32(message.key.encode()) % PARTS}"


_stores: weakref.WeakSet[NatsStore] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for store in list(_stores):
        store.forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
