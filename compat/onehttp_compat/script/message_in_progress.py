"""A message while the script works on it, and the state of the script when it calls a function.

All work for a message runs in a context of its own, also on other threads. `current` is set in it.
"""

from __future__ import annotations

import enum
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
from onehttp_compat.script.routed_message import RoutedMessage
from onehttp_compat.script.transactions import ScriptTransaction
from onehttp_compat.sip.message import SipMessage
from onehttp_compat.sip.request import SipRequest

ALREADY_THERE: Final = -10
"""The result of ``t_newtran`` if there is a transaction already."""
REQUEST_ROUTE: Final = "its request route"
script_log = logging.getLogger("onehttp.script")


class RouteKind(enum.Enum):
    """The kinds of routes of a script. The values are the numbers of ``tm``."""

    REQUEST = "request_route"
    REPLY = "reply_route"
    ON_REPLY = "onreply_route"
    FAILURE = "failure_route"
    BRANCH = "branch_route"
    BRANCH_FAILURE = "branch_failure_route"
    ON_SEND = "onsend_route"
    EVENT = "event_route"


class MessageInProgress:
    """One message, from its arrival until all work for it is over.

    Args:
        when_done: is called with the outcome once, by the thread that does the last step.
        transaction: for a reply, the transaction that it belongs to.
        run: the number of the repetition of the capture that it is part of.
    """

    def __init__(
        self,
        message: SipMessage,
        number: int,
        layer: TransactionLayer,
        when_done: Callable[[MessageOutcome], object],
        transaction: ScriptTransaction | None = None,
        run: int = 0,
    ) -> None:
        self.run = run
        self.message = message
        self.outcome = MessageOutcome(message, number)
        self.tm = transaction
        self.repeats: ScriptTransaction | None = None
        """The transaction of an earlier request that this one repeats (a retransmission)."""
        self.note_transaction: Callable[[ScriptTransaction], object] = lambda _: None
        """Is called with the transaction that the message gets."""
        self.routes_set: dict[str, str] = {}
        """The names of the routes that the script has armed, by kind, as ``t_is_set`` names the
        kinds."""
        self.is_in_dialog = False
        """The message has started a dialog that the server manages, or is known to belong to
        one."""
        self.is_managed = False
        """``dlg_manage`` was called for it, and its dialog has started before."""
        self.script_flags = 0
        """``$sf``: the flags belong to this message only, and all routes share them."""
        self._layer = layer
        self._when_done = when_done
        self._responses_before = len(transaction.fake.responses) if transaction else 0
        # ``layer.changed`` guards everything below.
        self._open = {REQUEST_ROUTE}
        """The work that is not over yet: the route, and the queries by id."""
        self._is_done = False
        self._started = time.perf_counter()
        self._settled_s: float | None = None

    @functools.cached_property
    def request(self) -> SipRequest:
        """The request as it was received, and the headers added to it."""
        headers = self.outcome.headers
        return SipRequest(self.message.wire(), on_add=lambda line: headers.append(line.strip()))

    @property
    def transaction(self) -> EmulatedTransaction | None:
        """Its transaction; None if it has none."""
        return None if self.tm is None else self.tm.fake

    def new_transaction(self, routed: RoutedMessage) -> ScriptTransaction:
        """Give it a transaction. From now on queries of this context suspend that."""
        fake = self._layer.new(self.message.method, self._left)
        self.tm = ScriptTransaction(fake, routed, self.routes_set)
        self.note_transaction(self.tm)
        make_current(fake)
        return self.tm

    def answer_again(self) -> None:
        """Repeat the last answer to the earlier request of which this is a retransmission."""
        if self.repeats is not None and self.repeats.fake.responses:
            self.outcome.replies.append(self.repeats.fake.responses[-1])

    def reply_statelessly(self, reply: str) -> None:
        """Answer without a transaction."""
        with self._layer.changed:
            self.outcome.replies.append(reply)
            if is_final(reply):
                self._settle()

    def fail(self, error: str) -> None:
        """Keep the first error."""
        with self._layer.changed:
            if self.outcome.error is None:
                self.outcome.error = error

    def toggle(self, part: str) -> None:
        """Mark ``part`` as open, or as over if it is called for it again.

        The start and the end of a query are reported by two threads, in any order.
        """
        with self._layer.changed:
            self._open ^= {part}
            self._finish_if_through()

    def abandon(self, error: str) -> None:
        """Report the outcome now, although some work is still open."""
        with self._layer.changed:
            self.fail(error)
            self._open.clear()
            self._finish_if_through()

    def note(self, query: QueryOutcome) -> None:
        """A query has ended."""
        with self._layer.changed:
            self.outcome.queries.append(query)

    @property
    def age_s(self) -> float:
        """Seconds since the message has arrived."""
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
            outcome.replies += transaction.responses[self._responses_before :]
            outcome.suspended, outcome.resumed = transaction.suspended, transaction.resumed
        self._settle()
        assert self._settled_s is not None
        outcome.time_s = self._settled_s
        self._when_done(outcome)


@dataclass(slots=True)
class Scene:
    """The state of a script when it calls a function. Its actions count for ``progress``."""

    routed: RoutedMessage
    progress: MessageInProgress
    route: RouteKind = RouteKind.REQUEST
    is_faked: bool = False
    """It is a callback outside of transactions: its message is artificial, and replies are not
    sent."""
    branch: int = -1
    """The number of the transaction's branch that the route runs for; -1 if it runs for none."""
    reply: SipMessage | None = None
    """In a failure route: the reply that caused it."""
    next_hop: str = ""
    """In an onsend route: the URI that this copy is sent to."""
    is_dropped: bool = False
    """The script has called ``drop``: the reply or the branch is not sent."""

    @property
    def message(self) -> SipMessage:
        """The message as it was received."""
        return self.routed.sip

    @property
    def tm(self) -> ScriptTransaction | None:
        return None if self.is_faked else self.progress.tm

    @property
    def replies(self) -> int:
        """How many replies were sent to it so far."""
        sent = self.transaction.responses if self.transaction else ()
        return len(self.progress.outcome.replies) + len(sent)

    @property
    def sent_status(self) -> int | None:
        """The last status that the transaction has sent; 0 if none was sent. None without a
        transaction."""
        if self.tm is not None:
            return self.tm.sent_status
        if self.route is RouteKind.BRANCH:  # the transaction is about to be made
            return 100 if self.message.method == "INVITE" else 0
        return None

    @property
    def branch_number(self) -> int:
        """The number of the branch that the server would report. In a failure route that is the
        next one."""
        if self.route is RouteKind.FAILURE and self.tm is not None:
            return len(self.tm.branches)
        is_first = self.message.is_request and self.route is not RouteKind.ON_SEND
        return max(0, self.branch) if is_first else self.branch

    @property
    def transaction(self) -> EmulatedTransaction | None:
        return None if self.is_faked else self.progress.transaction

    def act(self, what: str) -> int:
        """Record an action of the script."""
        self.progress.outcome.actions.append(what)
        return 1

    def append_header(self, line: str) -> int:
        """Record a header that the script adds."""
        self.progress.outcome.headers.append(line.strip())
        return 1

    def new_transaction(self) -> int:
        """``t_newtran``: -10 if there is a transaction, 0 for a retransmission."""
        if self.progress.repeats is not None and self.progress.tm is None:
            self.progress.answer_again()
            return 0
        if self.is_faked or self.progress.tm is not None:
            script_log.error("t_newtran: there is a transaction already, or no request for one")
            return ALREADY_THERE
        self.progress.new_transaction(self.routed)
        return 1

    def reply_with(self, reply: str) -> int:
        """``send_reply``: within the transaction if there is one; -1 after a final reply."""
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
        """``t_relay``: makes a transaction if there is none; -1 if the request cannot be sent."""
        if self.is_faked:
            return self.act("relay to nobody")
        if self.progress.repeats is not None and self.progress.tm is None:
            self.progress.answer_again()
            return 1  # the request was relayed already
        tm = self.progress.tm or self.progress.new_transaction(self.routed)
        if tm.fake.state is not TransactionState.RELAYED:  # as in a failure route
            try:
                tm.fake.relay()
            except TransactionError as error:
                script_log.error("t_relay: %s", error)
                return -1
        tm.note_relay(self.routed)
        return self.act("relay")


_current: ContextVar[Scene | None] = ContextVar("onehttp_scene", default=None)
current = _current.get
enter = _current.set
