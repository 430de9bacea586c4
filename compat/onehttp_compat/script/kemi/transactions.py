"""``KSR.tm`` and ``KSR.tmx``: transactions, their routes, their replies."""

from __future__ import annotations

import re
from typing import Final

from onehttp_compat.script.catalogue import Signature
from onehttp_compat.script.kemi.functions import FALSE, NOTHING_TO_DO, TRUE, Functions, as_code
from onehttp_compat.script.message_in_progress import RouteKind
from onehttp_compat.script.routed_message import Branch
from onehttp_compat.script.transactions import ScriptTransaction
from onehttp_compat.sip.uri import parse_uri

BAD_REQUEST: Final = -400
"""The result of ``t_relay`` for a request that cannot be sent as it is."""
LONGEST_RETRANSMISSION: Final = 0xFFFF
"""Milliseconds."""


class TmFunctions(Functions):
    """``KSR.tm``."""

    # ---- creating, finding and relaying

    def t_newtran(self) -> int:
        return BAD_REQUEST if self._is_reply_alone else self._scene.new_transaction()

    @property
    def _is_reply_alone(self) -> bool:
        return not self._sip.is_request and self._scene.tm is None

    def t_relay(self) -> int:
        return self._relay()

    def t_relay_to_flags(self, _flags: int) -> int:
        return self._relay()

    def t_relay_to_proto(self, _protocol: str) -> int:
        return self._relay()

    def t_relay_to_proto_addr(self, protocol: str, host: str, port: int) -> int:
        return self._relay_to(f"sip:{host}:{port};transport={protocol.lower()}")

    def t_relay_to_proxy(self, proxy: str) -> int:
        return self._relay_to(f"sip:{proxy.partition(':')[2] or proxy}")

    def t_relay_to_proxy_flags(self, proxy: str, _flags: int) -> int:
        return self.t_relay_to_proxy(proxy)

    def t_replicate(self, uri: str) -> int:
        self._world.send(self._scene, [uri])
        return self._scene.act(f"replicate to {uri}")

    def t_check_trans(self) -> int:
        sip = self._sip
        known = self._known()
        if known is None:
            return FALSE
        if sip.method == "CANCEL" and sip.cseq[1] == "CANCEL":
            return TRUE
        if sip.method == "ACK":
            is_over = known.is_refused and known.is_same_hop(sip)
            return NOTHING_TO_DO if is_over else FALSE
        if known is not self._scene.progress.repeats:
            return FALSE
        self._scene.progress.answer_again()
        return NOTHING_TO_DO

    def t_lookup_request(self) -> int:
        return as_code(self._scene.tm or self._known())

    def t_lookup_cancel(self) -> int:
        return as_code(self._sip.method == "CANCEL" and self._known())

    def t_lookup_cancel_flags(self, _flags: int) -> int:
        return self.t_lookup_cancel()

    def t_is_retr_async_reply(self) -> int:
        return FALSE

    # ---- replies

    def t_reply(self, code: int, reason: str) -> int:
        return self._scene.reply_in_transaction(f"{code} {reason}")

    def t_send_reply(self, code: int, reason: str) -> int:
        scene = self._scene
        if self._sip.method == "ACK" or not self._sip.is_request:
            return FALSE
        is_new = scene.tm is None and not scene.is_faked
        if is_new and scene.new_transaction() == NOTHING_TO_DO:
            return FALSE  # a retransmission of a request that was answered
        return scene.reply_with(f"{code} {reason}")

    def t_retransmit_reply(self) -> int:
        transaction = self._scene.progress.tm
        return as_code(transaction is not None and transaction.fake.responses)

    def t_release(self) -> int:
        return as_code(not self._is_reply_alone)

    # ---- routes that are armed for later

    def t_on_failure(self, name: str) -> int:
        return self._arm("failure", name)

    def t_on_reply(self, name: str) -> int:
        return self._arm("onreply", name)

    def t_on_branch(self, name: str) -> int:
        return self._arm("branch", name)

    def t_on_branch_failure(self, name: str) -> int:
        return self._arm("branch_failure", name)

    def t_is_set(self, kind: str) -> int:
        tm = self._scene.tm
        armed = {**self._scene.progress.routes_set, **(tm.routes if tm else {})}
        if kind in ("local_route", "all"):
            return as_code(armed)
        # The server checks only the beginning of the name, and so finds the branch route.
        return as_code(armed.get("branch_route" if kind == "branch_failure_route" else kind))

    # ---- the replies received

    def t_is_canceled(self) -> int:
        tm = self._scene.tm or self._known()
        return as_code(tm is not None and tm.is_canceled)

    def t_is_expired(self) -> int:
        return FALSE

    def t_any_timeout(self) -> int:
        return as_code(self._any_status(408) and not self._has_reply())

    def t_branch_timeout(self) -> int:
        return self.t_any_timeout()

    def t_any_replied(self) -> int:
        return as_code(self._has_reply())

    def t_branch_replied(self) -> int:
        scene = self._scene
        if scene.route is RouteKind.BRANCH_FAILURE and scene.tm is not None:
            return as_code(scene.tm.statuses[scene.branch])  # replies before the one that failed
        return as_code(self._has_reply())

    def t_grep_status(self, status: int) -> int:
        return as_code(self._any_status(status))

    def t_get_status_code(self) -> int:
        return self._status() or FALSE

    def t_get_branch_index(self) -> int:
        return self._scene.branch_number

    def t_check_status(self, pattern: str) -> int:
        status = self._status()
        if status is None:
            return FALSE
        try:
            return as_code(re.search(pattern, str(status)))
        except re.error as error:
            self._world.mistakes.note(f"t_check_status: {pattern!r}: {error}")
            return FALSE

    def t_drop_replies(self, _which: str) -> int:
        return TRUE

    def t_drop_replies_all(self) -> int:
        return TRUE

    # ---- settings, which have no effect that a script sees

    def t_set_fr(self, invite: int, other: int) -> int:
        return as_code(invite >= 0 and other >= 0)

    t_set_max_lifetime = t_set_fr

    def t_set_retr(self, first: int, second: int) -> int:
        return as_code(0 <= first <= LONGEST_RETRANSMISSION >= second >= 0)

    def t_set_fr_inv(self, milliseconds: int) -> int:
        return as_code(milliseconds >= 0)

    def _set_switch(self, _value: int) -> int:
        return TRUE

    t_set_auto_inv_100 = t_set_disable_6xx = t_set_disable_failover = _set_switch
    t_set_disable_internal_reply = t_set_no_e2e_cancel_reason = _set_switch

    def t_reset_fr(self) -> int:
        return TRUE

    t_reset_retr = t_reset_max_lifetime = t_use_uac_headers = t_save_lumps = t_reset_fr

    def t_clean(self) -> int:
        return TRUE

    # ---- serial forking

    def t_load_contacts(self) -> int:
        """Sort the targets of ``append_branch`` and the request URI by q, and store them."""
        routed = self._routed
        if not routed.branches:
            return TRUE
        first = Branch(routed.uri, routed.dst_uri or "")
        targets = sorted([*reversed(routed.branches), first], key=lambda one: -one.q)
        routed.waiting_contacts, routed.branches = targets, []
        return TRUE

    def ki_t_load_contacts_mode(self, _mode: int) -> int:
        return self.t_load_contacts()

    def t_next_contacts(self) -> int:
        routed = self._routed
        if not routed.waiting_contacts:
            return -2
        q = routed.waiting_contacts[0].q
        chosen = [one for one in routed.waiting_contacts if one.q == q]
        routed.waiting_contacts = routed.waiting_contacts[len(chosen) :]
        routed.set_uri(chosen[0].uri)
        routed.dst_uri = chosen[0].dst_uri or None
        routed.branches += chosen[1:]
        self._scene.act(f"$ru = {routed.uri}")
        return TRUE

    def t_next_contact_flow(self) -> int:
        return -2

    # ----

    def _known(self) -> ScriptTransaction | None:
        return self._world.waiting.find(self._scene.progress.run, self._sip)

    def _relay_to(self, uri: str) -> int:
        if parse_uri(uri) is None:
            return FALSE
        self._routed.dst_uri = uri
        return self._relay()

    def _relay(self) -> int:
        """Run the branch route for each branch, then send. -1 if there is no destination."""
        scene, world = self._scene, self._world
        if not scene.message.is_request:
            return NOTHING_TO_DO
        if parse_uri(scene.routed.next_hop) is None or scene.routed.parsed_uri is None:
            world.mistakes.hint(f"t_relay: {scene.routed.uri!r} is no URI to relay to")
            return BAD_REQUEST
        if scene.message.is_broken or scene.message.address("from") is None:
            return BAD_REQUEST
        if scene.route is RouteKind.FAILURE:
            if not scene.routed.has_new_target and not scene.routed.branches:
                world.mistakes.hint(
                    "t_relay: the failure route has written no new target, so nothing is sent"
                )
                return FALSE
            scene.routed.has_new_target = False
        return world.relay(scene)

    def _arm(self, kind: str, name: str) -> int:
        self._scene.progress.routes_set[f"{kind}_route"] = name
        return self._scene.act(f"{kind} route {name}")

    def _status(self) -> int | None:
        """The status of the reply that has led here, or of the last one that was sent. None if
        there is neither."""
        reply = self._scene.reply
        if reply is not None:
            return reply.status
        if not self._sip.is_request:
            return self._sip.status if self._scene.tm is not None else None
        return None if self._scene.route is RouteKind.BRANCH else self._scene.sent_status

    def _any_status(self, status: int) -> bool:
        tm = self._scene.tm
        # For the first reply of a branch, the server checks after its routes.
        return tm is not None and any(
            tm.statuses[branch] and last == status for branch, last in tm.received.items()
        )

    def _has_reply(self) -> bool:
        tm = self._scene.tm
        return tm is not None and any(tm.statuses)


class TmxFunctions(Functions):
    """``KSR.tmx``."""

    def t_precheck_trans(self) -> int:
        """-1 if no other process works on the same message now; -2 if the message belongs to no
        transaction."""
        is_alone = not self._sip.is_request or self._sip.method in ("ACK", "CANCEL")
        return FALSE - 1 if is_alone else FALSE

    def t_is_request_route(self) -> int:
        return as_code(self._scene.route is RouteKind.REQUEST)

    def t_is_failure_route(self) -> int:
        return as_code(self._scene.route is RouteKind.FAILURE)

    def t_is_branch_route(self) -> int:
        return as_code(self._scene.route is RouteKind.BRANCH)

    def t_is_reply_route(self) -> int:
        return as_code(self._scene.route in (RouteKind.REPLY, RouteKind.ON_REPLY))

    def t_drop(self) -> int:
        return self.t_drop_rcode(500)

    def t_drop_rcode(self, _code: int) -> int:
        if self._scene.tm is None:
            return FALSE
        self._scene.is_dropped = True
        return self._scene.act("drop the transaction")

    def t_flush_flags(self) -> int:
        return as_code(self._scene.tm)

    t_flush_xflags = t_flush_flags

    def t_cancel_branches(self, which: str) -> int:
        return self._scene.act(f"cancel branches: {which}") if self._scene.tm else FALSE

    def t_reuse_branch(self) -> int:
        return as_code(self._scene.route is RouteKind.BRANCH_FAILURE)

    def t_suspend(self) -> int:
        """Suspend the transaction. No code outside this process resumes it."""
        if not self._sip.is_request and self._scene.tm is None:
            return FALSE
        signature = Signature("tmx", "t_suspend", "int", ())
        answer = self._world.assumptions.answer(signature, ())
        return answer if isinstance(answer, int) else TRUE
