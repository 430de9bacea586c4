"""The pycurl backend: it implements the contract with one engine per process."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, TypeVar

from onehttp_backends import at_exit
from onehttp_backends.contract import Outcome, Request, Response, Stats, Transfer, TransferOptions
from onehttp_backends.curl.checking import check
from onehttp_backends.curl.driving.callbacks import CallbackTransfer
from onehttp_backends.curl.driving.crew import Crew
from onehttp_backends.curl.driving.event_loop import LoopTransfer
from onehttp_backends.curl.driving.helm import Helm
from onehttp_backends.curl.driving.opening import StreamingEngine
from onehttp_backends.curl.driving.repeated import RepeatedRequest
from onehttp_backends.curl.driving.waiting import EngineGoneError
from onehttp_backends.curl.driving.window import Window, WindowTransfer
from onehttp_backends.curl.engine import Engine
from onehttp_backends.curl.engine.account import Answer
from onehttp_backends.curl.engine.ownership import DrivingState
from onehttp_backends.curl.libcurl import LIBCURL
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.one_shot import perform_one_shot
from onehttp_backends.curl.one_shot.probing import probe
from onehttp_backends.curl_build import check_kernel_waits
from onehttp_backends.errors import EngineClosedError, RequestError, TransferError
from onehttp_backends.observed import aperformed, begin, current, is_on, performed, step, submitted
from onehttp_backends.optional.batching import NONE_BRIEF, OnEnd
from onehttp_backends.optional.checking import OptionFault
from onehttp_backends.optional.naming import NameLimits
from onehttp_backends.optional.probing import Probe

DEFAULT_MAX_IDLE_CONNECTIONS: Final = 1024
MOST_IDLE: Final = 2**31 - 1
_ENGINE: Final = "engine"
K = TypeVar("K")


class PycurlBackend(StreamingEngine):
    """One libcurl multi handle, shared by blocking callers, event loops and callbacks.

    Nothing is made before the first transfer: no handle, socket or thread. A forked child
    starts afresh on its first transfer; those in flight stay the parent's.

    Args:
        max_idle_connections: how many connections are kept for later calls.
    """

    name = "pycurl"

    def __init__(self, *, max_idle_connections: int = DEFAULT_MAX_IDLE_CONNECTIONS) -> None:
        if type(max_idle_connections) is not int or not 0 <= max_idle_connections <= MOST_IDLE:
            raise TypeError(f"max_idle_connections: expected a whole number to {MOST_IDLE}")
        self._max_idle_connections = max_idle_connections
        self._helm: Helm | None = None
        # The engine's place, filled in one step: a lock would be held by a thread whose signal
        # handler asks for an engine as well.
        self._place: dict[str, Helm] = {}
        self._forks = 0
        self.names = Names()
        self._is_closed = False
        self._is_lent = False
        _backends.add(self)

    @property
    def capabilities(self) -> frozenset[str]:
        """What this build of libcurl can do."""
        found = {"sockets", "asyncio", "drive"}
        if LIBCURL.has_http2:
            found.add("http2")
        if LIBCURL.has_http3:
            found.add("http3")
        return frozenset(found)

    def perform(self, request: Request) -> Response:
        """Run one request in the calling thread, which drives the engine if nobody else does.

        Raises:
            TransferError: it gave no response.
            EngineClosedError: after `close`.
        """
        if is_on():
            return performed(partial(self._perform, is_told=True), request)
        return self._perform(request)

    def _perform(self, request: Request, is_told: bool = False) -> Response:
        helm = self._helm or self._start()
        handle = helm.engine.pool.prepared(request)
        if handle.shelf.is_one_shot:
            counts = helm.engine.account.one_shot
            outcome: Answer = perform_one_shot(handle, request, counts, self.names)
            helm.engine.pool.give_back(handle)
        else:
            if is_told:
                is_free = helm.ownership.state is DrivingState.FREE
                step("driven by this thread" if is_free else "another drives, and is woken")
            try:
                outcome = helm.perform(handle, request)
            except EngineGoneError:
                self._forget(helm)
                return self._perform(request, is_told)
        if isinstance(outcome, Response):
            return outcome
        assert isinstance(outcome, TransferError)
        raise outcome

    def aperform(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Run one request, awaitable; the running event loop drives.

        Raises:
            TransferError: it gave no response.
            EngineClosedError: after `close`.
            asyncio.CancelledError: the task was cancelled; the transfer is taken back.
        """
        return aperformed(self._aperform, request) if is_on() else self._aperform(request)

    async def _aperform(self, request: Request) -> Response:
        helm = self._helm or self._start()
        handle = helm.engine.pool.prepared(request)
        loop = asyncio.get_running_loop()
        try:
            loop_driver = helm.loop_drivers.get(loop) or helm.loop_driver(loop)
        except EngineGoneError:
            self._forget(helm)
            return await self._aperform(request)
        if current() is not None:
            step("driven by the event loop")
        transfer = LoopTransfer(helm, handle, request, loop_driver)
        try:
            loop_driver.submit(transfer)
            outcome = await transfer.future
        except BaseException:
            transfer.cancel()
            raise
        if isinstance(outcome, Response):
            return outcome
        raise outcome

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        """Start one request; ``on_done`` gets its outcome, on a thread of the engine's or one that
        has driven it.

        Raises:
            RequestError: it is not fit to be sent; ``on_done`` is not called then.
            EngineClosedError: after `close`.
        """
        return (
            submitted(self._submit, request, on_done) if is_on() else self._submit(request, on_done)
        )

    def _submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        helm = self._helm or self._start()
        handle = helm.engine.pool.prepared(request)
        transfer = CallbackTransfer(helm, handle, request, on_done, helm.engine.account)
        try:
            helm.submit(transfer)
        except EngineGoneError:
            self._forget(helm)
            return self._submit(request, on_done)
        return transfer

    def perform_all(
        self,
        requests: Iterable[tuple[K, Request]],
        width: int,
        on_done: OnEnd[K],
        brief: frozenset[int] = NONE_BRIEF,
    ) -> None:
        """Run many in the calling thread, ``width`` at a time; see `Batching`."""
        left = iter(requests)
        window: Window[K] = Window(brief)
        helm: Helm | None = None
        try:
            while True:
                known, helm = helm, self._helm or self._start()
                helm.refuse_from_within()
                if known is not None and known is not helm:  # has failed, or is the parent's
                    known.end_those_gone(window)
                in_flight, inbox = window.transfers, helm.engine.inbox
                is_watched, attempt = is_on(), None
                while len(in_flight) < width and (one := next(left, None)) is not None:
                    key, request = one
                    if is_watched:
                        attempt = begin(request)
                        request = attempt.request
                    try:
                        handle = helm.engine.pool.prepared(request)
                    except RequestError as error:
                        if attempt is not None:
                            attempt.ended(error)
                        on_done(key, error.with_traceback(None))
                        continue
                    transfer = WindowTransfer(helm, handle, request, window, key, attempt)
                    in_flight.add(transfer)
                    inbox.append(transfer)
                if not window.transfers and window.outcome is None:
                    return
                window.run(helm, on_done)
        except EngineClosedError:
            while helm is not None and (window.transfers or window.ended):
                window.run(helm, on_done)
            raise
        finally:
            window.cancel()

    def repeated(self, request: Request) -> RepeatedRequest:
        """``request``, to be performed again and again; see `Repeating`."""
        return RepeatedRequest(self, request)

    def check(self, options: TransferOptions) -> OptionFault | None:
        """Which of these options libcurl refuses; see `Checker`."""
        return check(options)

    def probe(self, request: Request, sends_request: bool) -> Probe:
        """Look at a server, on a connection of its own; see `Prober`."""
        return probe(request, sends_request, self.names)

    def lend(self) -> None:
        """Leave transfers with callbacks to `drive`, which somebody calls again and again.

        The engine has no thread from then on: callbacks run in the thread that calls `drive`, or in
        that of a caller that has driven meanwhile.
        """
        self._is_lent = True
        self._helm = None  # found again, and told, by the next transfer

    def drive(self, until_fd: int, deadline_s: float) -> bool:
        """Lend time to the engine until ``until_fd`` is readable (True) or ``deadline_s`` is over.

        Raises:
            EngineClosedError: after `close`.
            ValueError: ``until_fd`` is no descriptor.
        """
        return (self._helm or self._start()).drive(until_fd, deadline_s)

    def fileno(self) -> int:
        """The engine's epoll descriptor: readable when there is something to do."""
        return (self._helm or self._start()).engine.watch.fileno()

    def stats(self) -> Stats:
        if (helm := self._helm) is None:
            return Stats(backend=self.name, library=LIBCURL.name, global_inits=LIBCURL.global_inits)
        helm.drop_closed_loops()
        return helm.engine.stats()

    def forget(self, options: TransferOptions) -> None:
        """Close the idle handles of these options; those in use go when their transfers end."""
        if self._helm is not None:
            self._helm.engine.pool.forget(options)

    def limit_names(self, limits: NameLimits) -> None:
        """Forget every address; see `onehttp_backends.optional.naming.Naming`."""
        self.names.forget(limits)

    def close(self, grace_s: float = 0.0) -> None:
        """Wait up to ``grace_s`` seconds for transfers in flight, end the rest with code 42.

        Raises:
            ReentrantCallError: in a callback, or a signal handler that has hit the driver; nothing
                is closed then, and may be later.
        """
        helm = self._place.get(_ENGINE)
        if helm is not None:
            helm.refuse_from_within()
        self._is_closed = True
        self._helm = None
        helm = self._place.pop(_ENGINE, None)
        if helm is not None:
            helm.close(grace_s)

    def _living(self) -> Helm:
        helm = self._helm or self._start()
        if helm.is_gone:
            self._forget(helm)
            helm = self._start()
        return helm

    def _start(self) -> Helm:
        if self._is_closed:
            raise EngineClosedError(
                "the pycurl engine was closed; after another init() take connections anew"
            )
        forks = self._forks
        helm = self._place.get(_ENGINE)
        if helm is None:
            check_kernel_waits()  # since `init`, too, somebody may have replaced them
            # Two may come at once, one perhaps in a signal handler: the first to be ready is it.
            engine = Engine(self._max_idle_connections, self.names)
            helm = self._place.setdefault(_ENGINE, Helm(engine, self._forget))
            if helm.engine is not engine:
                engine.close()
        helm.is_lent = self._is_lent
        self._helm = helm
        # Whoever was to forget it was interrupted; or a fork came while it was made, by halves in
        # the parent, with which it shares what the kernel keeps.
        if helm.is_gone or forks != self._forks:
            if not helm.is_gone:
                helm.forget()
            self._forget(helm)
            return self._start()
        if self._is_closed:  # meanwhile
            self.close()
            return self._start()
        return helm

    def _forget(self, helm: Crew) -> None:
        """Drop an engine that has failed, so that the next call makes another."""
        self._helm = None
        if self._place.get(_ENGINE) is helm:
            del self._place[_ENGINE]

    def _forget_parents_engine(self) -> None:
        """In a forked child: drop the engine, which belongs to the parent."""
        self._forks += 1
        self._helm = None
        self.names.forget_parent()
        helm = self._place.pop(_ENGINE, None)
        if helm is not None:
            helm.forget()


_backends: weakref.WeakSet[PycurlBackend] = weakref.WeakSet()


def _close_all() -> None:
    for backend in list(_backends):
        backend.close()


def _after_fork_in_child() -> None:
    for backend in list(_backends):
        backend._forget_parents_engine()


at_exit(_close_all)
os.register_at_fork(after_in_child=_after_fork_in_child)
