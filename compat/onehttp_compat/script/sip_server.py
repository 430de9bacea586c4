"""As much of a SIP server as a routing script can see: processes, transactions, messages.

Each thread stands for a process of the server: it has an instance of the script for itself.
"""

from __future__ import annotations

import contextvars
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from onehttp import Result
from onehttp.lowlevel import DEFAULT_FINAL_TIMER_S, TransactionLayer
from onehttp_compat.modules.http_async_client.calls import FAKED_MESSAGE, AsyncCall
from onehttp_compat.modules.http_async_client.reply import AsyncReply
from onehttp_compat.process import ScriptRoute
from onehttp_compat.script.instance import Script, ScriptError, ScriptInstance
from onehttp_compat.script.message_in_progress import (
    REQUEST_ROUTE,
    MessageInProgress,
    Scene,
    current,
    enter,
)
from onehttp_compat.script.outcome import MessageOutcome, QueryOutcome
from onehttp_compat.script.provided_modules import provided_modules, script_ksr
from onehttp_compat.server import LegacyServer
from onehttp_compat.sip.message import SipMessage

HTTP_WORKER_RANK: Final = -2
"""What ``child_init`` is told in a process that runs callbacks (``PROC_RPC``)."""


class _Process(threading.local):
    """What a thread has for itself."""

    instance: ScriptInstance | None = None


class SipServer:
    """Runs a script for messages. Made by `serving`.

    Raises:
        ScriptError: the script does not start.
    """

    def __init__(self, script: Script, legacy: LegacyServer, layer: TransactionLayer) -> None:
        self.layer = layer
        self._script = script
        self._legacy = legacy
        self._process = _Process()
        self._ranks = itertools.count(1)
        self._numbers = itertools.count(1)
        self._done: queue.SimpleQueue[MessageOutcome] = queue.SimpleQueue()
        self._registered_route = legacy.find_route
        self._own_instance(next(self._ranks))  # so that a script's mistake is known at once
        legacy.find_route = self._find_route
        legacy.http_async_client.observer = self

    def run(self, messages: Iterable[SipMessage], concurrency: int = 1) -> Iterator[MessageOutcome]:
        """Give messages to the script, ``concurrency`` of them in progress at once.

        Yields:
            the outcome of each when nothing of it is open: it has no query on its way, and its
            transaction is not suspended.
        """
        arriving = iter(messages)
        in_progress = 0
        with ThreadPoolExecutor(concurrency, "sip-worker") as workers:
            while True:
                for message in itertools.islice(arriving, concurrency - in_progress):
                    in_progress += 1
                    self._arrive(message, workers if concurrency > 1 else None)
                if not in_progress:
                    return
                outcome = self._next_outcome()
                in_progress -= 1
                yield outcome

    def run_one(self, message: SipMessage) -> MessageOutcome:
        """Give one message to the script, in this thread."""
        (outcome,) = self.run([message])
        return outcome

    # ---- the script's queries

    def sent(self, call: AsyncCall) -> None:
        """A `QueryObserver`'s."""
        if (scene := current()) is not None:
            scene.progress.toggle(call.job.query_id)

    def ended(self, call: AsyncCall, reply: AsyncReply, has_run: bool) -> None:
        """A `QueryObserver`'s."""
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

    def _find_route(self, name: str) -> ScriptRoute | None:
        """A route of the script, as this thread's process has it."""
        scene = current()
        if scene is None:
            return self._registered_route(name)
        try:
            instance = self._own_instance(HTTP_WORKER_RANK)
        except ScriptError as error:
            scene.progress.fail(str(error))
            return None
        route = instance.route(name) or self._registered_route(name)
        if route is None:
            scene.progress.fail(f"{self._script.path.name}: no route {name!r} for the answer")
            return None
        return lambda result, is_suspended: self._run_route(instance, route, result, is_suspended)

    def _run_route(
        self, instance: ScriptInstance, route: ScriptRoute, result: Result, is_suspended: bool
    ) -> None:
        scene = current()
        assert scene is not None
        if not is_suspended:
            scene = Scene(FAKED_MESSAGE, scene.progress, is_faked=True)
            enter(scene)
        progress = scene.progress
        self._legacy.pv.request = None if scene.is_faked else lambda: progress.request
        instance.guard(scene, lambda: route(result, is_suspended))

    # ---- its messages

    def _arrive(self, message: SipMessage, workers: ThreadPoolExecutor | None) -> None:
        progress = MessageInProgress(message, next(self._numbers), self.layer, self._done.put)
        context = contextvars.copy_context()
        if workers is None:
            context.run(self._work, progress)
        else:
            workers.submit(context.run, self._work, progress)

    def _work(self, progress: MessageInProgress) -> None:
        """Run the request route for a message, in the context that is its own."""
        scene = Scene(progress.message, progress)
        enter(scene)
        pv = self._legacy.pv
        pv.new_message(progress.message.variables())
        pv.request = lambda: progress.request
        try:
            self._own_instance().run(scene)
        except BaseException as error:
            progress.fail(str(error))
            if not isinstance(error, ScriptError):
                raise
        finally:
            progress.toggle(REQUEST_ROUTE)

    def _next_outcome(self) -> MessageOutcome:
        """Wait for the next message to be done; transactions' timers fire meanwhile."""
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
        # Nobody who is suspended from now on can be due earlier than that.
        return layer.final_timer_s if due is None else max(0.0, due - layer.clock())

    def _own_instance(self, rank: int | None = None) -> ScriptInstance:
        process = self._process
        if process.instance is None:
            process.instance = ScriptInstance(
                self._script, next(self._ranks) if rank is None else rank
            )
        return process.instance


@contextmanager
def serving(
    path: Path,
    legacy: LegacyServer,
    method: str | None = None,
    *,
    final_timer_s: float = DEFAULT_FINAL_TIMER_S,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[SipServer]:
    """A server that runs the script at ``path``; ``import KSR`` finds its ``KSR`` meanwhile.

    Args:
        method: which method of an ``app_python`` script takes messages.
        final_timer_s: ``fr_timer``: how long a suspended transaction waits until it answers 408.
        clock: seconds, for that timer.

    Raises:
        ScriptError: the script does not start.
    """
    ksr = script_ksr(legacy)
    with provided_modules(ksr, path):
        script = Script(path, legacy, ksr, method)
        yield SipServer(script, legacy, TransactionLayer(final_timer_s, clock))
