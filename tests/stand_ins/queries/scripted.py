"""Parts around a scheduler that do nothing by themselves: a test takes every step.

`ScriptedBackend` for the engine, `HandWorkers` for the pool of route workers, `Witness` for the
transaction. Real threads and sockets explore few orders, and never the same one twice.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import onehttp
from onehttp.queries.query import Query
from onehttp.testing import FakeTransaction, TransactionState
from onehttp_backends.contract import Outcome, Request, Response, Stats, TransferOptions
from onehttp_backends.errors import CurlCode, transfer_error
from servers.patience import PATIENCE_S


def response(url: str = "http://a.example/") -> Response:
    return Response(200, [b"HTTP/1.1 200 OK\r\n\r\n"], b"ok", url)


def failure(code: int = CurlCode.OPERATION_TIMEDOUT) -> onehttp.TransferError:
    return transfer_error(code, "as the script says")


@dataclass(eq=False)
class ScriptedTransfer:
    """A transfer that ends when the test says so."""

    backend: ScriptedBackend
    request: Request
    on_done: Callable[[Outcome], None]
    is_cancelled: bool = False

    def cancel(self) -> bool:
        if self not in self.backend.held:
            return False
        self.is_cancelled = True
        if self.backend.cancels_at_once:
            self.end(failure(CurlCode.ABORTED_BY_CALLBACK))
        return True

    def end(self, outcome: Outcome) -> None:
        self.backend.held.remove(self)
        self.backend.watch(self.request.url, outcome)
        self.on_done(outcome)


class ScriptedBackend:
    """Holds every transfer, or does with it what ``modes`` says for its URL.

    Attributes:
        modes: by URL: ``"held"`` (as without a mode), ``"at once"`` (it has its answer before
            `submit` returns), ``"unfit"`` (RequestError), ``"broken"`` (RuntimeError),
            ``"interrupted"`` (KeyboardInterrupt once the transfer is on its way).
        cancels_at_once: a cancelled transfer ends in the canceller's thread; else it is held
            until the test ends it, by whatever outcome.
        watch: holding of each start (None) and of each end, before anybody else.
    """

    name = "scripted"
    capabilities: frozenset[str] = frozenset()

    def __init__(self, watch: Callable[[str, Outcome | None], None] = lambda *_: None) -> None:
        self.watch = watch
        self.held: list[ScriptedTransfer] = []
        self.modes: dict[str, str] = {}
        self.cancels_at_once = True
        self.is_closed = False

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> ScriptedTransfer:
        if self.is_closed:
            raise onehttp.OnehttpError("closed")
        mode = self.modes.get(request.url, "held")
        if mode in ("unfit", "broken"):
            self.watch(request.url, failure(CurlCode.FAILED_INIT))
            if mode == "broken":
                raise RuntimeError(mode)
            raise onehttp.RequestError(CurlCode.URL_MALFORMAT, mode)
        transfer = ScriptedTransfer(self, request, on_done)
        self.held.append(transfer)
        self.watch(request.url, None)
        if mode == "at once":
            transfer.end(response())
        elif mode == "interrupted":
            self.watch(request.url, failure(CurlCode.FAILED_INIT))
            raise KeyboardInterrupt
        return transfer

    def forget(self, options: TransferOptions) -> None:
        """Nothing is kept."""

    def close(self, grace_s: float = 0.0) -> None:
        self.is_closed = True
        for transfer in list(self.held):
            transfer.end(failure(CurlCode.ABORTED_BY_CALLBACK))

    def stats(self) -> Stats:
        return Stats(backend=self.name, in_flight=len(self.held))

    def perform(self, request: Request) -> Response:
        raise AssertionError("a query is submitted, and nothing else")

    async def aperform(self, request: Request) -> Response:
        raise AssertionError("a query is submitted, and nothing else")

    def drive(self, until_fd: int, deadline_s: float) -> bool:
        raise AssertionError("a query is submitted, and nothing else")

    def fileno(self) -> int:
        raise AssertionError("a query is submitted, and nothing else")


class HandWorkers:
    """Stands for `RouteWorkers`: the line is there, and the test picks who runs next."""

    def __init__(self, size: int, run: Callable[[Query], None]) -> None:
        self.line: list[Query] = []
        self.threads: set[threading.Thread] = set()
        self._run = run
        self._is_closed = False

    def put(self, query: Query) -> bool:
        if not self._is_closed:
            self.line.append(query)
        return not self._is_closed

    def begin(self, query: Query, ended: Callable[[], object]) -> None:
        """Run ``query`` on a thread of its own, and call ``ended`` there."""
        self.line.remove(query)

        def work() -> None:
            self._run(query)
            self.threads.discard(thread)
            ended()

        thread = threading.Thread(target=work, daemon=True)
        self.threads.add(thread)
        thread.start()

    def is_worker(self) -> bool:
        return threading.current_thread() in self.threads

    def close(self) -> list[Query]:
        self._is_closed = True
        left, self.line = self.line, []
        return left

    def join(self, deadline: float) -> None:
        """Routes that are stopped by the test have no end to wait for."""

    def abandon(self) -> None:
        self._is_closed = True
        self.line = []


class FaultyTransactionError(Exception):
    """What a defective transaction raises."""


@dataclass(eq=False)
class Witness:
    """A fake transaction that remembers its tokens, and how each came back.

    Args:
        fault: which of its methods raises: ``"suspend"``, ``"resume"``, ``"cancel_suspend"``.

    Attributes:
        ways: for each token what it came back by: ``"resume"``, ``"gone"`` (`resume` was False),
            ``"cancel_suspend"``.
    """

    inner: FakeTransaction
    fault: str = ""
    ways: dict[object, list[str]] = field(default_factory=dict)

    def suspend(self) -> object:
        self._fail_in("suspend")
        token = self.inner.suspend()
        self.ways[token] = []
        return token

    def resume(
        self,
        token: object,
        route: Callable[[onehttp.Result], object] | None,
        result: onehttp.Result,
    ) -> bool:
        is_suspended = self.inner.is_suspended_by(token)
        self.ways[token].append("resume" if is_suspended or self.fault == "resume" else "gone")
        self._fail_in("resume")
        return self.inner.resume(token, route, result)

    def cancel_suspend(self, token: object) -> None:
        self.ways[token].append("cancel_suspend")
        self._fail_in("cancel_suspend")
        self.inner.cancel_suspend(token)

    def _fail_in(self, method: str) -> None:
        if self.fault == method:
            raise FaultyTransactionError(method)

    @property
    def last_token(self) -> object:
        """Of its last suspension."""
        return next(reversed(self.ways), None)

    @property
    def is_suspendable(self) -> bool:
        return self.inner.state in (TransactionState.PROCEEDING, TransactionState.RESUMED)

    @property
    def finals(self) -> list[str]:
        """Final replies to the request itself."""
        return [reply for reply in self.inner.responses if reply[0] > "1" and "CANCEL" not in reply]

    def check(self) -> None:
        """No token came back twice, no second final reply was sent."""
        assert all(len(ways) <= 1 for ways in self.ways.values()), self.ways
        assert len(self.finals) <= 1, self.inner.responses

    def check_settled(self) -> None:
        """Each token came back, once."""
        assert all(len(ways) == 1 for ways in self.ways.values()), self.ways
        self.check()


class Baton:
    """Stops a route in its middle until the test lets it go on."""

    def __init__(self) -> None:
        self._reached: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._go = threading.Semaphore(0)

    def stop(self) -> None:
        """In the route: say that it is here, and wait."""
        self._reached.put("stopped")
        assert self._go.acquire(timeout=PATIENCE_S)

    def ended(self) -> None:
        """On the worker: the route is over, or was not run."""
        self._reached.put("ended")

    def wait(self) -> str:
        """In the test: what it came to, ``stopped`` or ``ended``."""
        return self._reached.get(timeout=PATIENCE_S)

    def go_on(self) -> str:
        self._go.release()
        return self.wait()
