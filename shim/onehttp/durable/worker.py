"""Sends the messages of a queue, each at least once, many at a time.

A call follows the policies of its connection, including retries. A message that still fails returns
to the queue and is due again later, with exponential backoff. A message that the server refuses
permanently, or that has failed too often, becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from random import random
from typing import TYPE_CHECKING, Final, NamedTuple

from onehttp.calls.arguments import CallArguments
from onehttp.durable.message import IDEMPOTENCY_KEY, POSSIBLE_REPEAT, Message
from onehttp.durable.store import Delivery, Report, Store
from onehttp.errors import (
    CancelledError,
    OnehttpError,
    QueueStoreError,
    RequestError,
    Sent,
    TransferError,
)
from onehttp.policies.retry import retry_after_s
from onehttp_backends.contract import Response
from onehttp_backends.observed import Attempt, Observer
from onehttp_backends.response import FIRST_ERROR

if TYPE_CHECKING:
    Send = Callable[[Message, CallArguments], Awaitable[Response]]

logger = logging.getLogger("onehttp.worker")
WORTH_ANOTHER: Final = frozenset({408, 425, 429})
"""The statuses below 500 after which another attempt is made; it is after all others of 500 or
more."""
STORE_AGAIN_S: Final = 1.0
"""The wait before the next access to a store that has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The settings of a worker."""

    concurrency: int = 64
    """The number of calls in flight."""
    deliveries: int = 20
    """The number of failures after which a message becomes a dead letter."""
    backoff_base_s: float = 1.0
    backoff_max_s: float = 600.0
    lease_s: float = 60.0
    """The time after which other workers may take the messages of a worker that has died."""
    poll_s: float = 0.1
    """The interval at which the queue is checked for new messages."""


class _Held(NamedTuple):
    """A message whose call is under way."""

    task: asyncio.Task[None]
    deliveries: list[Delivery]
    """More than one if a lease ended meanwhile, and this worker took the message again."""


class Worker:
    """Sends the messages of one queue.

    Args:
        send: makes the call for a message, with these keywords.
    """

    def __init__(
        self, store: Store, queue: str, send: Send, settings: WorkerSettings | None = None
    ) -> None:
        self._store = store
        self._queue = queue
        self._send = send
        self.settings = settings or WorkerSettings()
        self.sent = self.failed = 0
        """The numbers of successful and of failed deliveries."""
        self._in_hand: dict[str, _Held] = {}
        """By the ids of the messages."""
        self._reports: list[tuple[str, Report]] = []
        """With the id of the message that each is about."""
        self._is_stopping = False
        self._something = asyncio.Event()

    def stop(self) -> None:
        """Take no more messages; `run` returns when the calls in flight have ended."""
        self._is_stopping = True
        self._something.set()

    async def run(self, until_empty: bool = False) -> None:
        """Send messages until `stop`.

        Args:
            until_empty: return as soon as no message is due.
        """
        keeps_at = 0.0
        try:
            while True:
                self._something.clear()
                try:
                    if self._in_hand and time.monotonic() >= keeps_at:
                        await asyncio.to_thread(
                            self._store.keep, self._numbers(), self.settings.lease_s
                        )
                        keeps_at = time.monotonic() + self.settings.lease_s / 4
                    taken = await self._exchange()
                except QueueStoreError as error:
                    logger.error("queue %s: %s", self._queue, error)
                    await asyncio.sleep(STORE_AGAIN_S)
                    continue
                is_idle = not self._in_hand and not self._reports
                if is_idle and (self._is_stopping or (until_empty and not taken)):
                    return
                if not self._something.is_set():
                    await self._wait()
        finally:
            for held in self._in_hand.values():
                held.task.cancel()

    def _numbers(self) -> list[int]:
        return [each.number for held in self._in_hand.values() for each in held.deliveries]

    async def _exchange(self) -> int:
        """Report finished deliveries to the store, and start as many that are due as fit. Returns
        how many were started."""
        room = 0 if self._is_stopping else self.settings.concurrency - len(self._in_hand)
        ended, self._reports = self._reports, []
        reports = [report for _, report in ended]
        deliveries: Sequence[Delivery] = ()
        try:
            if room > 0:
                lease_s = self.settings.lease_s
                deliveries = await asyncio.to_thread(
                    self._store.take, self._queue, room, lease_s, reports
                )
            elif reports:
                await asyncio.to_thread(self._store.report, reports)
        except BaseException:
            self._reports = ended + self._reports
            raise
        ended_meanwhile = dict(self._reports)
        for delivery in deliveries:
            report = ended_meanwhile.get(delivery.message.id)
            if report is None:
                self._begin(delivery)
            else:
                self._note(delivery, report)
        return len(deliveries)

    def _begin(self, delivery: Delivery) -> None:
        """Send a message, unless that is under way: its lease ended before its call did."""
        id = delivery.message.id
        held = self._in_hand.get(id)
        if held is None:
            task = asyncio.ensure_future(self._deliver(delivery))
            self._in_hand[id] = _Held(task, [delivery])
        else:
            held.deliveries.append(delivery)
            logger.warning("queue %s: the lease of message %s ended while it was sent",
                           self._queue, id)  # fmt: skip

    async def _wait(self) -> None:
        """Wait until a delivery ends, or until the next check is due."""
        try:
            await asyncio.wait_for(self._something.wait(), self.settings.poll_s)
        except asyncio.TimeoutError:
            return

    async def _deliver(self, delivery: Delivery) -> None:
        message = delivery.message
        report = Report(number=delivery.number, lease=delivery.lease)
        try:
            response = await self._send(message, message.call(delivery.may_repeat))
            if response.status >= FIRST_ERROR:
                report = self._refused(delivery, response)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect in one call must not end the worker
            report = self._not_sent(delivery, error)
        if report.error:
            self.failed += 1
            what = "is a dead letter" if report.again_in_s is None else "is tried again"
            logger.warning("queue %s: message %s %s after attempt %d: %s", self._queue,
                           message.id, what, delivery.attempt, report.error)  # fmt: skip
        else:
            self.sent += 1
        for each in self._in_hand.pop(message.id).deliveries:
            self._note(each, report)
        self._something.set()

    def _note(self, delivery: Delivery, report: Report) -> None:
        """Note the outcome of a message for one of the times that it was taken."""
        found = replace(report, number=delivery.number, lease=delivery.lease)
        self._reports.append((delivery.message.id, found))

    def _refused(self, delivery: Delivery, response: Response) -> Report:
        status = response.status
        error = f"status {status}"
        if status < 500 and status not in WORTH_ANOTHER:
            return Report(number=delivery.number, lease=delivery.lease, error=error)
        asked_s = retry_after_s(response.headers.get("retry-after", ""), time.time)
        return self._again(delivery, error, min(asked_s, self.settings.backoff_max_s), True)

    def _not_sent(self, delivery: Delivery, error: Exception) -> Report:
        shown = f"{type(error).__name__}: {error}"
        may_have_arrived = not isinstance(error, TransferError) or error.sent is not Sent.NO
        if isinstance(
            error, CancelledError
        ):  # the process ends, which is no failure of the message
            return Report(number=delivery.number, lease=delivery.lease, error=shown,
                          again_in_s=0.0, may_have_arrived=may_have_arrived)  # fmt: skip
        if isinstance(error, (RequestError, TypeError)):
            return Report(number=delivery.number, lease=delivery.lease, error=shown,
                          may_have_arrived=may_have_arrived)  # fmt: skip
        if not isinstance(error, OnehttpError):
            logger.error("queue %s: message %s", self._queue, delivery.message.id, exc_info=error)
        elif not isinstance(error, TransferError):
            may_have_arrived = False  # no such connection, or not initialised
        return self._again(delivery, shown, 0.0, may_have_arrived)

    def _again(
        self, delivery: Delivery, error: str, at_least_s: float, may_have_arrived: bool
    ) -> Report:
        settings = self.settings
        again_in_s = None
        if delivery.attempt < settings.deliveries:
            ceiling_s = min(
                settings.backoff_max_s, settings.backoff_base_s * 2 ** (delivery.attempt - 1)
            )
            again_in_s = at_least_s + ceiling_s * (0.5 + random() / 2)
        return Report(number=delivery.number, lease=delivery.lease, error=error,
                      again_in_s=again_in_s, may_have_arrived=may_have_arrived)  # fmt: skip


class TellsOfRepeats(Observer):
    """Marks attempts that a connection's policies repeat within one delivery, by a header."""

    def attempt_begins(self, attempt: Attempt) -> None:
        if attempt.number == 1 or attempt.call.reason == "redirect":
            return
        headers = attempt.request.headers
        names = {name.lower() for name, _ in headers}
        if IDEMPOTENCY_KEY.lower() in names and POSSIBLE_REPEAT.lower() not in names:
            marked = (*headers, (POSSIBLE_REPEAT, "yes"))
            attempt.request = attempt.request._replace(headers=marked)
