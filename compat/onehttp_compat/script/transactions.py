"""The transactions of a run: finds the request in a capture that a reply belongs to."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from onehttp.lowlevel import EmulatedTransaction
from onehttp_compat.pv import Message
from onehttp_compat.script.routed_message import Branch, RoutedMessage
from onehttp_compat.sip.message import SipMessage

KEPT: Final = 4096
"""The number of transactions that wait for a reply. If there are more, the oldest is removed."""


@dataclass(slots=True)
class ScriptTransaction:
    """A transaction as ``tm`` keeps it: its request, its branches, and the routes that are
    armed."""

    fake: EmulatedTransaction
    request: RoutedMessage
    routes: dict[str, str]
    """Names of routes by kind: ``failure_route``, ``onreply_route``, ``branch_route``, ..."""
    variables: Message = field(default_factory=dict)
    """The variables of the message when it was relayed, which the later routes of the script get
    back."""
    branches: list[Branch] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """The last status of each branch; 0 if there is none yet."""
    branch_failure_routes: list[str] = field(default_factory=list)
    """The failure route of each branch; empty if there is none, or if it has run."""
    received: dict[int, int] = field(default_factory=dict)
    """The last status that a branch has received, before the routes for it run."""
    is_canceled: bool = False
    last_reply: SipMessage | None = None
    identity: tuple[int, int] = (0, 0)
    """``$T(id_index)`` and ``$T(id_label)``."""

    def note_relay(self, routed: RoutedMessage) -> None:
        """Record that the request was sent as it is now, and to its further branches."""
        first = Branch(routed.uri, routed.dst_uri or "", flags=routed.branch_flags)
        route = self.routes.pop("branch_failure_route", "")  # for these branches only
        for branch in (first, *routed.branches):
            self.branches.append(branch)
            self.statuses.append(0)
            self.branch_failure_routes.append(route)
        routed.branches = []

    @property
    def sent_status(self) -> int:
        """The last status that was sent; 0 if none was. An INVITE is answered with 100 at once."""
        sent = self.fake.responses
        if sent:
            return int(sent[-1][:3])
        return 100 if self.request.sip.method == "INVITE" else 0

    @property
    def is_refused(self) -> bool:
        """Whether it was answered with a failure."""
        final = [one for one in self.fake.responses if one[:1] in "3456"]
        return bool(final)

    def is_same_hop(self, message: SipMessage) -> bool:
        """Whether a message has the same branch as the request, as the ACK for a refusal does."""
        theirs, mine = message.top_via, self.request.sip.top_via
        return (
            theirs is not None
            and mine is not None
            and (theirs.param("branch") == mine.param("branch"))
        )

    @property
    def status(self) -> int:
        """The status to send upstream: 6xx before the lowest final status, or else the latest
        one."""
        final = [status for status in self.statuses if status >= 200]
        everywhere = [status for status in final if status >= 600]
        return min(everywhere or final, default=max(self.statuses, default=0))


class WaitingTransactions:
    """Relayed transactions, found by the replies that belong to them."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[tuple[object, ...], ScriptTransaction] = OrderedDict()
        self._changing = threading.Lock()
        """Guards the dictionary, because several threads work on messages."""

    def add(self, run: int, transaction: ScriptTransaction) -> None:
        """Keep a transaction until its reply arrives."""
        with self._changing:
            self._by_key[key(run, transaction.request.sip)] = transaction
            while len(self._by_key) > KEPT:
                self._by_key.popitem(last=False)

    def find(self, run: int, message: SipMessage) -> ScriptTransaction | None:
        """Find the transaction of a reply, of a CANCEL, of an ACK, or of a retransmission."""
        with self._changing:
            return self._by_key.get(key(run, message))


def key(run: int, message: SipMessage) -> tuple[object, ...]:
    """The key that identifies a transaction in captures, in which the branches of both sides are
    unknown.

    ``run`` is the number of the repetition of the capture, because the same bytes are another
    message then.
    """
    number, method = message.cseq
    if method in ("ACK", "CANCEL"):
        method = "INVITE"
    sender = message.address("from")
    tag = sender.param("tag") if sender else None
    return run, message.header("call-id"), number, method, tag
