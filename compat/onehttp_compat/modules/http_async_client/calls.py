"""One asynchronous query of a script: its request on the way out, its callback on the way back."""

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
    """A function of a KEMI script as a route: told the event only outside of transactions."""

    def run(result: Result, is_suspended: bool) -> object:
        return function(None) if is_suspended else function(None, EVENT)

    return run


class AsyncJob(NamedTuple):
    """What a script asks for: plain values, which another process can be given."""

    url: str
    route: str
    query_id: str
    xdata: object
    is_kemi: bool
    settings: AsyncSettings
    body: bytes | None
    asked: Asked | None = None
    """What `onehttp.submit` was asked for in a script: its route takes a `onehttp.Result`."""

    def __repr__(self) -> str:
        return f"<AsyncJob {self.query_id}, route {self.route!r}>"  # nothing that may be a secret


class AsyncModule(Protocol):
    """What a query asks of the module it was made by."""

    def submit(self, asked: Asked, route: str, xdata: object) -> None:
        """Take what `onehttp.submit` was asked for."""

    def carry(self, job: AsyncJob, transaction: Transaction | None) -> None:
        """Send it from this process."""

    def script_route(self, job: AsyncJob) -> ScriptRoute | None:
        """The script's route for an answer."""

    def finish(self, call: AsyncCall, result: Result, run: Callable[[AsyncReply], bool]) -> bool:
        """Count an answer, and have the callback run in between."""

    def run(
        self, call: AsyncCall, route: ScriptRoute | None, reply: AsyncReply, is_suspended: bool
    ) -> None:
        """Run the callback."""

    def fail(
        self, job: AsyncJob, transaction: Transaction | None, token: Token, error: TransferError
    ) -> None:
        """Go on at once with an error for an answer."""


@dataclass(slots=True, kw_only=True, eq=False)
class AsyncCall:
    """One query of the script, and where its answer goes. A route of the scheduler's."""

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
        """What the script calls it, for log lines."""
        return self.job.route

    def _run_alone(self, reply: AsyncReply) -> bool:
        script_route = self.module.script_route(self.job)
        if script_route is not None:
            self.module.run(self, script_route, reply, is_suspended=False)
        return True


class QueryObserver(Protocol):
    """Told of a script's queries, in the context of the message that they are made for."""

    def sent(self, call: AsyncCall) -> None:
        """It has started; its end may have been told before."""

    def ended(self, call: AsyncCall, reply: AsyncReply, has_run: bool) -> None:
        """Its callback is over; False: its transaction had ended, or has to by itself."""


class SuspendedTransaction:
    """The script's transaction while it waits for a query, resumed the way the module does it."""

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
            if route is None:  # the process is shut down
                return self.inner.resume(token, None, result)
            script_route = call.module.script_route(call.job)
            if script_route is None and not call.job.is_kemi:
                return False  # its timer will end it
            return self.inner.resume(
                token,
                lambda _: call.module.run(call, script_route, reply, is_suspended=True),
                result,
            )

        return call.module.finish(call, result, run)


def script_transaction() -> Transaction | None:
    """The transaction that the script works in; None: it has none."""
    transaction = current_transaction()
    return transaction.inner if isinstance(transaction, SuspendedTransaction) else transaction


def submit(request: Request, call: AsyncCall, start: Start) -> None:
    """Start a query on the process's engine, which is initialised if nobody has done so."""
    try:
        onehttp.submit_request(request, route=call, start=start)
    except NotInitialisedError:
        onehttp.init()
        onehttp.submit_request(request, route=call, start=start)


class Surroundings:
    """What there is around a script: this is a process with threads, and onehttp's transactions."""

    about_routes = ""
    """What to say, besides, of a route that the script has not."""

    def transaction(self) -> Transaction | None:
        """The transaction that the script works in; None: it has none."""
        return script_transaction()

    def chosen_transaction(self) -> Transaction | None:
        """The same, unless the script says ``with onehttp.transaction(None)``."""
        return self.transaction()

    def carry(self, module: AsyncModule, job: AsyncJob, transaction: Transaction | None) -> None:
        """Have a query sent, and the transaction suspended; raises as `AsyncModule.carry`."""
        module.carry(job, transaction)

    def begin(
        self, request: Request, call: AsyncCall, start: Start, waiting: SuspendedTransaction | None
    ) -> None:
        """Send a query of this process; raises as `onehttp.submit`."""
        with onehttp.transaction(waiting):
            submit(request, call, start)

    def run(self, callback: Callable[[], None]) -> None:
        """Run a callback of the script."""
        callback()


class _Ended:
    """A transfer that never was."""

    def cancel(self) -> bool:
        """False: there is nothing to cancel."""
        return False


def start_or_fail(request: Request, done: Callable[[Outcome], None]) -> Transfer:
    """Start a transfer; what is wrong with its request is for the callback to know."""
    try:
        return onehttp.backend().submit(request, done)
    except RequestError as error:
        return answer_at_once(error, done)


def answer_at_once(error: TransferError, done: Callable[[Outcome], None]) -> Transfer:
    """A transfer that has failed before it was one."""
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
"""The message of a callback without transaction."""
FAKED: Final = _variables(FAKED_MESSAGE)
FAKED_FIRST: Final = _variables(_faked("sip:you@kamailio.org", "you@kamailio.org"))
"""Its variables, now and in the first revision."""
