"""The parts of a SIP server that a routing script can see: processes, transactions, messages.

Each thread stands for a process of the server, and has its own instance of the script.
"""

from __future__ import annotations

import contextvars
import dataclasses
import itertools
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from onehttp import Result
from onehttp.lowlevel import Asked, RouteTarget, carry_queries
from onehttp_compat.modules.http_async_client.calls import FAKED_MESSAGE, AsyncCall
from onehttp_compat.modules.http_async_client.reply import AsyncReply
from onehttp_compat.near_names import did_you_mean
from onehttp_compat.process import ScriptRoute
from onehttp_compat.script.instance import ScriptError, ScriptFile, ScriptInstance
from onehttp_compat.script.limits import TimeLimitExceeded, Watchdog
from onehttp_compat.script.message_in_progress import (
    REQUEST_ROUTE,
    MessageInProgress,
    RouteKind,
    Scene,
    current,
    enter,
)
from onehttp_compat.script.outcome import MessageOutcome, QueryOutcome
from onehttp_compat.script.relaying import relay, reply_arrived, send
from onehttp_compat.script.routed_message import RoutedMessage
from onehttp_compat.script.transactions import ScriptTransaction
from onehttp_compat.script.world import World
from onehttp_compat.sip.message import SipMessage

MAX_GIVEN: Final = 100_000
"""The number of messages that are remembered to detect retransmissions."""
HTTP_WORKER_RANK: Final = -2
"""The rank that ``child_init`` gets in a process that runs callbacks (``PROC_RPC``)."""


class _ThreadState(threading.local):
    """The state of one thread."""

    instance: ScriptInstance | None = None


class SipServer:
    """Runs a script for messages. `serving` makes it.

    Raises:
        ScriptError: the script does not start.
    """

    def __init__(
        self, script: ScriptFile, world: World, ranks: Iterable[int], watchdog: Watchdog
    ) -> None:
        self.world = world
        self.layer = world.layer
        self._script = script
        self._legacy = world.server
        self._watchdog = watchdog
        self._process = _ThreadState()
        self._ranks = itertools.count(1)
        self._numbers = itertools.count(1)
        self._done: queue.Queue[MessageOutcome] = queue.Queue()
        self._given: OrderedDict[int, tuple[SipMessage, int]] = OrderedDict()
        self._starting = 0
        """Work without a message that is not over. `layer.changed` guards it."""
        self._registered_route = world.server.find_route
        world.server.find_route = self._find_route
        world.server.find_result_route = self._find_result_route
        carry_queries(self._carry)
        world.server.http_async_client.observer = self
        world.run_route = self._run_named
        world.has_route = lambda name: self._own_instance().has_route(name)
        world.relay = lambda scene: relay(world, scene)
        world.send = lambda scene, hops: send(world, scene, hops)
        self._own_instance(next(self._ranks))  # so that an error in the script is reported at once
        self._others = [self._started(rank) for rank in ranks]

    def run(
        self, messages: Iterable[SipMessage], concurrency: int = 1, repeat: int = 1
    ) -> Iterator[MessageOutcome]:
        """Run the script for messages, with ``concurrency`` of them in progress at a time.

        Args:
            repeat: how often to run it; each repetition counts as new messages.

        Yields:
            The outcome of each message when its work is over, which means that it has no query in
            flight, and its transaction is not suspended. The outcome of ``child_init`` comes first,
            if it did anything to report.
        """
        kept = messages if repeat == 1 else list(messages)
        arriving = (message for _ in range(repeat) for message in kept)
        in_progress = 0
        with ThreadPoolExecutor(concurrency, "sip-worker") as workers:
            while True:
                for message in itertools.islice(arriving, concurrency - in_progress):
                    in_progress += 1
                    self._arrive(message, workers if concurrency > 1 else None)
                if not in_progress and not self._starting:
                    return
                outcome = self._next_outcome()
                if outcome.number:
                    in_progress -= 1
                    yield outcome
                else:
                    self._count_starting(-1)
                    if outcome.is_worth_telling:
                        yield outcome

    def run_one(self, message: SipMessage) -> MessageOutcome:
        """Run the script for one message in this thread."""
        (outcome,) = (outcome for outcome in self.run([message]) if outcome.number)
        return outcome

    def run_event(self, name: str, argument: str) -> MessageOutcome:
        """Run an event route or the route of a timer, without a message.

        Raises:
            ScriptError: the script has no route of that name.
        """
        if not self._own_instance().has_route(name):
            there = self._own_instance().event_routes
            raise ScriptError(
                f"{self._script.path}: no event route {name!r}"
                + (did_you_mean(name, there) or f"; there are: {', '.join(there) or 'none'}")
            )
        with self._outside(f"event {name}") as scene:
            self._own_instance().run_route(name, scene, argument)
        self._count_starting(-1)
        while (outcome := self._next_outcome()).message.label != scene.progress.message.label:
            self._done.put(outcome)
        return outcome

    # ---- the script's queries

    def sent(self, call: AsyncCall) -> None:
        """See `QueryObserver`."""
        if (scene := current()) is not None:
            scene.progress.toggle(call.job.query_id)

    def ended(self, call: AsyncCall, reply: AsyncReply, has_run: bool) -> None:
        """See `QueryObserver`."""
        scene = current()
        if scene is None:
            return
        response = reply.result.response
        outcome = QueryOutcome(
            route=call.job.route,
            result=str(response.status) if response else reply.error_text or "",
            has_response=response is not None,
            is_suspending=call.is_suspending,
            has_run=has_run,
            time_s=scene.progress.age_s,
        )
        scene.progress.note(outcome)
        scene.progress.toggle(call.job.query_id)

    def _carry(self, asked: Asked, route: RouteTarget, xdata: object) -> bool:
        """See `Carrier`: sends a query of `onehttp.submit` whose route belongs to the script."""
        if current() is None or not isinstance(route, str):
            return False
        if not self._own_instance().has_route(route):
            return False  # it may be a route of ``@onehttp.route``
        self._legacy.http_async_client.submit(asked, route, xdata)
        return True

    def _find_route(self, name: str) -> ScriptRoute | None:
        """Find a route of the script in the process of this thread."""
        return self._found(name, ScriptInstance.async_route)

    def _find_result_route(self, name: str) -> ScriptRoute | None:
        """The same for the queries of `onehttp.submit`."""
        return self._found(name, ScriptInstance.result_route)

    def _found(
        self, name: str, find: Callable[[ScriptInstance, str], ScriptRoute | None]
    ) -> ScriptRoute | None:
        scene = current()
        if scene is None:
            return self._registered_route(name)
        try:
            instance = self._own_instance(HTTP_WORKER_RANK)
        except ScriptError as error:
            scene.progress.fail(str(error))
            return None
        route = find(instance, name) or self._registered_route(name)
        if route is None:
            scene.progress.fail(f"{self._script.path.name}: no route {name!r} for the answer")
            return None
        return lambda result, is_suspended: self._run_async(instance, route, result, is_suspended)

    def _run_async(
        self, instance: ScriptInstance, route: ScriptRoute, result: Result, is_suspended: bool
    ) -> None:
        scene = current()
        assert scene is not None
        if is_suspended:  # tm runs it as a failure route
            scene = dataclasses.replace(scene, route=RouteKind.FAILURE)
        else:
            faked = RoutedMessage(FAKED_MESSAGE)
            scene = Scene(faked, scene.progress, RouteKind.EVENT, is_faked=True)
        enter(scene)
        progress = scene.progress
        self._legacy.pv.request = None if scene.is_faked else lambda: progress.request
        with self._watchdog.watching(scene):
            instance.guard(scene, lambda: route(result, is_suspended))

    # ---- its messages

    def _arrive(self, message: SipMessage, workers: ThreadPoolExecutor | None) -> None:
        run = self._times(message)
        tm = None
        if not message.refusal and not message.is_request:
            tm = self.world.waiting.find(run, message)
            if tm is not None and not tm.branches:
                tm = None  # it was answered here, so no hop was asked
        progress = MessageInProgress(
            message, next(self._numbers), self.layer, self._done.put, tm, run
        )
        if message.is_request and message.method not in ("ACK", "CANCEL"):
            progress.repeats = self._repeated(run, message)
            progress.note_transaction = lambda made: self.world.waiting.add(run, made)
        context = contextvars.copy_context()
        if workers is None:
            context.run(self._work, progress)
        else:
            workers.submit(context.run, self._work, progress)

    def _times(self, message: SipMessage) -> int:
        """How often this message was given before. The same bytes at another place of a capture are
        a retransmission; the same message, given again, is a new one."""
        known = self._given.pop(id(message), None)
        count = known[1] + 1 if known is not None else 0
        self._given[id(message)] = (message, count)  # kept, so that no other object gets its id()
        while len(self._given) > MAX_GIVEN:
            self._given.popitem(last=False)
        return count

    def _repeated(self, run: int, message: SipMessage) -> ScriptTransaction | None:
        """Return the transaction of an earlier request with the same branch."""
        known = None if message.refusal else self.world.waiting.find(run, message)
        return known if known is not None and known.is_same_hop(message) else None

    def _work(self, progress: MessageInProgress) -> None:
        """Run the routes for a message, in the context of that message."""
        message = progress.message
        try:
            if message.refusal:
                progress.outcome.refusal = message.refusal
                return
            scene = Scene(RoutedMessage(message), progress)
            enter(scene)
            pv = self._legacy.pv
            pv.new_message()
            pv.request = lambda: progress.request
            with self._watchdog.watching(scene):
                if message.is_request:
                    self._own_instance().run(scene)
                else:
                    reply_arrived(self.world, progress)
        except BaseException as error:
            progress.fail(str(error))
            if not isinstance(error, (ScriptError, TimeLimitExceeded)):
                raise
        finally:
            progress.toggle(REQUEST_ROUTE)

    def _run_named(self, name: str, scene: Scene) -> bool:
        """Run a route of the script inside another one, with its own scene."""
        before = current()
        enter(scene)
        try:
            return self._own_instance().run_route(name, scene)
        finally:
            enter(before)

    def _next_outcome(self) -> MessageOutcome:
        """Wait until the next message is done. Timers of transactions run meanwhile."""
        while True:
            try:
                return self._done.get(timeout=self._until_timer_s())
            except queue.Empty:
                self.layer.expire()

    def _until_timer_s(self) -> float:
        layer = self.layer
        with layer.changed:
            due = next(iter(layer.suspended.values()), None)
            if due is not None and due <= layer.clock():
                layer.expire()
                due = next(iter(layer.suspended.values()), None)
        # a transaction that is suspended later cannot be due earlier
        return layer.final_timer_s if due is None else max(0.0, due - layer.clock())

    # ---- its processes

    def _own_instance(self, rank: int | None = None) -> ScriptInstance:
        process = self._process
        if process.instance is None:
            process.instance = self._started(next(self._ranks) if rank is None else rank)
        return process.instance

    def _started(self, rank: int) -> ScriptInstance:
        """Return an instance with that rank, which finds the routes for the queries of its
        ``child_init``.

        Raises:
            ScriptError: it does not start.
        """
        instance: ScriptInstance | None = None
        with self._outside(f"child_init({rank})") as scene, self._watchdog.watching(scene):
            instance = ScriptInstance(self._script, rank)
            if self._process.instance is None:
                self._process.instance = instance
        if instance is None:
            raise ScriptError(
                f"{self._script.path}: does not start: {scene.progress.outcome.error}"
            )
        return instance

    def _count_starting(self, step: int) -> None:
        with self.layer.changed:
            self._starting += step

    @contextmanager
    def _outside(self, label: str) -> Iterator[Scene]:
        """A scene for code that runs without a message. It counts as a message until all its work
        is over."""
        message = dataclasses.replace(FAKED_MESSAGE, label=label)
        progress = MessageInProgress(message, 0, self.layer, self._done.put)
        scene = Scene(RoutedMessage(message), progress, RouteKind.EVENT, is_faked=True)
        before = current()
        enter(scene)
        self._count_starting(1)
        try:
            yield scene
        finally:
            enter(before)
            progress.toggle(REQUEST_ROUTE)
