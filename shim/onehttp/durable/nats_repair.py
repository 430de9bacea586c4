"""Repairs inconsistent state of a broker that was killed, which the broker itself does not do.

The content of a stream, its index by subject and the progress of a consumer are in separate files,
each as old as its last write. After a kill, four inconsistencies are possible, and all are
permanent:

- A message is done, but a consumer waits for it. If the consumer may have only one message in
  flight, no other message of its keys is delivered. The repair confirms the message.
- A message exists, but its consumer considers it done, which it may be. The repair stores it again
  as a message that may have been sent.
- A message exists, but is missing in the index, in which consumers search: nobody gets it, and
  whoever asks for the messages of its subject does not learn of it. The repair reads by number, and
  stores it again, too. The index may lose a message long after the start of the broker.
- A consumer has delivered numbers that the stream has not reached: the stream was empty, and has
  started over. The consumer would skip all that comes until then. The repair deletes it; workers
  create it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from onehttp.durable.nats_payload import again_of, broker_of
from onehttp.durable.nats_publishing import Publishing
from onehttp.durable.nats_start import GONE, check_start
from onehttp.errors import QueueStoreError

logger = logging.getLogger("onehttp")
LOOK_S: Final = 2.0
"""The interval between checks."""
SHARE: Final = 10
"""A check is followed by a pause of so many times its duration. For a check, the broker counts the
waiting messages of each consumer: after kills, nats-server 2.9 took 0.2 s of CPU for 65 consumers
and 28,000 messages, and 3 to 18 s on a busy machine."""
LONGEST_PAUSE_S: Final = 600.0
LONGEST_LOOK_S: Final = 60.0
"""The broker may take so long for one answer to a check. Deliveries go on meanwhile."""
SHORT_LOOK_S: Final = 0.2
"""A delivery waits so long for the check that it has begun. Most checks have ended by then."""
GONE_MOST: Final = 10_000
"""The number of messages before the first one of a stream that one check confirms."""
HIDDEN_MOST: Final = 64
"""The number of messages that one check reads by their numbers, of those that may be missing in the
index."""
IDLE_MOST: Final = 1024
"""The same, if there are more messages than the consumers know of, or these may be gone."""
SURE: Final = 5
"""The number of checks in a row after which a message that nobody gets is missing in the index."""
_DONE: Final = b"+ACK"


class Mending:
    """Repairs one store: each queue, as long as it is used."""

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing
        self._begun: dict[str, _Begun] = {}

    async def mend(self, client: Any, stream: str, broker: str, in_use: set[str]) -> set[str]:
        """Repair a queue, if a check is due, in a task of its own. Returns the consumers that were
        ``in_use`` when a check began that has now ended, and that it has not found.
        """
        begun = self._begun.get(stream)
        if begun is None or begun.broker != broker:
            if begun is not None and begun.looking is not None:
                begun.looking.cancel()
            begun = self._begun[stream] = _Begun(broker, self._publishing)
        loop = asyncio.get_running_loop()
        if begun.looking is None:
            if loop.time() < begun.look_at:
                return set()
            begun.in_use = in_use
            begun.looked_at = loop.time()
            begun.looking = loop.create_task(_tried(client, stream, begun))
            await asyncio.wait({begun.looking}, timeout=SHORT_LOOK_S)
        looking = begun.looking
        if looking is None or not looking.done():  # None: another thread's `take` had its result
            return set()
        begun.looking = None
        pause_s = min(SHARE * (loop.time() - begun.looked_at), LONGEST_PAUSE_S)
        begun.look_at = max(begun.looked_at + LOOK_S, loop.time() + pause_s)
        found = None if looking.cancelled() else looking.result()
        return set() if found is None else begun.in_use - found


async def _tried(client: Any, stream: str, begun: _Begun) -> set[str] | None:
    from nats.errors import Error
    from nats.js.errors import APIError, NotFoundError

    try:
        return await _look(client.jetstream(timeout=LONGEST_LOOK_S), client, stream, begun)
    except NotFoundError:  # the stream is gone, which the next `take` reports
        return None
    except (Error, OSError, asyncio.TimeoutError, QueueStoreError) as error:
        # A lost connection is reported by deliveries. A full disk or a slow broker may not be.
        is_told = not isinstance(error, (APIError, asyncio.TimeoutError))
        logger.log(
            logging.DEBUG if is_told else logging.ERROR,
            "%s: the state that its broker has left is not repaired yet: %s: %s",
            stream,
            type(error).__name__,
            error,
        )
        return None


class _Begun:
    """The progress of a repair since a start of the broker."""

    __slots__ = ("broker", "gone_until", "in_use", "left", "look_at", "looked_at", "looking",
                 "next", "publishing", "unclaimed")  # fmt: skip

    def __init__(self, broker: str, publishing: Publishing) -> None:
        self.broker = broker
        self.publishing = publishing
        self.left: dict[str, int] | None = None
        """The last message that each consumer had delivered by then. Earlier messages may be
        repaired as soon as none before them is in flight."""
        self.gone_until: dict[str, int] = {}
        """By the consumer: the number from which the next check confirms what is gone."""
        self.look_at = 0.0
        """The time of the loop's clock at which the next check is due."""
        self.in_use: set[str] = set()
        """The consumers that were in use when the last check began."""
        self.looked_at = 0.0
        """The time of the loop's clock at which it began."""
        self.looking: asyncio.Task[set[str] | None] | None = None
        self.next = 0
        """The number from which the next check reads on."""
        self.unclaimed: dict[int, _Unclaimed] = {}
        """By the numbers of the messages."""


class _Unclaimed(NamedTuple):
    """A message that nobody gets, as it seems."""

    delivered: int
    """The last message that its consumer had delivered."""
    times: int
    """The number of checks that found it so."""


async def _look(js: Any, client: Any, stream: str, begun: _Begun) -> set[str]:
    consumers = {each.name: each for each in await js.consumers_info(stream)}
    # In this order: nobody can have delivered what comes later.
    state = (await js.stream_info(stream)).state
    ours = {name: each for name, each in consumers.items() if each.config.filter_subject}
    for name in [name for name, each in ours.items() if each.delivered.stream_seq > state.last_seq]:
        check_start(client, begun.broker)
        logger.error("%s: its numbers start over, consumer %s is created again", stream, name)
        await js.delete_consumer(stream, name)
        del ours[name]
    if begun.left is None:
        begun.left = {name: each.delivered.stream_seq for name, each in ours.items()}
    for name, last in list(begun.left.items()):
        consumer = ours.get(name)
        if consumer is not None:
            await _forget_what_is_gone(js, client, stream, state, consumer, begun)
            await _store_all_anew(js, client, stream, consumer, begun)
        if consumer is None or consumer.ack_floor.stream_seq >= last:
            # Another look may have gone on: Python before 3.12 loses a cancellation that comes with
            # the answer waited for.
            begun.left.pop(name, None)
    if state.messages:
        of_subjects = {each.config.filter_subject: each for each in ours.values()}
        await _store_hidden_anew(js, client, stream, state, of_subjects, begun)
    return set(ours)


async def _forget_what_is_gone(
    js: Any, client: Any, stream: str, state: Any, consumer: Any, begun: _Begun
) -> None:
    """Confirm messages that are gone: some of those after all that are done, next time others.

    The broker tells how many are in flight, but not which.
    """
    if not consumer.num_ack_pending:
        return
    floor, last = consumer.ack_floor.stream_seq, consumer.delivered.stream_seq
    first = begun.gone_until.get(consumer.name, 0)
    if not floor < first <= last:
        first = floor + 1
    if first < state.first_seq:
        gone = list(range(first, min(state.first_seq, last + 1, first + GONE_MOST)))
        begun.gone_until[consumer.name] = first + len(gone)
    else:
        is_lane = consumer.config.max_ack_pending == 1
        end = min(last + 1, first + (HIDDEN_MOST if is_lane else IDLE_MOST))
        begun.gone_until[consumer.name] = end
        # Confirming a message that exists, of any key, would remove it.
        gone = await _gone(js, stream, (*range(first, end), *([last] if is_lane else ())))
    for number in gone:
        place = f"{stream}.{consumer.name}.1.{number}.{number}.0.0"
        check_start(client, begun.broker)
        await client.publish(f"$JS.ACK.{place}", _DONE)


async def _gone(js: Any, stream: str, numbers: Iterable[int]) -> list[int]:
    chosen = list(dict.fromkeys(numbers))
    found = await asyncio.gather(*(_message(js, stream, number) for number in chosen))
    return [number for number, message in zip(chosen, found, strict=True) if message is None]


async def _store_all_anew(js: Any, client: Any, stream: str, consumer: Any, begun: _Begun) -> None:
    number, last = 1, consumer.ack_floor.stream_seq
    while number <= last:
        found = await _message(js, stream, number, consumer.config.filter_subject)
        if found is None or found.seq > last:
            return
        number = found.seq + 1
        if broker_of(found.data or b"") != begun.broker:  # otherwise it is being removed
            await _store_anew(js, client, stream, found, begun)


async def _store_hidden_anew(
    js: Any,
    client: Any,
    stream: str,
    state: Any,
    of_subjects: dict[str, Any],
    begun: _Begun,
) -> None:
    """Store messages anew that exist, but that nobody gets.

    A consumer does not get what it considers done, and if it has nothing in flight and does not go
    on, it does not find what remains.
    """
    first = max(begun.next, state.first_seq)
    if first > state.last_seq:
        first = state.first_seq
    known = sum(each.num_pending + each.num_ack_pending for each in of_subjects.values())
    begun.next = first + (IDLE_MOST if known < state.messages else HIDDEN_MOST)
    numbers = dict.fromkeys((*begun.unclaimed, *range(first, min(begun.next, state.last_seq + 1))))
    unclaimed: dict[int, _Unclaimed] = {}
    for found in await asyncio.gather(*(_message(js, stream, number) for number in numbers)):
        if found is None:
            continue
        consumer = of_subjects.get(found.subject)
        delivered = consumer.delivered.stream_seq if consumer else 0
        is_done = consumer is not None and found.seq <= consumer.ack_floor.stream_seq
        if consumer is not None and consumer.num_ack_pending and not is_done:
            continue
        before = begun.unclaimed.get(found.seq)
        is_same = before is not None and (is_done or before.delivered == delivered)
        times = before.times + 1 if before is not None and is_same else 1
        if times >= SURE:
            logger.error("%s: message %d was not found by its broker: stored again", stream,
                         found.seq)  # fmt: skip
            await _store_anew(js, client, stream, found, begun)
        else:
            unclaimed[found.seq] = _Unclaimed(delivered, times)
    begun.unclaimed = unclaimed


async def _store_anew(js: Any, client: Any, stream: str, found: Any, begun: _Begun) -> None:
    """Store a message again, as one that may have been sent."""
    from nats.js.errors import APIError

    payload = again_of(found.data or b"")
    # If another process does the same now, the broker drops the duplicate. The number alone would
    # not do, because numbers may start over.
    id = f"{found.seq} of {stream} again, {hashlib.sha256(payload).hexdigest()}"
    await begun.publishing.publish(js, client, stream, found.subject, payload, id)
    check_start(client, begun.broker)
    try:
        await js.delete_msg(stream, found.seq)
    except APIError as error:
        if error.err_code not in GONE:  # otherwise another process has deleted it
            raise


async def _message(js: Any, stream: str, number: int, subject: str | None = None) -> Any:
    """Return the message with this number, or the first one of ``subject`` from there on; None if
    there is none."""
    from nats.js.errors import NotFoundError

    try:
        return await js.get_msg(stream, number, subject, next=subject is not None)
    except NotFoundError:
        return None
