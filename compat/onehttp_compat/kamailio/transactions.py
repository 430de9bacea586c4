"""Transactions of the real server, suspended in a SIP worker and resumed in a process that sends
queries.

A SIP worker that waits for messages blocks all threads of its process, so it cannot drive transfers
itself. It suspends the transaction (``KSR.tmx.t_suspend``) and passes the query to another process
of the same server (`lanes`). That process belongs to the module ``rtimer``. It drives the engine in
`Transactions.drive` and resumes the transaction (``KSR.tmx.t_continue``) when the answer has
arrived.

Limits of the interface of ``tm`` (Kamailio 5.6):

- ``t_continue`` gives 1 also for a transaction that was cancelled, and then runs no route: only the
  route itself can tell that it ran.
- ``t_continue`` of a transaction that is not suspended any more, because its timer has ended it or
  the answer of another query has continued it, keeps its memory for 90 seconds more. So it is not
  called then (`timers`, `Continued`).
- No function takes a suspension back. A query that cannot be handed over goes on at once, with an
  error for an answer.
- The label of a transaction is an unsigned number of 32 bits, and ``KSR`` takes signed ones.
- After the hand-over the request belongs to the other process, which may be answering it already.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from onehttp import (
    CurlCode,
    OnehttpError,
    Request,
    Response,
    Result,
    Sent,
    Token,
    Transaction,
    TransactionError,
    UnknownRouteError,
)
from onehttp.lowlevel import (
    Asked,
    Outcome,
    RouteTarget,
    Start,
    carry_queries,
    current_transaction,
    has_worked,
    transfer_error,
)
from onehttp_compat.kamailio.frames import (
    Suspension,
    check_can_be_carried,
    packed,
    suspended,
    unpacked,
)
from onehttp_compat.kamailio.lanes import Lanes
from onehttp_compat.kamailio.logs import QueryMessages
from onehttp_compat.kamailio.query_driver import Counts, QueryDriver, Resumption
from onehttp_compat.kamailio.shared.continued import Continued
from onehttp_compat.kamailio.shared.page import SharedPage
from onehttp_compat.kamailio.timers import TransactionTimers
from onehttp_compat.kamailio.twins import write_twins
from onehttp_compat.modules.http_async_client.calls import (
    AsyncCall,
    AsyncJob,
    AsyncModule,
    ScriptHost,
    SuspendedTransaction,
    kemi_route,
)
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.process import Counters, ScriptRoute
from onehttp_compat.pv import PvStore
from onehttp_compat.server import LegacyServer

RESUME_ROUTE: Final = "onehttp_resume"
_log = logging.getLogger("onehttp_compat.tm")


class Transactions(ScriptHost):
    """The transaction that a process of the server works on. It is also an `onehttp.Transaction`.

    It is made before the server forks. The script's object needs two more methods, which
    `onehttp_compat.kamailio.Script` has: ``onehttp_resume`` returns `resumed`, and the route that
    ``rtimer`` runs calls `drive`.

    Args:
        ksr: the ``KSR`` of the server.
        page: memory that all processes share.
        counters: the counters of all processes.
    """

    def __init__(self, ksr: Any, page: SharedPage, counters: Counters) -> None:
        self.script: object = None
        """The object whose methods are the callbacks: the one that the server has called last."""
        self.newest_script: Callable[[], object] = lambda: None
        """The object of the script that this process has read last, if it is known."""
        self.has_twins = False
        """Copy the variables of each answer to variables that the server's own functions can
        read."""
        self.counts = Counts(counters)
        self._ksr = ksr
        self._page = page
        self._told = QueryMessages()
        self._module: AsyncModule | None = None
        self._pv = PvStore()
        self.timers = TransactionTimers(ksr, page)
        self.timers.watch(getattr(ksr, "tm", None))
        self._continued = Continued()
        self._resuming: Resumption | None = None
        self._lanes = Lanes()
        self._made_in = os.getpid()
        self._driver: QueryDriver | None = None
        self._defaults: Callable[[], AsyncSettings] = AsyncSettings

    def serve(self, server: LegacyServer) -> None:
        """Provide the transactions for scripts of ``server``."""
        server.find_route = self._find_route
        server.find_result_route = self._find_result_route
        carry_queries(self.carry_asked)
        self._pv = server.pv
        server.http_async_client.host = self
        self._module = server.http_async_client
        self._defaults = lambda: server.http_async_client.pending.defaults

    def close(self) -> None:
        """Close the sockets. In the server they stay open as long as its processes run."""
        carry_queries(None)
        self._lanes.close()
        if self._driver is not None:
            self._driver.close()

    # ---- around the script

    def transaction(self) -> Transaction | None:
        """The transaction of the server if there is one. Like the module, this makes none."""
        return self if self._ksr.pv.get("$T(id_index)") is not None else None

    def chosen_transaction(self) -> Transaction | None:
        return self.transaction() if current_transaction() is self else None

    def carry_asked(self, asked: Asked, route: RouteTarget, xdata: object) -> bool:
        """See `Carrier`: sends a query of `onehttp.submit` from any process.

        Raises:
            UnknownRouteError: another process could not find the route.
            TypeError: an argument cannot be passed to another process.
        """
        if callable(route) or (route is None and self.chosen_transaction() is not None):
            raise UnknownRouteError(
                "route: inside Kamailio another process runs the route: give the name of a method "
                "of the script's object, whose argument is the result"
            )
        check_can_be_carried(asked, xdata)  # before a transaction is suspended for it
        assert self._module is not None
        self._module.submit(asked, route or "", xdata)
        return True

    def carry(self, module: AsyncModule, job: AsyncJob, transaction: Transaction | None) -> None:
        """Suspend the transaction, and pass the query to a process that sends it.

        Raises:
            TransactionError: the transaction cannot be suspended, or no process can take the query.
        """
        if self._made_in == os.getpid() and isinstance(self._ksr, ModuleType):
            raise TransactionError(
                "setup(KSR) was called after the server had forked; restart it, do not reload it"
            )
        token = self.suspend() if transaction is not None else None
        if self._is_driving():
            self._start(job, token)
            return
        try:
            self._lanes.send(packed(job, token, self._defaults()))
        except OSError as error:
            self._refuse(module, job, transaction, token, error)
        else:
            self.counts.add("handed_over")
            has_worked()
            self._told.silence(self._page.silence_s())

    def _refuse(
        self,
        module: AsyncModule,
        job: AsyncJob,
        transaction: Transaction | None,
        token: Suspension | None,
        error: OSError,
    ) -> None:
        self.counts.add("refused")
        self._told.refused(job.query_id, error, self.counts.refused)
        self.script = self.newest_script() or self.script  # no callback has run here yet
        refusal = transfer_error(
            CurlCode.SEND_ERROR, f"the query cannot be handed over ({error.strerror})", sent=Sent.NO
        )
        module.fail(job, transaction, token, refusal)

    def begin(
        self, request: Request, call: AsyncCall, start: Start, waiting: SuspendedTransaction | None
    ) -> None:
        """Send a query from this process."""
        assert self._driver is not None
        self._driver.start(request, start, lambda outcome: self._answered(call, waiting, outcome))
        self.counts.add("sent")

    def _function(self, name: str) -> Callable[..., object] | None:
        function = None if name.startswith("_") else getattr(self.script, name, None)
        return function if callable(function) else None

    def _find_result_route(self, name: str) -> ScriptRoute | None:
        function = self._function(name)
        return None if function is None else lambda result, _is_suspended: function(result)

    def _find_route(self, name: str) -> ScriptRoute | None:
        function = self._function(name)
        if function is None:
            return None
        route, pv = kemi_route(function), self._pv
        if not self.has_twins:
            return route

        def run(result: Result, is_suspended: bool) -> object:
            write_twins(pv, result)
            return route(result, is_suspended)

        return run

    # ---- a transaction

    def suspend(self) -> Suspension:
        """Suspend the transaction that the server works on.

        Raises:
            TransactionError: it has its final reply already, or there is no memory.
        """
        token = suspended(self._ksr, self.timers.ends)
        self._continued.discard(token.index, token.label)
        return token

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        """Resume the transaction. Raises the error of its route."""
        assert isinstance(token, Suspension)
        resumption = Resumption(route, result)
        self._continue(token, resumption)
        if resumption.error is not None:
            raise resumption.error
        return resumption.has_run

    def cancel_suspend(self, token: Token) -> None:
        """Resume without a route: the server answers 500, because no other code answers."""
        assert isinstance(token, Suspension)
        self._continue(token, Resumption(None, None))

    def _continue(self, token: Suspension, resumption: Resumption) -> None:
        if time.monotonic() >= token.end:
            self._told.late()
            return
        if not self._continued.add(token.index, token.label):
            return
        timers = self.timers
        before = self._resuming, timers.continued
        self._resuming, timers.continued = resumption, token
        try:
            self._ksr.tmx.t_continue(token.index, token.label, RESUME_ROUTE)
        finally:
            self._resuming, timers.continued = before

    def resumed(self) -> int:
        """The function for the script's ``onehttp_resume``: it runs the route in the
        transaction."""
        resumption = self._resuming
        if resumption is None:
            _log.error(
                "%s was not called by onehttp, so there is no result to pass on", RESUME_ROUTE
            )
            return -1
        return resumption.run()

    # ---- a driving process

    def drive(self, slice_s: float) -> None:
        """Work for ``slice_s`` seconds: send the queries that arrive, and run callbacks."""
        if not self._is_driving():
            self._driver = QueryDriver(self._lanes, self._take)
        assert self._driver is not None
        self._page.beat()
        self._driver.drive(slice_s)

    def _is_driving(self) -> bool:
        return self._driver is not None and self._driver.pid == os.getpid()

    def _take(self, frame: bytes) -> None:
        job, token = unpacked(frame, self._defaults())
        if token is not None and time.monotonic() >= token.end:  # it has waited too long to be sent
            self.counts.add("gone")
            self._told.late()
            return
        self._start(job, token)

    def _start(self, job: AsyncJob, token: Suspension | None) -> None:
        assert self._module is not None
        transaction = None if token is None else _Adopted(self, token)
        try:
            self._module.carry(job, transaction)
        except OnehttpError as error:
            refusal = transfer_error(CurlCode.FAILED_INIT, str(error), sent=Sent.NO)
            self._module.fail(job, transaction, token, refusal)

    def _answered(
        self, call: AsyncCall, waiting: SuspendedTransaction | None, outcome: Outcome
    ) -> None:
        counts = self.counts
        if isinstance(outcome, Response):
            result = Result(query_id=0, response=outcome)
        else:
            result = Result(query_id=0, error=outcome)
        try:
            if waiting is None:
                call(result)
            elif not waiting.resume(waiting.inner.suspend(), call, result):
                counts.add("gone")
        except BaseException:  # noqa: BLE001 - a sys.exit() would end the queries of all others
            counts.add("routes_failed")
            _log.exception("query %s: route %s failed", call.job.query_id, call.route_name)
        finally:
            counts.add("answered")


class _Adopted:
    """A transaction that another process has suspended."""

    def __init__(self, transactions: Transactions, token: Suspension) -> None:
        self._token = token
        self.resume = transactions.resume

    def suspend(self) -> Token:
        return self._token

    def cancel_suspend(self, token: Token) -> None:
        """Does nothing, because the caller resumes the transaction with an error as the answer."""
