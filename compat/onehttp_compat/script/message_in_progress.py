"""A message on its way through the script, and where the script stands when it calls a function.

What runs for a message runs in a context of its own, also on other threads: `current` is there.
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
"""What ``t_newtran`` says where there is a transaction."""
REQUEST_ROUTE: Final = "its request route"
script_log = logging.getLogger("onehttp.script")


class Route(enum.Enum):
    """Which kind of route of the script runs; the values are what ``tm`` calls them."""

    REQUEST = "request_route"
    REPLY = "reply_route"
    ON_REPLY = "onreply_route"
    FAILURE = "failure_route"
    BRANCH = "branch_route"
    BRANCH_FAILURE = "branch_failure_route"
    ON_SEND = "onsend_route"
    EVENT = "event_route"


class MessageInProgress:
    """One message, from its arrival until nothing of it is open.

    Args:
        when_done: takes the outcome, once; called by whoever does the last step.
        transaction: of a reply, that which it belongs to.
        run: which repetition of the capture it is part of.
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
        """The transaction of the same request that came before: it is sent again."""
        self.note_transaction: Callable[[ScriptTransaction], object] = lambda _: None
        """Told of the transaction that it is given."""
        self.routes_set: dict[str, str] = {}
        """Names of the routes that the script has armed, by kind as ``t_is_set`` names it."""
        self.is_in_dialog = False
        """It has begun a dialog that the server manages, or is known to belong to one."""
        self.is_managed = False
        """``dlg_manage`` was called for it, and it is one of a dialog that has begun before."""
        self.script_flags = 0
        """``$sf``: of this message alone, whichever route sets them."""
        self._layer = layer
        self._when_done = when_done
        self._responses_before = len(transaction.fake.responses) if transaction else 0
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

    @property
    def transaction(self) -> EmulatedTransaction | None:
        """Its transaction; None: it has none."""
        return None if self.tm is None else self.tm.fake

    def new_transaction(self, routed: RoutedMessage) -> ScriptTransaction:
        """Give it a transaction, which queries of this context suspend from here on."""
        fake = self._layer.new(self.message.method, self._left)
        self.tm = ScriptTransaction(fake, routed, self.routes_set)
        self.note_transaction(self.tm)
        make_current(fake)
        return self.tm

    def answer_again(self) -> None:
        """What was answered last to the same request before, goes out again."""
        if self.repeats is not None and self.repeats.fake.responses:
            self.outcome.replies.append(self.repeats.fake.responses[-1])

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

    def abandon(self, error: str) -> None:
        """Tell its outcome now, whatever of it may still be open."""
        with self._layer.changed:
            self.fail(error)
            self._open.clear()
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
            outcome.replies += transaction.responses[self._responses_before :]
            outcome.suspended, outcome.resumed = transaction.suspended, transaction.resumed
        self._settle()
        assert self._settled_s is not None
        outcome.time_s = self._settled_s
        self._when_done(outcome)


@dataclass(slots=True)
class Scene:
    """Where a script stands: what it does counts for ``progress``."""

    routed: RoutedMessage
    progress: MessageInProgress
    route: Route = Route.REQUEST
    is_faked: bool = False
    """In a callback outside of transactions: its message was made up, replies reach nobody."""
    branch: int = -1
    """Which branch of the transaction the route runs for; -1: for none."""
    reply: SipMessage | None = None
    """In a failure route: the reply that led there."""
    next_hop: str = ""
    """In an onsend route: the URI that this copy goes to."""
    is_dropped: bool = False
    """The script has said ``drop``: the reply, or the branch, goes nowhere."""

    @property
    def message(self) -> SipMessage:
        """As received."""
        return self.routed.sip

    @property
    def tm(self) -> ScriptTransaction | None:
        return None if self.is_faked else self.progress.tm

    @property
    def replies(self) -> int:
        """How many it has been answered with by now."""
        sent = self.transaction.responses if self.transaction else ()
        return len(self.progress.outcome.replies) + len(sent)

    @property
    def sent_status(self) -> int | None:
        """What the transaction was answered with last, 0: nothing; None: there is none."""
        if self.tm is not None:
            return self.tm.sent_status
        if self.route is Route.BRANCH:  # it is about to be made
            return 100 if self.message.method == "INVITE" else 0
        return None

    @property
    def branch_number(self) -> int:
        """Which branch the server says that it is at: behind a failure, the one to come."""
        if self.route is Route.FAILURE and self.tm is not None:
            return len(self.tm.branches)
        is_first = self.message.is_request and self.route is not Route.ON_SEND
        return max(0, self.branch) if is_first else self.branch

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
        """``t_newtran``: -10 where there is one, 0 for a message that has come before."""
        if self.progress.repeats is not None and self.progress.tm is None:
            self.progress.answer_again()
            return 0
        if self.is_faked or self.progress.tm is not None:
            script_log.error("t_newtran: there is a transaction already, or no request for one")
            return ALREADY_THERE
        self.progress.new_transaction(self.routed)
        return 1

    def reply_with(self, reply: str) -> int:
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
        if self.progress.repeats is not None and self.progress.tm is None:
            self.progress.answer_again()
            return 1  # the request has been passed on already
        tm = self.progress.tm or self.progress.new_transaction(self.routed)
        if tm.fake.state is not TransactionState.RELAYED:  # as it is in a failure route
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
