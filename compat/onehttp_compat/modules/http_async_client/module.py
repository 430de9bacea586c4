"""Module ``http_async_client``: queries that suspend a transaction, or run a route with the answer.

Functions that only its first revisions had are in `async_http`. Both share the same settings.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
from collections.abc import Callable
from typing import Final

import onehttp
from onehttp import (
    CurlCode,
    OnehttpError,
    Request,
    Result,
    Token,
    Transaction,
    TransactionError,
    TransferError,
)
from onehttp.lowlevel import Asked, Start, plain_request, prepared, transfer_error
from onehttp_compat.modules.http_async_client.calls import (
    FAKED,
    FAKED_FIRST,
    AsyncCall,
    AsyncJob,
    QueryObserver,
    ScriptHost,
    SuspendedTransaction,
    answer_at_once,
    start_or_fail,
)
from onehttp_compat.modules.http_async_client.pending import PendingSettings
from onehttp_compat.modules.http_async_client.reply import AsyncReply
from onehttp_compat.modules.http_async_client.settings import (
    AsyncSettings,
    TimeoutMeaning,
    refusals,
)
from onehttp_compat.modules.http_async_client.variables import CurrentReply, register
from onehttp_compat.parameters import FIRST_ASYNC, AsyncParameters, set_parameter
from onehttp_compat.process import LegacyProcess, ScriptRoute
from onehttp_compat.pv import Message, as_bytes, parse
from onehttp_compat.wire.transfer import RefusedOptionError
from onehttp_compat.wire.urls import legacy_url

ASYNC_CAP_S: Final = 300.0
"""Seconds; libcurl's own limit for connecting, the only limit that the real module leaves in
force."""
LONGEST_ROUTE: Final = 62
GROUP: Final = "http_async_client"
COUNTERS: Final = ("errors", "replies", "requests", "timeouts")
_log = logging.getLogger("onehttp_compat.http_async_client")


class HttpAsyncClient:
    """The state of the module in one server."""

    counter_group = GROUP

    def __init__(
        self,
        server: LegacyProcess,
        is_first: bool = False,
        timeout_meaning: TimeoutMeaning = "idle",
        cap_s: float = ASYNC_CAP_S,
    ) -> None:
        self._server = server
        self.is_first = is_first
        self._timeout_meaning: TimeoutMeaning = timeout_meaning
        self._cap_s = cap_s
        self.host = ScriptHost()
        self.observer: QueryObserver | None = None
        self.parameters = AsyncParameters()
        self.pending = PendingSettings(server.pv, server.is_faithful)
        server.settings_of_next_query = lambda: self.pending.settings
        self._current = CurrentReply()
        self._serials = itertools.count(1)
        server.counters.update({f"{GROUP}.{name}": 0 for name in COUNTERS})
        register(server.pv, self._current)

    # ---- configuration

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam("http_async_client", name, value)`` does."""
        table = FIRST_ASYNC if self.is_first else GROUP
        bugs = self._server.legacy_bugs
        self.parameters = set_parameter(self.parameters, table, name, value, bugs)

    def start(self) -> None:
        """Check the parameters.

        Raises:
            ConfigurationError: the real server would refuse to start; or a timeout is negative,
                with which the real server ends at its first query.
        """
        values = self.parameters
        for error in refusals(values):
            raise error
        if values.hash_size < 1 or values.hash_size & (values.hash_size - 1):
            _log.warning("hash_size: %d is not a power of two", values.hash_size)
        self.pending.defaults = AsyncSettings.of(values)

    # ---- queries

    def query(self, *, url: str, route: str, is_kemi: bool = False) -> int:
        """``http_async_query(url, route)``: 0 if suspended, 1 if not suspended, -1 if refused."""
        return self.ask(url, route, is_kemi)

    def send(self, *, url: str, route: str, is_kemi: bool = False) -> int:
        """``http_async_send(url, route)``: never suspends the transaction."""
        return self.ask(url, route, is_kemi, may_suspend=False)

    def send_xdata(self, *, url: str, route: str, xdata: str, is_kemi: bool = False) -> int:
        """``http_async_send_xdata(url, route, xdata)``: its callback can read ``$http_xdata``."""
        return self.ask(url, route, is_kemi, may_suspend=False, xdata=xdata)

    def ask(
        self,
        url: str,
        route: str,
        is_kemi: bool,
        *,
        body: bytes | None = None,
        xdata: str = "",
        may_suspend: bool = True,
    ) -> int:
        problem = self._problem(url, route)
        if problem:
            _log.error("http_async_query: %s", problem)
            return -1
        settings = self.pending.settings
        job = AsyncJob(
            url=url,
            route=route,
            query_id=f"{os.getpid()}-{next(self._serials)}",
            xdata=xdata,
            is_kemi=is_kemi,
            settings=settings,
            body=settings.body if body is None else body,
        )
        suspends = may_suspend and settings.is_suspending
        transaction = self.host.transaction() if suspends else None
        try:
            self.host.carry(self, job, transaction)
        except OnehttpError as error:
            if not isinstance(error, TransactionError):  # the module keeps the settings then
                self.pending.reset()
            _log.error("http_async_query: %s", error)
            return -1
        self.pending.reset()
        self._current.query_id = job.query_id
        return 0 if transaction else 1

    def submit(self, asked: Asked, route: str, xdata: object) -> None:
        """Accept a query made by `onehttp.submit`, whose route takes a `Result`.

        Raises:
            OnehttpError, TypeError: as `onehttp.submit` does. Nothing was sent, and no transaction
                is suspended.
        """
        prepared(asked)  # the caller gets every error
        job = AsyncJob(
            url=asked.url,
            route=route,
            query_id=f"{os.getpid()}-{next(self._serials)}",
            xdata=xdata,
            is_kemi=True,
            settings=self.pending.defaults,
            body=None,
            asked=asked,
        )
        self.host.carry(self, job, self.host.chosen_transaction())

    def carry(self, job: AsyncJob, transaction: Transaction | None) -> None:
        """Send the query from this process.

        Raises:
            OnehttpError: nothing was sent, and no transaction is suspended.
        """
        call = self._call(job, transaction)
        self._count(job, "requests")  # before the callback, which may run at once
        try:
            request, start = self._prepared(job)
            waiting = SuspendedTransaction(transaction, call) if transaction else None
            self.host.begin(request, call, start, waiting)
        except OnehttpError:
            self._count(job, "requests", -1)
            raise
        if self.observer is not None:
            self.observer.sent(call)

    def fail(
        self, job: AsyncJob, transaction: Transaction | None, token: Token, error: TransferError
    ) -> None:
        """Continue at once in this thread, with an error as the answer."""
        call = self._call(job, transaction)
        result = Result(query_id=0, error=error)
        self._count(job, "requests")
        if transaction is None:
            call(result)
        else:
            SuspendedTransaction(transaction, call).resume(token, call, result)

    def _call(self, job: AsyncJob, transaction: Transaction | None) -> AsyncCall:
        message = self._server.pv.message if transaction else self._faked_message()
        return AsyncCall(
            module=self, job=job, message=message, is_suspending=transaction is not None
        )

    def _problem(self, url: str, route: str) -> str | None:
        if not url:
            return "empty URL"
        if not route:
            return "empty route"
        if self.is_first:
            return None if self._server.find_route(route) else f"no route named {route!r}"
        length = len(as_bytes(route))
        return (
            f"a route's name has {LONGEST_ROUTE} bytes at most" if length > LONGEST_ROUTE else None
        )

    def _prepared(self, job: AsyncJob) -> tuple[Request, Start]:
        """Return the request, and the function that starts it. Errors in it are passed to the
        callback."""
        if job.asked is not None:
            request, policy = prepared(job.asked)
            return request, policy or onehttp.backend().submit
        settings, body = job.settings, job.body
        address, auth = legacy_url(job.url)
        if auth is not None and settings.username is None:
            settings = dataclasses.replace(
                settings, username=auth.username, password=auth.secret, authmethod=1
            )
        method = settings.method or ("GET" if body is None else "POST")
        is_faithful = self._server.is_faithful
        try:
            options = settings.options(self._timeout_meaning, self._cap_s, is_faithful)
        except RefusedOptionError as error:
            refused = transfer_error(error.code, "libcurl has no such TLS version")
            return Request(method, address), lambda _, done: answer_at_once(refused, done)
        request = plain_request(method, address, settings.headers, options, body=body)
        if settings.timeout_ms == 0:
            late = transfer_error(CurlCode.OPERATION_TIMEDOUT, "a timeout of 0 is over at once")
            return request, lambda _, done: answer_at_once(late, done)
        return request, start_or_fail

    def _faked_message(self) -> Message:
        variables = FAKED_FIRST if self.is_first else FAKED
        return {parse(name): value for name, value in variables.items()}

    # ---- answers

    def script_route(self, job: AsyncJob) -> ScriptRoute | None:
        """Return the route of the script for an answer. As in the real module, it is looked up when
        the answer has arrived."""
        if job.asked is not None and not job.route:
            return _nothing
        server = self._server
        found = (server.find_route if job.asked is None else server.find_result_route)(job.route)
        if found is None:
            _log.error(
                "query %s: the script has no route %r%s; its answer is lost",
                job.query_id,
                job.route,
                self.host.about_routes,
            )
        return found

    def finish(self, call: AsyncCall, result: Result, run: Callable[[AsyncReply], bool]) -> bool:
        """Count an answer and let the callback run in between, as the module does."""
        job = call.job
        if job.asked is not None:
            result = dataclasses.replace(result, xdata=job.xdata)
        reply = AsyncReply(result, job.xdata, self._server.is_faithful, self.is_first)
        if reply.is_timeout:
            self._count(job, "timeouts")
        elif result.error is not None:
            self._count(job, "errors")
            _log.error("query %s: %s", call.job.query_id, reply.error_text)
        has_run = True
        try:
            has_run = run(reply)
        finally:
            if result.ok:
                self._count(job, "replies")
            if self.observer is not None:
                self.observer.ended(call, reply, has_run)
        return has_run

    def run(
        self, call: AsyncCall, route: ScriptRoute | None, reply: AsyncReply, is_suspended: bool
    ) -> None:
        """Run the callback with its variables and its message, in the thread for callbacks."""
        if route is None:
            return
        current = self._current

        process = self._server.pv.process

        def run() -> None:
            before, current.reply = current.reply, None if call.job.asked else reply
            message, process.message = process.message, call.message
            current.query_id = call.job.query_id
            try:
                route(reply.result, is_suspended)
            finally:
                current.reply, process.message = before, message

        self.host.run(run)

    def _count(self, job: AsyncJob, counter: str, by: int = 1) -> None:
        if job.asked is not None:
            return  # the module counts its own queries only
        self._server.counters.add(f"{GROUP}.{counter}", by)


def _nothing(_result: Result, _is_suspended: bool) -> None:
    """The route of a query whose answer is not used."""
