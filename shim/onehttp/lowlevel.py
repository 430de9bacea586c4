"""For libraries built on top of ``onehttp``, such as the legacy modules.

``onehttp`` itself is for making calls. This module has the parts that another layer of calls is
made of. Its names are as stable as those of ``onehttp``; all other modules may change with any
release.

Exchanges:

- `perform` sends a `Request` on the process's engine, without policies or redirects. `backend`
  returns that engine; its ``submit(request, done)`` returns a `Transfer` and passes an `Outcome`
  to ``done``. `plain_request` makes a `Request` faster than its constructor.
- `RepeatedCall` performs one request again and again: what it finds out about it is kept.
- `perform_together` performs many requests in the calling thread.
- ``Connection.send`` performs a call object on a `ReadyConnection`: a named connection with its
  options, its base URL and the state of its policies.
- `check_url` raises, before anything is sent, what an engine would refuse. `MAX_SECONDS` is the
  longest time limit; `HeaderPairs` is the type of headers that engines take.
- `transfer_error` makes the `onehttp.TransferError` for a code of libcurl.

Queries and transactions:

- `submit_request` starts a query for a `Request`; a `Start` can send it in place of the engine.
- `provide` initialises the library provisionally, until a script calls `onehttp.init`.
- `carry_queries` registers a `Carrier`, which takes the queries of a process that cannot drive
  transfers. The process that sends them makes their requests by `prepared`, from `Asked`.
- `current_transaction` is the transaction that a query in this context would suspend, or None.
  `make_current` sets it for the rest of a context, for code that has made that context. All other
  code uses ``with onehttp.transaction(...)``.
- `TransactionLayer` emulates a SIP transaction layer without a SIP server. Its
  `EmulatedTransaction` has states, timers and replies as scripts see them. `onehttp.testing` has
  both under other names.

Observing:

- `observe` reports each `Call` and each `Attempt` to an `Observer`, until `leave`. Without
  observers, calls pay nothing for it.
- `tell_part` adds a part to the snapshot that a process shows its operator. `leave_state` is for
  processes that hold the interpreter while idle, `has_worked` for work other than calls.

Connections:

- `declare` defines connections in code.
- `check_connections` lists every mistake in a connections file, and puts nothing in force.
- `usual_file` is the file that commands use by default, if it exists.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from onehttp import api
from onehttp.adhoc import prepared as prepared_adhoc
from onehttp.api import backend, declare, perform, submit_request
from onehttp.calls.carrier import Asked, Carrier
from onehttp.calls.revision import ReadyConnection
from onehttp.calls.together import perform_together
from onehttp.connections.usual_file import usual_file
from onehttp.control.snapshot import tell_part
from onehttp.control.state_file import has_worked, leave_state
from onehttp.errors import ConfigurationError
from onehttp.queries.result import Start
from onehttp.queries.routes import RouteTarget
from onehttp.queries.transaction import current as current_transaction
from onehttp.queries.transaction import make_current
from onehttp.queries.transaction_layer import (
    DEFAULT_FINAL_TIMER_S,
    EmulatedTransaction,
    TransactionLayer,
    TransactionState,
)
from onehttp_backends.contract import (
    Backend,
    Outcome,
    Request,
    Response,
    Transfer,
    plain_request,
)
from onehttp_backends.errors import transfer_error
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.hints.keywords import explain_classes, explained
from onehttp_backends.observed import Attempt, Call, Observer, leave, observe
from onehttp_backends.optional.repeating import BodyAlone, Repeating
from onehttp_backends.rules.at_sight import MAX_SECONDS
from onehttp_backends.rules.request_rules import check_url

__all__ = [
    "DEFAULT_FINAL_TIMER_S",
    "MAX_SECONDS",
    "Asked",
    "Attempt",
    "Call",
    "Carrier",
    "EmulatedTransaction",
    "HeaderPairs",
    "Observer",
    "Outcome",
    "ReadyConnection",
    "RepeatedCall",
    "RouteTarget",
    "Start",
    "TransactionLayer",
    "TransactionState",
    "Transfer",
    "backend",
    "carry_queries",
    "check_connections",
    "check_url",
    "current_transaction",
    "declare",
    "has_worked",
    "leave",
    "leave_state",
    "make_current",
    "observe",
    "perform",
    "perform_together",
    "plain_request",
    "prepared",
    "provide",
    "submit_request",
    "tell_part",
    "transfer_error",
    "usual_file",
]


class RepeatedCall:
    """A request without a body that is performed again and again, by any thread."""

    __slots__ = ("_known", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self._known: tuple[Backend | None, Callable[[], Response | BodyAlone]] = None, self.perform
        """The engine of the last call, and what performs the request on it. Both are set in one
        step, because another thread may have found another engine."""

    def perform(self) -> Response | BodyAlone:
        """Send it on the engine of this process, without policies or redirects.

        Returns:
            The response. Or a tuple of its body and an earlier response, if that one is like it in
            all but body and times: both have status 200, and heads with the same bytes.

        Raises:
            TransferError: there is no response.
        """
        runtime = api.process.runtime
        if runtime is None:
            raise api.process.missing()
        engine, perform = self._known
        if runtime.engine is not engine:
            engine = runtime.engine
            if isinstance(engine, Repeating):
                perform = engine.repeated(self.request).perform
            else:
                perform = functools.partial(engine.perform, self.request)
            self._known = engine, perform
        return perform()


explain_classes(globals(), __all__)


@explained
def provide() -> None:
    """Make calls possible before `onehttp.init`, which may still be called with any settings."""
    api.process.provide()


@explained
def carry_queries(carrier: Carrier | None) -> None:
    """Let ``carrier`` take the queries of this process; None ends that."""
    api.process.carry_queries(carrier)


@explained
def prepared(asked: Asked) -> tuple[Request, Start | None]:
    """The request of a query carried to this process, and what sends it (None: the engine).

    Raises:
        OnehttpError, TypeError: as `onehttp.submit`.
    """
    if asked.connection:
        return api.connection(asked.connection).prepared(asked.method, asked.url, asked.call)
    runtime = api.process.runtime
    if runtime is None:
        raise api.process.missing()
    return prepared_adhoc(runtime, asked.method, asked.url, asked.call)


@explained
def check_connections(
    source: str | os.PathLike[str] | Mapping[str, Any],
) -> tuple[ConfigurationError, ...]:
    """All mistakes of a connections file, or of a configuration of its shape."""
    from onehttp.connections.file.load import load_connections

    try:
        load_connections(source)
    except ConfigurationError as error:
        return error.errors
    return ()
