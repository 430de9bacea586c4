"""The transactions of a run: which reply of a capture belongs to which request before it."""

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
"""So many transactions wait for a reply; the oldest goes when there are more."""


@dataclass(slots=True)
class ScriptTransaction:
    """One transaction as ``tm`` keeps it: its request, its branches, the routes it has armed."""

    fake: EmulatedTransaction
    request: RoutedMessage
    routes: dict[str, str]
    """Names by kind: ``failure_route``, ``onreply_route``, ``branch_route``, ..."""
    variables: Message = field(default_factory=dict)
    """What the script's message had when it was relayed: they come back in its later routes."""
    branches: list[Branch] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """The last status of each branch; 0: none yet."""
    branch_failure_routes: list[str] = field(default_factory=list)
    """Of each branch, the route for its failure; empty: none, or it has run."""
    received: dict[int, int] = field(default_factory=dict)
    """The last status that a branch has sent, from before the routes for it run."""
    is_canceled: bool = False
    last_reply: SipMessage | None = None
    identity: tuple[int, int] = (0, 0)
    """``$T(id_index)`` and ``$T(id_label)``."""

    def note_relay(self, routed: RoutedMessage) -> None:
        """The request has gone out as it stands, and to its further branches."""
        first = Branch(routed.uri, routed.dst_uri or "", flags=routed.branch_flags)
        route = self.routes.pop("branch_failure_route", "")  # it is for these alone
        for branch in (first, *routed.branches):
            self.branches.append(branch)
            self.statuses.append(0)
            self.branch_failure_routes.append(route)
        routed.branches = []

    @property
    def sent_status(self) -> int:
        """What was answered last; 0: nothing. An INVITE is answered with 100 at once."""
        sent = self.fake.responses
        if sent:
            return int(sent[-1][:3])
        return 100 if self.request.sip.method == "INVITE" else 0

    @property
    def is_refused(self) -> bool:
        """It was answered with a failure."""
        final = [one for one in self.fake.responses if one[:1] in "3456"]
        return bool(final)

    def is_same_hop(self, message: SipMessage) -> bool:
        """Whether a message has the branch of the request, as an ACK for a refusal has."""
        theirs, mine = message.top_via, self.request.sip.top_via
        return (
            theirs is not None
            and mine is not None
            and (theirs.param("branch") == mine.param("branch"))
        )

    @property
    def status(self) -> int:
        """What would be answered upstream: 6xx before the lowest final one; or the latest."""
        final = [status for status in self.statuses if status >= 200]
        everywhere = [status for status in final if status >= 600]
        return min(everywhere or final, default=max(self.statuses, default=0))


class WaitingTransactions:
    """Those that have been relayed, found by the replies that belong to them."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[tuple[object, ...], ScriptTransaction] = OrderedDict()
        self._changing = threading.Lock()
        """Guards the dictionary: messages are worked on in several threads."""

    def add(self, run: int, transaction: ScriptTransaction) -> None:
        """Keep one until its reply comes."""
        with self._changing:
            self._by_key[key(run, transaction.request.sip)] = transaction
            while len(self._by_key) > KEPT:
                self._by_key.popitem(last=False)

    def find(self, run: int, message: SipMessage) -> ScriptTransaction | None:
        """That of a reply, of a CANCEL, of an ACK, or of a request that comes again."""
        with self._changing:
            return self._by_key.get(key(run, message))


def key(run: int, message: SipMessage) -> tuple[object, ...]:
    """What tells transactions apart in captures, where branches of both sides are not known.

    ``run`` is which repetition of the capture it is: the same bytes are another message then.
    """
    number, method = message.cseq
    if method in ("ACK", "CANCEL"):
        method = "INVITE"
    sender = message.address("from")
    tag = sender.param("tag") if sender else None
    return run, message.header("call-id"), number, method, tag
