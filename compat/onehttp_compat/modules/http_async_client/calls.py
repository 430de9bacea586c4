"""An asynchronous query of a script: from its request to its callback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import onehttp
from onehttp import (
    NotInitialisedError,
    Request,
    RequestError,
    Result,
    Token,
    Transaction,
    TransferError,
)
from onehttp.lowlevel import Asked, Outcome, Start, Transfer, current_transaction
from onehttp_compat.modules.http_async_client.reply import AsyncReply
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.process import ScriptRoute
from onehttp_compat.pv import Message, Value
from onehttp_compat.sip.message import SipMessage

EVENT: Final = "http_async_client:callback"


def kemi_route(function: Callable[..., object]) -> ScriptRoute:
    """Make a function of a KEMI script a route. It gets the event only outside of transactions."""

    def run(result: Result, is_suspended: bool) -> object:
        return function(None) if is_suspended else function(None, EVENT)

    return run


class AsyncJob(NamedTuple):
    """A query of a script as plain values, which can be passed to another process."""

    url: str
    route: str
    query_id: str
    xdata: object
    is_kemi: bool
    settings: AsyncSettings
    body: bytes | None
    asked: Asked | None = None
    """The arguments of `onehttp.submit` in a script, whose route takes a `onehttp.Result`."""

    def __repr__(self) -> str:
        return f"<AsyncJob {self.query_id}, route {self.route!r}>"  # without possible secrets


class AsyncModule(Protocol):
    """The interface of the module that a query uses."""

    def submit(self, asked: Asked, route: str, xdata: object) -> None:
        """Accept a query made by `onehttp.submit`."""

    def carry(self, job: AsyncJob, transaction: Transaction | None) -> None:
        """Send the query from this process."""

    def script_route(self, job: AsyncJob) -> ScriptRoute | None:
        """Return the route of the script for an answer."""

    def finish(self, call: AsyncCall, result: Result, run: Callable[[AsyncReply], bool]) -> bool:
        """Count an answer and let the callback run."""

    def run(
        self, call: AsyncCall, route: ScriptRoute | None, reply: AsyncReply, is_suspended: bool
    ) -> None:
        """Run the callback."""

    def fail(
        self, job: AsyncJob, transaction: Transaction | None, token: Token, error: TransferError
    ) -> None:
        """Continue at once, with an error as the answer."""


@dataclass(slots=True, kw_only=True, eq=False)
class AsyncCall:
    """A query of the script, and the destination of its answer. For the scheduler it is a route."""

    module: AsyncModule
    job: AsyncJob
    message: Message
    """The variables of the message that the callback works on."""
    is_suspending: bool

    def __call__(self, result: Result) -> None:
        """Run the callback outside of any transaction."""
        self.module.finish(self, result, self._run_alone)

    @property
    def route_name(self) -> str:
        """Its name in the script, for log lines."""
        return self.job.route

    def _run_alone(self, reply: AsyncReply) -> bool:
        script_route = self.module.script_route(self.job)
        if script_route is not None:
            self.module.run(self, script_route, reply, is_suspended=False)
        return True


class QueryObserver(Protocol):
    """Is notified of the queries of a script, in the context of the message that makes them."""

    def sent(self, call: AsyncCall) -> None:
        """The query has started. Its end may have been reported before."""

    def ended(self, call: AsyncCall, reply: AsyncReply, has_run: bool) -> None:
        """Its callback is over. False: its transaction has ended already, or will end by itself."""


class SuspendedTransaction:
    """The transaction of the script while it waits for a query. It resumes as in the real
    module."""

    def __init__(self, inner: Transaction, call: AsyncCall) -> None:
        self.inner = inner
        self._call = call

    def suspend(self) -> Token:
        return self.inner.suspend()

    def cancel_suspend(self, token: Token) -> None:
        self.inner.cancel_suspend(token)

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        call = self._call

        def run(reply: AsyncReply) -> bool:
            if route is None:  # the process shuts down
                return self.inner.resume(token, None, result)
            script_route = call.module.script_route(call.job)
            if script_route is None and not call.job.is_kemi:
                return False  # the timer of the transaction will end it
            return self.inner.resume(
                token,
                lambda _: call.module.run(call, script_route, reply, is_suspended=True),
                result,
            )

        return call.module.finish(call, result, run)


def script_transaction() -> Transaction | None:
    """The transaction that the script works in; None if there is none."""
    transaction = current_transaction()
    return transaction.inner if isinstance(transaction, SuspendedTransaction) else transaction


def submit(request: Request, call: AsyncCall, start: Start) -> None:
    """Start a query on the process's engine, which is initialised now if it was not."""
    try:
        onehttp.submit_request(request, route=call, start=start)
    except NotInitialisedError:
        onehttp.init()
        onehttp.submit_request(request, route=call, start=start)


class ScriptHost:
    """The process that runs a script. This one has threads, and the transactions of
    onehttp."""

    about_routes = ""
    """Text to add to messages about a route that does not exist in the script."""

    def transaction(self) -> Transaction | None:
        """The transaction that the script works in; None if there is none."""
        return script_transaction()

    def chosen_transaction(self) -> Transaction | None:
        """The same, or None inside ``with onehttp.transaction(None)``."""
        return self.transaction()

    def carry(self, module: AsyncModule, job: AsyncJob, transaction: Transaction | None) -> None:
        """Suspend the transaction and have the query sent. Raises the errors of
        `AsyncModule.carry`."""
        module.carry(job, transaction)

    def begin(
        self, request: Request, call: AsyncCall, start: Start, waiting: SuspendedTransaction | None
    ) -> None:
        """Send a query from this process. Raises the errors of `onehttp.submit`."""
        with onehttp.transaction(waiting):
            submit(request, call, start)

    def run(self, callback: Callable[[], None]) -> None:
        """Run a callback of the script."""
        callback()


class _Ended:
    """A transfer that was never started."""

    def cancel(self) -> bool:
        """Return False, because there is nothing to cancel."""
        return False


def start_or_fail(request: Request, done: Callable[[Outcome], None]) -> Transfer:
    """Start a transfer. Errors in its request are passed to the callback."""
    try:
        return onehttp.backend().submit(request, done)
    except RequestError as error:
        return answer_at_once(error, done)


def answer_at_once(error: TransferError, done: Callable[[Outcome], None]) -> Transfer:
    """Give the callback the error of a transfer that could not start."""
    done(error)
    return _Ended()


def _faked(uri: str, address: str) -> SipMessage:
    headers = (
        ("From", f"<{address}>;tag=123"),
        ("To", f"<{address}>"),
        ("Call-ID", "123"),
        ("CSeq", "1 OPTIONS"),
        ("Content-Length", "0"),
    )
    return SipMessage("OPTIONS", uri, headers, label="callback")


def _variables(message: SipMessage) -> dict[str, Value]:
    return {**message.variables(), "$rb": ""}


FAKED_MESSAGE: Final = _faked("sip:you@kamailio.org", "sip:you@kamailio.org")
"""The message that callbacks without a transaction work on."""
FAKED: Final = _variables(FAKED_MESSAGE)
FAKED_FIRST: Final = _variables(_faked("sip:you@kamailio.org", "you@kamailio.org"))
"""The variables of that message, now and in the first revision."""
