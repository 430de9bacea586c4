"""Requests messages of one JetStream consumer in advance, so that taking one needs no round trip.

A consumer that may have only one message in flight answers when that is done. Waiting for such an
answer would block all other consumers.

Source: docs.nats.io, JetStream wire API, ``CONSUMER.MSG.NEXT``.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from onehttp.durable.nats_start import server_of

EXPIRES_S: Final = 1.0
"""How long the broker keeps a request. It forgets requests when it restarts."""
_LATER_S: Final = 2 * EXPIRES_S
"""After this time, no answer to the request is expected any more."""
_STATUS: Final = "Status"


class Arrived:
    """A message that has arrived and was not taken yet."""

    __slots__ = ("message", "server", "since")

    def __init__(self, message: Any, server: str, since: float) -> None:
        self.message = message
        self.server = server
        """The start of the server whose number the message has."""
        self.since = since
        """The time of the loop's clock at which its lease began."""


class Pull:
    """See the module. All methods run on one loop.

    Args:
        arrived: is called when a message has come.
    """

    __slots__ = ("_arrived", "_asked", "_inbox", "_subject", "_subscription", "_until", "client",
                 "here", "most")  # fmt: skip

    def __init__(
        self, client: Any, stream: str, consumer: str, most: int, arrived: Callable[[], None]
    ) -> None:
        self.client = client
        self.most = most
        """The number of messages that may be in the hands of workers."""
        self.here: deque[Arrived] = deque()
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._subscription: Any = None
        self._arrived = arrived
        self._asked = 0
        self._until = 0.0

    async def ask(self, most: int) -> None:
        """Request messages until so many have arrived or are requested."""
        now = asyncio.get_running_loop().time()
        if self._subscription is None:
            self._subscription = await self.client.subscribe(self._inbox, cb=self._came)
        if now >= self._until:
            self._asked = 0
        wanted = min(most, self.most) - len(self.here) - self._asked
        if wanted > 0:
            told = {"batch": wanted, "expires": int(EXPIRES_S * 1e9)}
            await self.client.publish(self._subject, json.dumps(told).encode(), reply=self._inbox)
            self._asked += wanted
            self._until = now + _LATER_S

    async def next(self, lease_s: float) -> Arrived | None:
        """Return a message that has arrived; None if there is none.

        A worker that was held up may have it for so long that another one has it, too, who says
        that it may be a repeat. This one could not say so.
        """
        now = asyncio.get_running_loop().time()
        while self.here:
            arrived = self.here.popleft()
            age_s = now - arrived.since
            if age_s < lease_s / 2:
                return arrived
            if age_s < lease_s:
                await arrived.message.nak()
        return None

    async def keep(self, lease_s: float) -> None:
        """Begin the leases of what is here anew, as far as they have not ended."""
        now = asyncio.get_running_loop().time()
        for arrived in list(self.here):
            if now - arrived.since < lease_s:
                arrived.since = now
                await arrived.message.in_progress()

    async def end(self) -> None:
        """Stop requesting. Messages that have arrived are not returned."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()

    async def _came(self, message: Any) -> None:
        if message.headers and _STATUS in message.headers and not message.data:
            self._asked = 0  # the request has ended, by its time or with the consumer
            return
        self._asked = max(0, self._asked - 1)
        now = asyncio.get_running_loop().time()
        self.here.append(Arrived(message, server_of(self.client), now))
        self._arrived()
