"""Transactions of the real server: suspended in a SIP worker, resumed in a process that drives.

A SIP worker that waits for messages lets no other thread of its process run, so it cannot drive
transfers itself. It suspends the transaction (``KSR.tmx.t_suspend``) and gives the query to another
process of the same server (`lanes`). That process, of the module ``rtimer``, lends its time to the
engine by `Transactions.drive` and goes on with the transaction (``KSR.tmx.t_continue``) when the
answer is there.

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
from onehttp_compat.kamailio.driving import Counts, QueryDriver, Resumption
from onehttp_compat.kamailio.frames import (
    Suspension,
    check_can_be_carried,
    packed,
    signed32,
    unpacked,
)
from onehttp_compat.kamailio.lanes import Lanes
from onehttp_compat.kamailio.own_config import DRIVE_ROUTE
from onehttp_compat.kamailio.shared.page import SharedPage
from onehttp_compat.kamailio.twins import write_twins
from onehttp_compat.modules.http_async_client.calls import (
    AsyncCall,
    AsyncJob,
    AsyncModule,
    Surroundings,
    SuspendedTransaction,
    kemi_route,
)
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.process import Counters, ScriptRoute
from onehttp_compat.pv import PvStore
from onehttp_compat.server import LegacyServer

RESUME_ROUTE: Final = "onehttp_resume"
SILENCE_S: Final = 5.0
"""After so long without a sign of a process that sends queries, who asks is told, as often."""
_log = logging.getLogger("onehttp_compat.tm")


class Transactions(Surroundings):
    """The transaction that a process of the server works on; an `onehttp.Transaction`, too.

    Made before the server forks. The script's object has two methods more than it would have,
    which `onehttp_compat.kamailio.Script` has: ``onehttp_resume`` returns `resumed`, and the route
    that ``rtimer`` runs calls `drive`.

    Args:
        ksr: the server's own ``KSR``.
        page: what all processes know.
        counters: what they count.
    """

    def __init__(self, ksr: Any, page: SharedPage, counters: Counters) -> None:
        self.script: object = None
        """Whose methods are the callbacks: the object that the server called last."""
        self.newest_script: Callable[[], object] = lambda: None
        """The object of the script that this process has read last, if that is known."""
        self.has_twins = False
        """Write the variables of each answer where the server's own functions see them."""
        self.counts = Counts(counters)
        self._ksr = ksr
        self._page = page
        self._told_of_silence_at = 0.0
        self._module: AsyncModule | None = None
        self._pv = PvStore()
        self._resuming: Resumption | None = None
        self._lanes = Lanes()
        self._made_in = os.getpid()
        self._driver: QueryDriver | None = None
        self._defaults: Callable[[], AsyncSettings] = AsyncSettings

    def serve(self, server: LegacyServer) -> None:
        """Be what is around the scripts of ``server``."""
        server.find_route = self._find_route
        server.find_result_route = self._find_result_route
        carry_queries(self.carry_asked)
        self._pv = server.pv
        server.http_async_client.surroundings = self
        self._module = server.http_async_client
        self._defaults = lambda: server.http_async_client.pending.defaults

    def close(self) -> None:
        """Let go of the sockets; in the server they last as long as its process."""
        carry_queries(None)
        self._lanes.close()
        if self._driver is not None:
            self._driver.close()

    # ---- around the script

    def transaction(self) -> Transaction | None:
        """The server's, if it has made one: like the module, this makes none."""
        return self if self._ksr.pv.get("$T(id_index)") is not None else None

    def chosen_transaction(self) -> Transaction | None:
        return self.transaction() if current_transaction() is self else None

    def carry_asked(self, asked: Asked, route: RouteTarget, xdata: object) -> bool:
        """A `Carrier`: what `onehttp.submit` is asked for, whichever process it is asked in.

        Raises:
            UnknownRouteError: a route that another process could not find.
            TypeError: what another process cannot be given.
        """
        if callable(route) or (route is None and self.chosen_transaction() is not None):
            raise UnknownRouteError(
                "route: inside Kamailio another process runs it: give the name of a method of the "
                "script's object, which takes the result"
            )
        check_can_be_carried(asked, xdata)  # before anything is suspended for it
        assert self._module is not None
        self._module.submit(asked, route or "", xdata)
        return True

    def carry(self, module: AsyncModule, job: AsyncJob, transaction: Transaction | None) -> None:
        """Suspend, and hand the query over to a driving process.

        Raises:
            TransactionError: it cannot be suspended, or there is no process to hand it over to.
        """
        if self._made_in == os.getpid() and isinstance(self._ksr, ModuleType):
            raise TransactionError(
                "setup(KSR) came after the server had forked: restart it once, a reload is too late"
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
            silence_s = self._page.silence_s()
            if silence_s > SILENCE_S:
                self._tell_of_silence(silence_s)

    def _tell_of_silence(self, silence_s: float) -> None:
        now = time.monotonic()
        if now - self._told_of_silence_at > SILENCE_S:
            self._told_of_silence_at = now
            _log.error(
                "no process has worked on queries for %.0f s: that of rtimer is stopped, or a "
                "callback holds it up, or the script has no %s",
                silence_s,
                DRIVE_ROUTE,
            )

    def _refuse(
        self,
        module: AsyncModule,
        job: AsyncJob,
        transaction: Transaction | None,
        token: Suspension | None,
        error: OSError,
    ) -> None:
        self.counts.add("refused")
        refused = self.counts.refused
        if refused & (refused - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
            _log.error(
                "query %s cannot be handed over (%s), as %d before it: the processes of rtimer are "
                "too slow, stopped, or too few; see mode= and net.core.wmem_max",
                job.query_id,
                error.strerror,
                refused - 1,
            )
        self.script = self.newest_script() or self.script  # no callback has run here, as yet
        refusal = transfer_error(
            CurlCode.SEND_ERROR, f"it cannot be handed over ({error.strerror})", sent=Sent.NO
        )
        module.fail(job, transaction, token, refusal)

    def begin(
        self, request: Request, call: AsyncCall, start: Start, waiting: SuspendedTransaction | None
    ) -> None:
        """Send a query from this driving process."""
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
        """Go on with it; raises what the route raises."""
        assert isinstance(token, Suspension)
        resumption = Resumption(route, result)
        self._continue(token, resumption)
        if resumption.error is not None:
            raise resumption.error
        return resumption.has_run

    def cancel_suspend(self, token: Token) -> None:
        """Go on without a route: the server answers 500, since nobody else does."""
        assert isinstance(token, Suspension)
        self._continue(token, Resumption(None, None))

    def _continue(self, token: Suspension, resumption: Resumption) -> None:
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
        """Lend ``slice_s`` seconds of this process: queries come in, and their callbacks run."""
        if not self._is_driving():
            self._driver = QueryDriver(self._lanes, self._take)
        assert self._driver is not None
        self._page.beat()
        self._driver.drive(slice_s)

    def _is_driving(self) -> bool:
        return self._driver is not None and self._driver.pid == os.getpid()

    def _take(self, frame: bytes) -> None:
        self._start(*unpacked(frame, self._defaults()))

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
        """Nothing: who adopted it goes on with it, with an error for an answer."""
