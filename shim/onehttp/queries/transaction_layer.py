"""SIP transactions outside a SIP server: states, timers and replies like those of ``tm``.

It does what a script and its peer can observe: which replies were sent, in which order, and whether
a route ran. There are no messages and no retransmissions.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable
from typing import Final

from onehttp.errors import TransactionError
from onehttp.queries.result import Result, run_route
from onehttp.queries.transaction import Token
from onehttp_backends.forks import reentrant_lock

DEFAULT_FINAL_TIMER_S: Final = 30.0
"""``fr_timer`` of the server: how long a suspended transaction waits before it answers 408."""
_FINAL: Final = 200


class TransactionState(enum.Enum):
    """The states of a transaction."""

    PROCEEDING = "its request is being worked on"
    SUSPENDED = "put aside"
    RESUMED = "in its resume route"
    RELAYED = "waiting for the next hop"
    ANSWERED = "has its final reply"


_S = TransactionState
TRANSITIONS: Final[dict[TransactionState, frozenset[TransactionState]]] = {
    _S.PROCEEDING: frozenset({_S.SUSPENDED, _S.RELAYED, _S.ANSWERED}),
    # Back, when the query could not start; answered by the timer, or by a CANCEL.
    _S.SUSPENDED: frozenset({_S.RESUMED, _S.PROCEEDING, _S.ANSWERED}),
    _S.RESUMED: frozenset({_S.SUSPENDED, _S.RELAYED, _S.ANSWERED}),
    # Back, in the failure route.
    _S.RELAYED: frozenset({_S.PROCEEDING, _S.ANSWERED}),
    _S.ANSWERED: frozenset(),
}


class TransactionLayer:
    """The transactions of one server.

    Args:
        final_timer_s: how long a suspended transaction waits before it is answered with 408.
        clock: seconds; a `ManualClock` where a test moves time.
    """

    def __init__(
        self,
        final_timer_s: float = DEFAULT_FINAL_TIMER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.final_timer_s = final_timer_s
        self.clock = clock
        self.changed = threading.Condition(reentrant_lock())
        """Guards the state of every transaction, and tells of each change."""
        self.suspended: dict[EmulatedTransaction, float] = {}
        """The suspended transactions by the time of their timers; the soonest is first."""

    def new(
        self, method: str = "MESSAGE", when_left: Callable[[], object] | None = None
    ) -> EmulatedTransaction:
        """A transaction for a request of this method.

        ``when_left`` is called as soon as it is answered or relayed, with `changed` held.
        """
        return EmulatedTransaction(self, method, when_left)

    def expire(self) -> None:
        """Answer the transactions whose time is over."""
        now = self.clock()
        with self.changed:
            for late in [one for one, due in self.suspended.items() if due <= now]:
                late.fire_timer()

    def wait(self, until: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait until ``until()`` is true, with timers running; False if not in ``timeout_s``."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self.changed:
            while True:
                self.expire()
                if until():
                    return True
                left = [] if end is None else [end - time.monotonic()]
                left += [due - self.clock() for due in list(self.suspended.values())[:1]]
                if end is not None and left[0] <= 0:
                    return False
                self.changed.wait(max(0.001, min(left)) if left else None)


class EmulatedTransaction:
    """One transaction; it implements `onehttp.Transaction`.

    Attributes:
        responses: the replies sent to the caller, in order: ``"200 OK"``, or just ``"408"`` if the
            layer has answered by itself.
        suspended, resumed: how often it was suspended and resumed.
    """

    def __init__(
        self,
        layer: TransactionLayer,
        method: str,
        when_left: Callable[[], object] | None = None,
    ) -> None:
        self.method = method
        self.responses: list[str] = []
        self.suspended = 0
        self.resumed = 0
        self.state = TransactionState.PROCEEDING
        self._layer = layer
        self._when_left = when_left
        self._token: object = None
        self._resumed_by: object = None
        self._was = self.state  # before it was suspended
        self._was_relayed = False

    def __repr__(self) -> str:
        return f"<EmulatedTransaction {self.method}: {self.state.value}>"

    @property
    def is_answered(self) -> bool:
        """Whether a final reply was sent."""
        return self.state is TransactionState.ANSWERED

    @property
    def is_left(self) -> bool:
        """Whether nothing more will happen on this side: it was answered, or relayed."""
        return self.state in (TransactionState.ANSWERED, TransactionState.RELAYED)

    def is_suspended_by(self, token: Token) -> bool:
        """Whether the suspension that ``token`` stands for still lasts."""
        return self.state is TransactionState.SUSPENDED and token is self._token

    # ---- what a query does with it

    def suspend(self) -> Token:
        """See `onehttp.Transaction.suspend`."""
        layer = self._layer
        with layer.changed:
            if self.state not in (TransactionState.PROCEEDING, TransactionState.RESUMED):
                raise TransactionError(f"{self!r} cannot be suspended")
            self._was = self.state
            self._become(TransactionState.SUSPENDED)
            self.suspended += 1
            if self.method == "INVITE" and not self.responses and not self._was_relayed:
                self.responses.append("100")
            self._token = object()
            layer.suspended[self] = layer.clock() + layer.final_timer_s
            layer.changed.notify_all()
            return self._token

    def resume(
        self, token: Token, route: Callable[[Result], object] | None, result: Result
    ) -> bool:
        """See `onehttp.Transaction.resume`."""
        with self._layer.changed:
            if not self.is_suspended_by(token):
                return False
            self._become(TransactionState.RESUMED)
            self.resumed += 1
            self._resumed_by = token
        try:
            if route is not None:
                run_route(route, result)
        finally:
            self._leave_route(token)
        return True

    def cancel_suspend(self, token: Token) -> None:
        """See `onehttp.Transaction.cancel_suspend`."""
        with self._layer.changed:
            if self.is_suspended_by(token):
                self._become(self._was)

    # ---- what a script and its peer do

    def reply(self, code: int, reason: str) -> bool:
        """Send a reply; False after a final one."""
        with self._layer.changed:
            if self.is_answered:
                return False
            if code < _FINAL:
                self.responses.append(f"{code} {reason}")
            else:
                self._answer(f"{code} {reason}")
            return True

    def relay(self) -> None:
        """Forward the request to the next hop."""
        with self._layer.changed:
            self._become(TransactionState.RELAYED)
            self._was_relayed = True

    def reopen(self) -> None:
        """Work on the request again, in a failure route, after the next hop has refused it."""
        with self._layer.changed:
            self._become(TransactionState.PROCEEDING)

    def cancel(self) -> None:
        """Receive a CANCEL from the caller."""
        with self._layer.changed:
            if not self.is_answered:
                self._answer("487")
            self.responses.append("200 (CANCEL)")

    def fire_timer(self) -> None:
        """The time for a final reply is over."""
        with self._layer.changed:
            if self.state is TransactionState.SUSPENDED:
                self._answer("408")

    def _leave_route(self, token: Token) -> None:
        with self._layer.changed:
            # Not when a later route is at it, of a query that this one has submitted.
            if self.state is TransactionState.RESUMED and self._resumed_by is token:
                self._answer("500")  # because no other code will answer

    def _answer(self, response: str) -> None:
        self.responses.append(response)
        self._become(TransactionState.ANSWERED)

    def _become(self, state: TransactionState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise TransactionError(f"{self!r} cannot become: {state.value}")
        self.state = state
        if state is not TransactionState.SUSPENDED:
            self._layer.suspended.pop(self, None)
        self._layer.changed.notify_all()
        if self.is_left and self._when_left is not None:
            self._when_left()
