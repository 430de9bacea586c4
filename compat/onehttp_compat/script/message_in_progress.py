"""A message on its way through the script, and where the script stands when it calls a function.

What runs for a message runs in a context of its own, also on other threads: `current` is there.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from onehttp import TransactionError
from onehttp.lowlevel import EmulatedTransaction, TransactionLayer, TransactionState, make_current
from onehttp_compat.script.outcome import MessageOutcome, QueryOutcome, is_final
from onehttp_compat.sip.message import SipMessage
from onehttp_compat.sip.request import SipRequest

REQUEST_ROUTE: Final = "its request route"
script_log = logging.getLogger("onehttp.script")


class MessageInProgress:
    """One message, from its arrival until nothing of it is open.

    Args:
        when_done: takes the outcome, once; called by whoever does the last step.
    """

    def __init__(
        self,
        message: SipMessage,
        number: int,
        layer: TransactionLayer,
        when_done: Callable[[MessageOutcome], object],
    ) -> None:
        self.message = message
        self.outcome = MessageOutcome(message, number)
        self.transaction: EmulatedTransaction | None = None
        self.routes_set: set[str] = set()
        """Kinds of routes that the script has armed, as ``t_is_set`` names them."""
        self._layer = layer
        self._when_done = when_done
        # ``layer.changed`` guards all below.
        self._open = {REQUEST_ROUTE}
        """What is not over yet: the route, and queries by id."""
        self._is_done = False
        self._started = time.perf_counter()
        self._settled_s: float | None = None

    @functools.cached_property
    def request(self) -> SipRequest:
        """The request as received; headers added to it are shown."""
        headers = self.outcome.headers
        return SipRequest(self.message.wire(), on_add=lambda line: headers.append(line.strip()))

    def new_transaction(self) -> EmulatedTransaction:
        """Give it a transaction, which queries of this context suspend from here on."""
        self.transaction = self._layer.new(self.message.method, self._left)
        make_current(self.transaction)
        return self.transaction

    def reply_statelessly(self, reply: str) -> None:
        """Answer without a transaction."""
        with self._layer.changed:
            self.outcome.replies.append(reply)
            if is_final(reply):
                self._settle()

    def fail(self, error: str) -> None:
        """Keep what went wrong first."""
        with self._layer.changed:
            if self.outcome.error is None:
                self.outcome.error = error

    def toggle(self, part: str) -> None:
        """``part`` is open from here on; or, told of it again, over.

        The two ends of a query come from two threads, in either order.
        """
        with self._layer.changed:
            self._open ^= {part}
            self._finish_if_through()

    def note(self, query: QueryOutcome) -> None:
        """A query has come to its end."""
        with self._layer.changed:
            self.outcome.queries.append(query)

    @property
    def age_s(self) -> float:
        """Seconds since its arrival."""
        return time.perf_counter() - self._started

    def _left(self) -> None:
        self._settle()
        self._finish_if_through()

    def _settle(self) -> None:
        if self._settled_s is None:
            self._settled_s = self.age_s

    def _finish_if_through(self) -> None:
        transaction = self.transaction
        if self._open or self._is_done:
            return
        if transaction is not None and transaction.state is TransactionState.SUSPENDED:
            return
        self._is_done = True
        outcome = self.outcome
        if transaction is not None:
            outcome.replies += transaction.responses
            outcome.suspended, outcome.resumed = transaction.suspended, transaction.resumed
        self._settle()
        assert self._settled_s is not None
        outcome.time_s = self._settled_s
        self._when_done(outcome)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a script stands: what it does counts for ``progress``."""

    message: SipMessage
    progress: MessageInProgress
    is_faked: bool = False
    """In a callback outside of transactions: its message was made up, replies reach nobody."""

    @property
    def transaction(self) -> EmulatedTransaction | None:
        return None if self.is_faked else self.progress.transaction

    def act(self, what: str) -> int:
        """Note what the script does."""
        self.progress.outcome.actions.append(what)
        return 1

    def append_header(self, line: str) -> int:
        """Note a header that the script adds."""
        self.progress.outcome.headers.append(line.strip())
        return 1

    def new_transaction(self) -> int:
        """``t_newtran``: -1 where there is one."""
        if self.is_faked or self.progress.transaction is not None:
            script_log.error("t_newtran: there is a transaction already, or no request for one")
            return -1
        self.progress.new_transaction()
        return 1

    def reply(self, reply: str) -> int:
        """``send_reply``: in the transaction, if there is one; -1 after a final reply."""
        if self.is_faked:
            return self.act(f"reply {reply} to nobody")
        if self.progress.transaction is not None:
            return self.reply_in_transaction(reply)
        self.progress.reply_statelessly(reply)
        return 1

    def reply_in_transaction(self, reply: str) -> int:
        """``t_reply``: -1 without a transaction, and after a final reply."""
        transaction = self.transaction
        code, _, reason = reply.partition(" ")
        if transaction is None:
            script_log.error("t_reply: there is no transaction; t_newtran makes one")
            return -1
        return 1 if transaction.reply(int(code), reason) else -1

    def relay(self) -> int:
        """``t_relay``: makes the transaction where there is none; -1 when it cannot go out."""
        if self.is_faked:
            return self.act("relay to nobody")
        transaction = self.progress.transaction or self.progress.new_transaction()
        try:
            transaction.relay()
        except TransactionError as error:
            script_log.error("t_relay: %s", error)
            return -1
        return self.act("relay")


_current: ContextVar[Scene | None] = ContextVar("onehttp_scene", default=None)
current = _current.get
enter = _current.set
