"""Answers the requests of the script in the server: HTTP calls, assumed answers, variables of the
modules."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from onehttp import Result, Token, Transaction
from onehttp_compat.calls.warning import remote_place
from onehttp_compat.modules.http_async_client.calls import AsyncCall, ScriptHost
from onehttp_compat.modules.http_async_client.reply import AsyncReply
from onehttp_compat.near_names import did_you_mean
from onehttp_compat.process import ScriptRoute
from onehttp_compat.pv import WRITABLE_CLASSES, PvStore, Variable
from onehttp_compat.real_server.link import Answer, Errands
from onehttp_compat.registry import KEMI, NATIVE, Kind
from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.kemi.calling import checked, emulated
from onehttp_compat.script.kemi.tree import is_loaded, not_loaded
from onehttp_compat.script.kemi.variables import PvFunctions
from onehttp_compat.script.outcome import QueryOutcome
from onehttp_compat.script.pv.store import TABLE
from onehttp_compat.script.world import World
from onehttp_compat.sip.value import Value

Suspension = tuple[int, int]


@dataclass(slots=True, eq=False)
class PendingAnswer:
    """An answer whose route has not run in the server yet."""

    route: str
    suspended: Suspension | None
    errands: Errands = field(default_factory=Errands)


class LiveTransaction:
    """A transaction of the server that the script has suspended already."""

    def __init__(self, suspended: Suspension, live: LiveCalls) -> None:
        self.suspended = suspended
        self._live = live

    def suspend(self) -> Token:
        return self.suspended

    def cancel_suspend(self, token: Token) -> None:
        """The script resumes it without us."""

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        if route is None:
            return False
        self._live.resuming.suspended = self.suspended
        try:
            route(result)
        finally:
            self._live.resuming.suspended = None
        return True


class _Resuming(threading.local):
    suspended: Suspension | None = None
    """The transaction that this thread resumes."""
    asked: Suspension | None = None
    """The transaction of the query that this thread handles."""
    errands: Errands | None = None
    """Runs the work of this connection while a route runs."""


class LiveHost(ScriptHost):
    """The host of a query, with the transaction that the script has suspended for it."""

    def __init__(self, live: LiveCalls) -> None:
        self._live = live

    def transaction(self) -> Transaction | None:
        asked = self._live.resuming.asked
        return None if asked is None else LiveTransaction(asked, self._live)


class LiveCalls:
    """Answers the script in the server.

    Args:
        wake: makes the server run the route of the answer with that number.
        note_query: takes the outcome of a query.
    """

    def __init__(
        self,
        world: World,
        wake: Callable[[int], object],
        note_query: Callable[[QueryOutcome], object],
    ) -> None:
        self.resuming = _Resuming()
        self.loaded: frozenset[str] | None = None
        """The modules of the script's configuration; None: all that exist."""
        self.open: set[str] = set()
        """The ids of the queries in flight."""
        self.changed = threading.Condition()
        """Guards `open` and `waiting`."""
        self.waiting: dict[int, PendingAnswer] = {}
        self._world = world
        self._wake = wake
        self._note_query = note_query
        self._numbers = itertools.count(1)
        self._pv = PvFunctions(world)
        client = world.server.http_async_client
        client.host = LiveHost(self)
        client.observer = self
        world.server.find_route = self._route
        _keep_results(world.server.pv)

    # ---- what the script asks

    def known(self, module: str, name: str) -> Answer:
        """Raise an error unless a function or module exists in some server.

        Raises:
            AttributeError: it does not exist.
        """
        functions = catalogue().functions
        rules = self._world.assumptions.rules
        is_assumed = any(rule.startswith(f"{module}.") for rule in rules)
        if name == "" and (module in functions or is_assumed):
            if not is_loaded(module, self.loaded) and not is_assumed:
                raise not_loaded(module)
            return {"kind": "module"}
        owner, wanted = (module, name) if name else ("", module)
        if catalogue().find(owner, wanted) or ".".join(filter(None, (owner, wanted))) in rules:
            return {"kind": "function"}
        label = f"KSR.{owner}" if owner else "KSR"
        near = did_you_mean(wanted, functions.get(owner, ()))
        raise AttributeError(f"module {label!r} has no attribute {wanted!r}{near}")

    def assume(self, module: str, name: str, arguments: list[Any]) -> Answer:
        """Return the assumed answer of a function that the server has not loaded."""
        signature = catalogue().find(module, name) or Signature(module, name, "int", ())
        sets: dict[str, Any] = {}
        assumptions = self._world.assumptions
        before, assumptions.set_variable = assumptions.set_variable, sets.__setitem__
        try:
            return {"value": assumptions.answer(signature, tuple(arguments)), "sets": sets}
        finally:
            assumptions.set_variable = before

    def call(
        self, module: str, name: str, arguments: list[Any], suspended: list[int] | None
    ) -> Answer:
        """Call a function of the HTTP modules. The server has to set the result variable."""
        server = self._world.server
        form = KEMI.get((module, name)) if module else NATIVE.get((name, len(arguments)))
        self.resuming.asked = (suspended[0], suspended[1]) if suspended else None
        try:
            if module:
                function = server.kemi_function(module, name)
                code = self._checked(module, name, function)(*arguments)
            else:
                code = server.call(name, arguments)
        finally:
            self.resuming.asked = None
        names = [argument.name for argument in form.arguments] if form else []
        if "result" not in names:
            return {"value": code, "sets": {}}
        variable = arguments[names.index("result")]
        return {"value": code, "sets": {} if code < 0 else {variable: self._text(variable)}}

    def native(self, name: str, count: int) -> Answer:
        """Return which of the arguments the server evaluates."""
        form = NATIVE.get((name, count))
        kinds = [argument.kind for argument in form.arguments] if form else []
        return {"kinds": ["text" if kind is Kind.TEXT else "" for kind in kinds]}

    def pv(self, name: str, arguments: list[Any]) -> Answer:
        """Call a function of ``KSR.pv`` for a variable of the HTTP modules."""
        return {"value": self._checked("pv", name, getattr(self._pv, name))(*arguments)}

    def suspends(self) -> Answer:
        """Whether the next query suspends its transaction."""
        return {"value": self._world.server.http_async_client.pending.settings.is_suspending}

    # ---- answers on their way to their routes

    def resumed(self, number: str) -> Answer:
        waiting = self.waiting[int(number)]
        return {"suspended": waiting.suspended}

    def answering(self, number: str) -> Answer:
        """The route starts. From now on the thread of its answer runs the requests of the route."""
        waiting = self.waiting[int(number)]
        self.resuming.errands = waiting.errands
        return {"route": waiting.route}

    def ran(self, number: str) -> Answer:
        """The route has ended, or did not run because its transaction had ended."""
        self.resuming.errands = None
        self.waiting.pop(int(number)).errands.end()
        return {}

    def _route(self, name: str) -> ScriptRoute:
        def run(result: Result, is_suspended: bool) -> None:
            number = next(self._numbers)
            waiting = PendingAnswer(name, self.resuming.suspended if is_suspended else None)
            self.waiting[number] = waiting
            self._wake(number)
            waiting.errands.run()

        return run

    # ---- a `QueryObserver`

    def sent(self, call: AsyncCall) -> None:
        self._toggle(call.job.query_id)

    def ended(self, call: AsyncCall, reply: AsyncReply, has_run: bool) -> None:
        response = reply.result.response
        self._note_query(
            QueryOutcome(
                route=call.job.route,
                result=str(response.status) if response else reply.error_text or "",
                has_response=response is not None,
                is_suspending=call.is_suspending,
                has_run=has_run,
                time_s=0.0,
            )
        )
        self._toggle(call.job.query_id)

    def _toggle(self, query_id: str) -> None:
        # The start and the end are reported by two threads, in any order.
        with self.changed:
            self.open ^= {query_id}
            self.changed.notify_all()

    def _checked(self, module: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that takes, and fails for, what the real one does."""
        signature = catalogue().find(module, name)
        if signature is None:
            return function
        return checked(self._world, signature, emulated(self._world, signature, function))

    def _text(self, variable: str) -> Value:
        value = self._world.server.pv.get(variable)
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _keep_results(pv: PvStore) -> None:
    """Let the results of calls be read as they were written. Only the server has the message that
    variables such as ``$ru`` are parts of."""

    def read(variable: Variable) -> Value:
        return pv.message.get(variable)

    def write(variable: Variable, value: Value) -> None:
        pv.message[variable] = value

    for kind, entry in TABLE.items():
        if entry.write is not None and kind not in WRITABLE_CLASSES:
            pv.register(kind, read, write)


@contextmanager
def placed(fields: Mapping[str, Any]) -> Iterator[None]:
    """While this is active, reports have the line of the script in the server."""
    before = remote_place.get()
    try:  # whatever interrupts, from before it is set
        remote_place.set((str(fields.get("file", "")), int(fields.get("line", 0))))
        yield
    finally:
        remote_place.set(before)
