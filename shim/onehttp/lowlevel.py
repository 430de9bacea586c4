"""What those who build on top of ``onehttp`` may use beside it, as the legacy modules do.

``onehttp`` itself is for calls. Here is what another layer of calls is made of: exchanges exactly
as described, queries that somebody else sends, transactions of an environment of one's own, and the
types and checks of the seam to the engines. These names are kept as long as those of ``onehttp``;
what lies in any other module may move from one release to the next.

Exchanges:

- `perform` sends a `Request` on the process's engine, without policy or redirects; `backend` is
  that engine, whose ``submit(request, done)`` returns a `Transfer` and hands ``done`` an `Outcome`.
  `plain_request` makes a `Request` in less time than that takes by itself.
- `perform_together` performs many of them in the thread that waits for all.
- ``Connection.send`` performs what describes itself on a `ReadyConnection`: a named connection with
  its options, its base URL and the state of its policies.
- `check_url` says, before anything is sent, what an engine would refuse; `MAX_SECONDS` is the
  longest time limit, `HeaderPairs` what headers are to an engine.
- `transfer_error` makes the `onehttp.TransferError` that belongs to a code of libcurl.

Queries and transactions:

- `submit_request` starts a query for a `Request`; a `Start` sends it in place of the engine.
- `provide` initialises for scripts whose surroundings know no connections file.
- `carry_queries` has a `Carrier` take the queries of a process that cannot drive transfers; where
  they are sent, `prepared` makes a request of what was `Asked`.
- `current_transaction` is what a query of this context would suspend (None: nothing);
  `make_current` sets it for good, for who made the context. Everybody else writes
  ``with onehttp.transaction(...)``.
- `TransactionLayer` is a SIP transaction layer where there is no SIP server; its
  `EmulatedTransaction` has states, timers and replies as scripts see them. `onehttp.testing` has
  them under names of tests.

Watching:

- `observe` tells an `Observer` of each `Call` and each `Attempt` of it, however it is made, until
  `leave`. While nobody watches, a call pays nothing for it.
- `tell_part` adds something of another layer to what a process tells its operator; `leave_state`
  is for processes that hold the interpreter while they are idle, `has_worked` for what they do
  beside their calls.

Connections:

- `declare` offers connections that no file has.
- `check_connections` says all that is wrong with what a connections file says, and puts nothing in
  force.
- `usual_file` is the one that commands take where none is named, if it is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from onehttp import api
from onehttp.adhoc import prepared as prepared_adhoc
from onehttp.api import backend, declare, perform, submit_request
from onehttp.calls.carrying import Asked, Carrier
from onehttp.calls.revision import ReadyConnection
from onehttp.calls.together import perform_together
from onehttp.connections.usual_file import usual_file
from onehttp.control.left_state import has_worked, leave_state
from onehttp.control.snapshot import tell_part
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
from onehttp_backends.contract import Outcome, Request, Transfer, plain_request
from onehttp_backends.errors import transfer_error
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.hints.keywords import explain_classes, explained
from onehttp_backends.observed import Attempt, Call, Observer, leave, observe
from onehttp_backends.rules.request_rules import MAX_SECONDS, check_url

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

explain_classes(globals(), __all__)


@explained
def provide() -> None:
    """Make calls possible before anybody calls `onehttp.init`, which may still say anything."""
    api.process.provide()


@explained
def carry_queries(carrier: Carrier | None) -> None:
    """Have ``carrier`` take the queries of this process; None: nobody does any more."""
    api.process.carry_queries(carrier)


@explained
def prepared(asked: Asked) -> tuple[Request, Start | None]:
    """The request of a query that was carried here, and what sends it; None: the engine.

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
