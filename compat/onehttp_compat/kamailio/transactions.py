"""Transactions of the real server: suspended in a SIP worker, resumed in a process that drives.

A SIP worker that waits for messages lets no other thread of its process run, so it cannot drive
transfers itself. It suspends the transaction (``KSR.tmx.t_suspend``) and gives the query to another
process of the same server, over a socket made before the forks. That process, of the module
``rtimer``, lends its time to the engine by `Transactions.drive` and goes on with the
transaction (``KSR.tmx.t_continue``) when the answer is there.

What ``tm`` does and does not say (Kamailio 5.6):

- ``t_continue`` gives 1 also for a transaction that was cancelled or has timed out, and then runs
  no route: only the route itself can tell that it ran.
- No function takes a suspension back. A query that cannot be handed over goes on at once, with an
  error for an answer.
- The label of a transaction is an unsigned number of 32 bits, and ``KSR`` takes signed ones.
- After the hand-over the request belongs to the other process, which may be answering it already.
"""

from __future__ import annotations

import logging
import os
import pickle
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import onehttp
from onehttp import (
    CurlCode,
    NotInitialisedError,
    OnehttpError,
    Result,
    Sent,
    Token,
    Transaction,
    TransactionError,
)
from onehttp.lowlevel import transfer_error
from onehttp_compat.kamailio.twins import write_twins
from onehttp_compat.modules.http_async_client.calls import (
    AsyncJob,
    AsyncModule,
    Surroundings,
    kemi_route,
)
from onehttp_compat.process import ScriptRoute
from onehttp_compat.pv import PvStore
from onehttp_compat.server import LegacyServer

RESUME_ROUTE: Final = "onehttp_resume"
SEND_BUFFER_BYTES: Final = 4 << 20
"""Of queries that wait for a driving process; the kernel may allow less (net.core.wmem_max)."""
_JOBS_AT_ONCE: Final = 64
_PACKET_BYTES: Final = 4 << 20
_log = logging.getLogger("onehttp_compat.tm")


@dataclass(frozen=True, slots=True)
class Suspension:
    """Names one suspended transaction, in every process of the server."""

    index: int
    label: int


def signed32(number: int) -> int:
    """An unsigned number of 32 bits as ``KSR`` takes it."""
    return number - (1 << 32) if number >= 1 << 31 else number


class Transactions(Surroundings):
    """The transaction that a process of the server works on; an `onehttp.Transaction`, too.

    Made before the server forks. The script's object has two methods more than it would have,
    which `onehttp_compat.kamailio.Script` has: ``onehttp_resume`` returns `resumed`, and the route
    that ``rtimer`` runs calls `drive`.

    Args:
        ksr: the server's own ``KSR``.
    """

    def __init__(self, ksr: Any) -> None:
        self.script: object = None
        """Whose methods are the callbacks: the object that the server called last."""
        self._ksr = ksr
        self._module: AsyncModule | None = None
        self._pv = PvStore()
        self._resuming: _Resumption | None = None
        self._reader, self._writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._reader, self._writer):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            end.setblocking(False)
        self._driver: _DrivingThread | None = None

    def serve(self, server: LegacyServer) -> None:
        """Be what is around the scripts of ``server``."""
        server.find_route = self._find_route
        self._pv = server.pv
        server.http_async_client.surroundings = self
        self._module = server.http_async_client

    def close(self) -> None:
        """Let go of the socket; in the server it lasts as long as its process."""
        self._reader.close()
        self._writer.close()
        if self._driver is not None:
            self._driver.close()

    # ---- around the script

    def transaction(self) -> Transaction | None:
        """The server's, if it has made one: like the module, this makes none."""
        return self if self._ksr.pv.get("$T(id_index)") is not None else None

    def carry(self, module: AsyncModule, job: AsyncJob, transaction: Transaction | None) -> None:
        """Suspend, and hand the query over to a driving process."""
        token = self.suspend() if transaction is not None else None
        try:
            self._writer.send(pickle.dumps((job, token)))
        except OSError as error:
            _log.error("query %s cannot be handed over: %s", job.query_id, error.strerror)
            refusal = transfer_error(
                CurlCode.SEND_ERROR, f"it cannot be handed over: {error.strerror}", sent=Sent.NO
            )
            module.fail(job, transaction, token, refusal)

    def run(self, callback: Callable[[], None]) -> None:
        """Run a callback in the one thread that may call the server."""
        if self._driver is None:
            callback()
        else:
            self._driver.call(callback)

    def _find_route(self, name: str) -> ScriptRoute | None:
        function = None if name.startswith("_") else getattr(self.script, name, None)
        if not callable(function):
            return None
        route, pv = kemi_route(function), self._pv

        def run(result: Result, is_suspended: bool) -> object:
            write_twins(pv, result)
            return route(result, is_suspended)

        return run

    # ---- a transaction

    def suspend(self) -> Suspension:
        """Put aside the transaction that the server works on.

        Raises:
            TransactionError: it has its final reply already, or memory is short.
        """
        if self._ksr.tmx.t_suspend() < 0:
            raise TransactionError("the server cannot suspend this transaction")
        get = self._ksr.pv.get
        return Suspension(int(get("$T(id_index)")), signed32(int(get("$T(id_label)"))))

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        """Go on with it, in the thread that may call the server."""
        assert isinstance(token, Suspension)
        resumption = _Resumption(token, route, result)
        self.run(lambda: self._continue(resumption))
        if resumption.error is not None:
            raise resumption.error
        return resumption.has_run

    def cancel_suspend(self, token: Token) -> None:
        """Go on without a route: the server answers 500, since nobody else does."""
        assert isinstance(token, Suspension)
        self.run(lambda: self._continue(_Resumption(token, None, None)))

    def _continue(self, resumption: _Resumption) -> None:
        token = resumption.token
        before, self._resuming = self._resuming, resumption
        try:
            self._ksr.tmx.t_continue(token.index, token.label, RESUME_ROUTE)
        finally:
            self._resuming = before

    def resumed(self) -> int:
        """What the script's ``onehttp_resume`` returns: the route runs here, in the transaction."""
        resumption = self._resuming
        if resumption is None:
            _log.error("%s was called by somebody else than onehttp", RESUME_ROUTE)
            return -1
        return resumption.run()

    # ---- a driving process

    def drive(self, slice_s: float) -> None:
        """Lend ``slice_s`` seconds of this process: queries come in, and their callbacks run.

        Always called by the same thread of a process, the one that the server calls Python with.
        """
        if self._driver is None or self._driver.pid != os.getpid():
            self._driver = _DrivingThread(self._reader.fileno())
        end = time.monotonic() + slice_s
        while True:
            self._take_jobs()
            self._driver.run_waiting()
            left_s = end - time.monotonic()
            if left_s <= 0:
                return
            _backend().drive(self._driver.fileno(), left_s)

    def _take_jobs(self) -> None:
        for _ in range(_JOBS_AT_ONCE):
            try:
                packet = self._reader.recv(_PACKET_BYTES)
            except BlockingIOError:
                return
            job, token = pickle.loads(packet)
            self._start(job, token)

    def _start(self, job: AsyncJob, token: Suspension | None) -> None:
        assert self._module is not None
        transaction = None if token is None else _Adopted(self, token)
        try:
            self._module.carry(job, transaction)
        except OnehttpError as error:
            refusal = transfer_error(CurlCode.FAILED_INIT, str(error), sent=Sent.NO)
            self._module.fail(job, transaction, token, refusal)


class _Adopted:
    """A transaction that another process has suspended."""

    def __init__(self, transactions: Transactions, token: Suspension) -> None:
        self._token = token
        self.resume = transactions.resume

    def suspend(self) -> Token:
        return self._token

    def cancel_suspend(self, token: Token) -> None:
        """Nothing: who adopted it goes on with it, with an error for an answer."""


class _Resumption:
    """One call of ``t_continue``, and what it came to."""

    def __init__(
        self, token: Suspension, route: Callable[[Result], object] | None, result: Result | None
    ) -> None:
        self.token = token
        self.has_run = False
        self.error: BaseException | None = None
        self._route = route
        self._result = result

    def run(self) -> int:
        self.has_run = True
        if self._route is None or self._result is None:
            return 1
        try:
            self._route(self._result)
        except Exception as error:  # noqa: BLE001 - it comes out of `resume`
            self.error = error
            return -1
        return 1


class _DrivingThread:
    """The thread of a driving process that may call the server, and what others leave to it."""

    def __init__(self, jobs_fd: int) -> None:
        self.pid = os.getpid()
        self._ident = threading.get_ident()
        self._waiting: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._watch = select.epoll()
        for descriptor in (self._bell, jobs_fd):
            self._watch.register(descriptor, select.EPOLLIN)

    def fileno(self) -> int:
        """Readable when there is something to do."""
        return self._watch.fileno()

    def close(self) -> None:
        os.close(self._bell)
        self._watch.close()

    def call(self, function: Callable[[], None]) -> None:
        """Have it called by that thread, and wait; raises what it raises."""
        if threading.get_ident() == self._ident:
            function()
            return
        done: Future[None] = Future()
        self._waiting.append((function, done))
        os.eventfd_write(self._bell, 1)
        done.result()

    def run_waiting(self) -> None:
        """Call what waits."""
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return
        while self._waiting:
            function, done = self._waiting.popleft()
            try:
                function()
            except BaseException as error:  # noqa: BLE001 - it is the caller's
                done.set_exception(error)
            else:
                done.set_result(None)


def _backend() -> Any:
    try:
        return onehttp.backend()
    except NotInitialisedError:
        onehttp.init()
        return onehttp.backend()
