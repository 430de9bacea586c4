"""The JetStream consumers of a worker's queues: one for messages without a key, and one for each
part of the keys."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Final, NamedTuple

from onehttp.durable.nats_pull import Arrived, Pull

LOOK_S: Final = 0.1
"""The interval at which a queue that is not empty is asked for its keys."""
MANY_AT_ONCE: Final = 10_000


class Pulls:
    """The consumers of one connection, on its loop."""

    def __init__(self) -> None:
        self._pulls: dict[str, Pull] = {}
        self._known: dict[str, _Known] = {}
        self._created: dict[str, Any] = {}
        self._arrived = asyncio.Event()

    async def take(
        self, js: Any, client: Any, queue: str, most: int, lease_s: float, patience_s: float
    ) -> list[Arrived] | None:
        """Return messages that have arrived; None if the stream of the queue is gone.

        Args:
            patience_s: how long to wait for the first.
        """
        subjects = await self._subjects(js, queue)
        if subjects is None:
            return None
        arrived = self._arrived = asyncio.Event()
        making = (self._pull(js, client, queue, each, lease_s) for each in subjects)
        pulls = await asyncio.gather(*making)
        for pull in pulls:
            await pull.ask(most)
        if patience_s and pulls and not any(pull.here for pull in pulls):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(arrived.wait(), patience_s)
        found: list[Arrived] = []
        for pull in pulls:
            while len(found) < most and (one := await pull.next(lease_s)) is not None:
                found.append(one)
        return found

    def has_arrived(self) -> bool:
        """Whether there are messages that were not taken yet."""
        return any(pull.here for pull in list(self._pulls.values()))

    async def keep(self, lease_s: float) -> None:
        """Begin the leases of messages anew that have arrived and were not taken yet."""
        for pull in list(self._pulls.values()):
            await pull.keep(lease_s)

    async def give_back(self) -> None:
        """Return the messages for other workers."""
        for pull in self._pulls.values():
            while pull.here:
                await pull.here.popleft().message.nak()
            await pull.client.flush()

    async def _subjects(self, js: Any, queue: str) -> list[str] | None:
        """Return the subjects that have messages, or had some a moment ago."""
        from nats.js.errors import NotFoundError

        now = asyncio.get_running_loop().time()
        known = self._known.get(queue)
        if known is not None and now < known.until:
            return known.subjects
        self._known.pop(queue, None)
        try:
            told = await js.stream_info(stream_of(queue), subjects_filter=">")
        except NotFoundError:
            await self._end(queue)
            return None
        if self._created.setdefault(queue, told.created) != told.created:
            self._created[queue] = told.created  # created again: its consumers are gone, too
            await self._end(queue)
        subjects = list(told.state.subjects or ())
        if subjects:  # an empty queue is checked each time
            self._known[queue] = _Known(subjects, now + LOOK_S)
        return subjects

    def consumers(self, queue: str) -> set[str]:
        """Return the names of the consumers of a queue that are in use."""
        subjects = (subject.split(".", 2) for subject in list(self._pulls))
        return {name for _, of, name in subjects if of == queue}

    async def forget(self, queue: str, consumers: Collection[str]) -> None:
        """Forget consumers that are no longer there; `take` creates them again."""
        for name in self.consumers(queue) & set(consumers):
            await self._pulls.pop(f"onehttp.{queue}.{name}").end()

    async def _end(self, queue: str) -> None:
        await self.forget(queue, self.consumers(queue))

    async def _pull(self, js: Any, client: Any, queue: str, subject: str, lease_s: float) -> Pull:
        pull = self._pulls.get(subject)
        if pull is None or pull.client is not client:
            from nats.js import api

            most = MANY_AT_ONCE if subject.endswith(".free") else 1
            name = subject.rpartition(".")[2]
            config = api.ConsumerConfig(
                durable_name=name,
                filter_subject=subject,
                ack_policy=api.AckPolicy.EXPLICIT,
                ack_wait=lease_s,
                max_ack_pending=most,
            )
            await js.add_consumer(stream_of(queue), config)
            pull = Pull(client, stream_of(queue), name, most, lambda: self._arrived.set())
            self._pulls[subject] = pull
        return pull


class _Known(NamedTuple):
    """The known subjects of a queue."""

    subjects: list[str]
    until: float
    """The time of the loop's clock until which this is valid."""


def stream_of(queue: str) -> str:
    """Return the name of a queue's stream."""
    return f"onehttp-{queue}"
