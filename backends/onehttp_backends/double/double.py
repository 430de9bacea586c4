"""The backend on httpx: the same contract, the same codes, for tests.

One background event loop carries every transfer, however its caller waits; answers in process
need no loop at all.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from onehttp_backends.contract import (
    Outcome,
    Request,
    Response,
    Stats,
    Transfer,
    TransferOptions,
)
from onehttp_backends.double.answers import Always, Answer, Canned, Handler, Table, check_kinds
from onehttp_backends.double.background import Running, answered, cancelled, outcome_of, run_loop
from onehttp_backends.double.checking import check
from onehttp_backends.double.clients import Clients
from onehttp_backends.double.coming.cut import limited
from onehttp_backends.double.exchange import Exchange
from onehttp_backends.double.handler_calls import answer_now, answer_of
from onehttp_backends.double.library import LIBRARY, THREAD
from onehttp_backends.double.streams.opening import StreamingDouble
from onehttp_backends.double.web_apps import asgi_handler, wsgi_handler
from onehttp_backends.errors import (
    EngineClosedError,
    ReentrantCallError,
    RequestError,
    TransferError,
)
from onehttp_backends.forks import make_immortal
from onehttp_backends.observed import aperformed, is_on, performed, submitted
from onehttp_backends.optional.checking import OptionFault
from onehttp_backends.rules.request_rules import check_message, check_request

logger = logging.getLogger("onehttp")
MAX_SEEN: Final = 10_000


class HttpxBackend(StreamingDouble):
    """The double.

    Args:
        handler: answers every request in process; may be a coroutine function.
        answers: canned answers by ``"METHOD URL"``, or another `Table` of them; a request without
            one is an `UnexpectedRequestError`.
        app: an ASGI application that answers in process.
        wsgi_app: a WSGI application that answers in process.

    With none of them requests go out over real sockets. ``seen`` holds the requests that were
    made, the last 10,000 of them.
    """

    name = "httpx"
    capabilities = frozenset({"http2", "sockets", "asyncio"})

    def __init__(
        self,
        *,
        handler: Handler | None = None,
        answers: Mapping[str, Answer | Handler | list[Answer | Handler]] | Table | None = None,
        app: Any = None,
        wsgi_app: Any = None,
    ) -> None:
        if sum(given is not None for given in (handler, answers, app, wsgi_app)) > 1:
            raise ValueError("give only one of handler=, answers=, app= and wsgi_app=")
        check_kinds(answers, handler=handler, app=app, wsgi_app=wsgi_app)
        self.seen: list[Request] = []
        if app is not None:
            handler = asgi_handler(app)
        elif wsgi_app is not None:
            handler = wsgi_handler(wsgi_app)
        self._table: Table | None = None if handler is None else Always(handler)
        if answers is not None:
            self._table = Canned(answers) if isinstance(answers, Mapping) else answers
        self._is_closed = False
        self._forget()
        _doubles.add(self)

    def _forget_parents_loop(self) -> None:
        """In a forked child: the loop, its sockets and its thread are the parent's."""
        make_immortal(self._loop, self._clients, self._in_flight)
        self._forget()

    def _forget(self) -> None:
        """As new: no loop, no clients, counters at zero."""
        self._starting = threading.Lock()  # guards the making of the loop
        self._counting = threading.Lock()  # guards the counters and _in_flight
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._clients = Clients()
        self._in_flight: set[Running] = set()
        self._transfers = self._completed = self._failed = self._cancelled = 0
        self._opened = self._reused = self._callback_errors = 0
        self._by_version: Counter[str] = Counter()

    def perform(self, request: Request) -> Response:
        """Run one request; blocks the calling thread."""
        return performed(self._perform, request) if is_on() else self._perform(request)

    def _perform(self, request: Request, is_open: bool = False) -> Response:
        self._check(request)
        if self._table is not None:
            handler = self._table.pick(request)
            return self._count(
                lambda: answer_now(
                    handler, request, lambda asked: self._wait(asked, request), is_open
                )
            )
        return answered(self._wait(self._carried(request, None), request))

    def _wait(self, work: Coroutine[Any, Any, Any], request: Request) -> Any:
        """Have ``work`` done on the loop, whose thread this must not be."""
        self._refuse_from_within(work)
        running = self._start(work)
        try:
            return running.future.result()
        except concurrent.futures.CancelledError:
            raise cancelled(request) from None
        except BaseException:
            running.cancel()
            raise

    def _refuse_from_within(self, work: Coroutine[Any, Any, Any]) -> None:
        if threading.current_thread() is self._thread:
            work.close()
            raise ReentrantCallError(
                "a blocking call on the thread of the double, which would wait for itself; "
                "await it, or hand the work to another thread"
            )

    async def aperform(self, request: Request) -> Response:
        """Run one request, awaitable."""
        if is_on():
            return await aperformed(self._aperform, request)
        return await self._aperform(request)

    async def _aperform(self, request: Request, is_open: bool = False) -> Response:
        self._check(request)
        if self._table is not None:
            return await self._answer(self._table.pick(request), request, is_open)
        running = self._start(self._carried(request, None))
        running.waited_for_on = asyncio.get_running_loop()
        try:
            outcome: Outcome = await asyncio.wrap_future(running.future)
        except asyncio.CancelledError:
            if running.future.cancelled() and running.is_closed_under:
                raise cancelled(request) from None
            running.cancel()
            raise
        return answered(outcome)

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        """Start one request; ``on_done`` gets its outcome, on the background loop's thread.

        Raises:
            UnexpectedRequestError: it has no answer; ``on_done`` is not called then.
        """
        return (
            submitted(self._submit, request, on_done) if is_on() else self._submit(request, on_done)
        )

    def _submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        self._check(request)
        handler = None if self._table is None else self._table.pick(request)
        running = self._start(self._carried(request, handler))
        process, caller, is_asked = os.getpid(), threading.get_ident(), True

        def deliver(future: concurrent.futures.Future[Outcome]) -> None:
            outcome = cancelled(request) if future.cancelled() else outcome_of(future)
            try:
                on_done(outcome)
            except BaseException:
                with self._counting:
                    self._callback_errors += 1
                logger.exception("a transfer's callback failed: %r", on_done)
            if os.getpid() != process and not (is_asked and threading.get_ident() == caller):
                raise SystemExit  # it has forked: this is the child, and the loop its parent's

        running.future.add_done_callback(deliver)  # at once, and here, if it has ended
        is_asked = False
        return running

    def check(self, options: TransferOptions) -> OptionFault | None:
        """Options that the double does not support; see `Checker`."""
        return None if self._table is not None else check(options)

    def renew(self) -> None:
        """See `onehttp_backends.optional.renewing.Renewing`."""
        if isinstance(self._table, Canned):
            self._table.start_anew()
            self.seen.clear()

    def stats(self) -> Stats:
        for running in list(self._in_flight):
            running.end_with_loop()
        with self._counting:
            return Stats(
                backend=self.name,
                library=LIBRARY,
                transfers=self._transfers,
                completed=self._completed,
                failed=self._failed,
                cancelled=self._cancelled,
                in_flight=len(self._in_flight),
                connections_opened=self._opened,
                connections_reused=self._reused,
                callback_errors=self._callback_errors,
                by_http_version=dict(self._by_version),
            )

    def forget(self, options: TransferOptions) -> None:
        """See `Clients.forget`."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._clients.forget, options)

    def close(self, grace_s: float = 0.0) -> None:
        """Wait up to ``grace_s`` for transfers in flight, end the rest with code 42."""
        self._is_closed = True
        with self._counting:
            running = list(self._in_flight)
        concurrent.futures.wait([one.future for one in running], grace_s)
        for one in running:
            one.is_closed_under = True
            one.cancel()
        loop, self._loop = self._loop, None
        if loop is None:
            return
        closing = asyncio.run_coroutine_threadsafe(self._clients.aclose(), loop)
        concurrent.futures.wait([closing], 1.0)
        loop.call_soon_threadsafe(loop.stop)
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _check(self, request: Request) -> None:
        if self._is_closed:
            raise EngineClosedError(
                "the httpx engine was closed; after another init() take connections anew"
            )
        try:
            check_request(request)
            check_message(request)
        except RequestError as error:
            raise error.with_traceback(None) from None  # its frames hold headers and bodies
        if len(self.seen) >= MAX_SEEN:
            del self.seen[: MAX_SEEN // 2]
        # Without what its body comes from, which would stay open.
        self.seen.append(request if request.upload is None else request._replace(upload=None))

    def _running_loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop; None if a signal handler has forked as it was asked for: this is the child."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=run_loop, args=(self._loop,), name=THREAD, daemon=True
                )
                self._thread.start()
            return self._loop

    def _start(self, work: Coroutine[Any, Any, Any]) -> Running:
        while (loop := self._running_loop()) is None:
            pass
        running = Running(asyncio.run_coroutine_threadsafe(work, loop))
        with self._counting:
            self._in_flight.add(running)
        running.future.add_done_callback(lambda _: self._left(running))
        return running

    def _left(self, running: Running) -> None:
        with self._counting:
            self._in_flight.discard(running)
            if running.future.cancelled():
                self._transfers += 1
                self._cancelled += 1

    async def _carried(self, request: Request, handler: Handler | None) -> Outcome:
        try:
            if handler is not None:
                return await self._answer(handler, request)
            return await self._exchange(request)
        except TransferError as error:
            return error

    async def _answer(self, handler: Handler, request: Request, is_open: bool = False) -> Response:
        try:
            response = await answer_of(handler, request, is_open)
        except TransferError:
            self._note_failure()
            raise
        self._note(response, 0, 0)
        return response

    def _count(self, ask: Callable[[], Response]) -> Response:
        try:
            response = ask()
        except TransferError:
            self._note_failure()
            raise
        self._note(response, 0, 0)
        return response

    async def _exchange(self, request: Request) -> Response:
        exchange = Exchange(self._clients, request)
        try:
            response = await exchange.run()
        except TransferError:
            with self._counting:
                self._opened += exchange.opened
            self._note_failure()
            raise
        self._note(response, exchange.opened, 0 if exchange.opened else 1)
        return limited(response, request)

    def _note(self, response: Response, opened: int, reused: int) -> None:
        with self._counting:
            self._transfers += 1
            self._completed += 1
            self._opened += opened
            self._reused += reused
            self._by_version[response.http_version] += 1

    def _note_failure(self) -> None:
        with self._counting:
            self._transfers += 1
            self._failed += 1


_doubles: weakref.WeakSet[HttpxBackend] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for double in list(_doubles):
        double._forget_parents_loop()


os.register_at_fork(after_in_child=_after_fork_in_child)
