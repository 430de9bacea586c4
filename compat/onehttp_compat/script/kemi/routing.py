"""``KSR.rr``, ``KSR.path``, ``KSR.corex``, ``KSR.diversion``: the route of a request and of its
replies. ``KSR.dialog``: the dialog that it belongs to."""

from __future__ import annotations

from typing import Final

from onehttp_compat.pseudo_variables.transformations.regular_expressions import posix
from onehttp_compat.pv import as_bytes
from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.own_route_header import is_upstream, known_routes, parameters
from onehttp_compat.script.routed_message import LAST, Branch
from onehttp_compat.sip.uri import SipUri, bracketed, parse_uri

TWO_AT_ONCE = 2


NO_DIRECTION: Final = -6
PRELOADED: Final = -3


class RrFunctions(Functions):
    """``KSR.rr``."""

    def record_route(self) -> int:
        return self.record_route_params("")

    def record_route_params(self, params: str) -> int:
        routed = self._routed
        if routed.record_routes or self._sip.address("from") is None:
            return FALSE
        routed.record_routes.append(params)
        return self._scene.act("record-route")

    def record_route_preset(self, first: str, second: str) -> int:
        return self.record_route_params(f"{first} {second}".strip())

    def record_route_preset_one(self, address: str) -> int:
        return self.record_route_params(address)

    def record_route_advertised_address(self, address: str) -> int:
        return self.record_route_params(address)

    def remove_record_route(self) -> int:
        self._routed.record_routes.clear()
        return TRUE

    def add_rr_param(self, param: str) -> int:
        return TRUE

    def loose_route(self) -> int:
        return self.loose_route_mode(0)

    def loose_route_mode(self, mode: int) -> int:
        """With another mode than 0, the request line is not asked for a strict router."""
        return self._loose_route(may_be_strict=mode == 0)

    def loose_route_preloaded(self) -> int:
        """The same as ``loose_route``, and whether it has found nothing but this server."""
        return as_code(self.loose_route() == PRELOADED)

    def next_hop_route(self) -> int:
        return FALSE  # whatever Route headers there are

    def check_route_param(self, pattern: str) -> int:
        params = parameters(self._world, self._scene)
        if params is None:
            return FALSE
        return as_code(posix(pattern.encode()).search(as_bytes(params)))

    def is_direction(self, direction: str) -> int:
        if direction.lower() not in ("upstream", "downstream"):
            return NO_DIRECTION
        return as_code(is_upstream(self._world, self._scene) == (direction.lower() == "upstream"))

    def _loose_route(self, *, may_be_strict: bool) -> int:
        """Remove the Route headers that name this server; the request goes to the next one.
        Returns -3 for a request outside of a dialog that names no other one."""
        routes = known_routes(self._routed)
        if not routes:
            return FALSE
        _, _, uri_text = routes[0]
        uri = parse_uri(uri_text)
        if uri is None:
            return FALSE
        has_tag = self._has_to_tag()
        if may_be_strict and has_tag and self._is_my_uri(self._routed.uri):
            return self._after_strict(routes, uri)
        taken = 0
        if self._is_mine(uri):
            taken = 1
            self._routed.route_params_received = uri.params and f";{uri.params}"
            following = parse_uri(routes[1][2]) if len(routes) > 1 else None
            if uri.param("r2") == "on" and following is not None and self._is_mine(following):
                taken = TWO_AT_ONCE  # the second one is this server's other network
        rest = routes[taken:]
        next_one = parse_uri(rest[0][2]) if rest else None
        is_strict = next_one is not None and next_one.param("lr") is None
        self._take(routes, taken + is_strict)
        if taken:
            self._world.dialogs.resume(self._scene.progress, self._world.server.pv.message)
        if is_strict:  # it takes its own URI from the request line (RFC 3261, 16.6)
            self._routed.add(f"Route: <{self._routed.uri}>\r\n")
            self._routed.set_uri(rest[0][2])
            self._scene.act(f"$ru = {self._routed.uri}")
        elif rest:
            self._routed.dst_uri = rest[0][2]
            self._scene.act(f"destination {rest[0][2]}")
        return TRUE if rest or has_tag else PRELOADED

    def _has_to_tag(self) -> bool:
        recipient = self._sip.address("to")
        return recipient is not None and bool(recipient.param("tag"))

    def _after_strict(self, routes: list[tuple[int, str, str]], uri: SipUri) -> int:
        """The router before has put this server into the request line; the URI that was there is
        the last Route."""
        if uri.param("lr") is None:
            self._take(routes, 1)
            self._routed.set_uri(routes[0][2])
        else:
            self._routed.dst_uri = routes[0][2]
            self._scene.act(f"destination {routes[0][2]}")
            self._routed.set_uri(routes[-1][2])
            self._drop_last(routes)
        self._scene.act(f"$ru = {self._routed.uri}")
        return TRUE

    def _drop_last(self, routes: list[tuple[int, str, str]]) -> None:
        index = routes[-1][0]
        kept = [text for place, text, _ in routes[:-1] if place == index]
        if kept:
            self._routed.replaced[index] = ", ".join(kept)
        else:
            self._routed.remove([index])

    def _take(self, routes: list[tuple[int, str, str]], count: int) -> None:
        for index in {route[0] for route in routes[:count]}:
            kept = [text for place, text, _ in routes[count:] if place == index]
            if kept:
                self._routed.replaced[index] = ", ".join(kept)
            else:
                self._routed.remove([index])


class PathFunctions(Functions):
    """``KSR.path``."""

    def add_path(self) -> int:
        return self._add("")

    def add_path_user(self, user: str) -> int:
        return self._add(user)

    def add_path_user_params(self, user: str, params: str) -> int:
        return self._add(user, params=params)

    def add_path_received(self) -> int:
        return self._add("", is_received=True)

    def add_path_received_user(self, user: str) -> int:
        return self._add(user, is_received=True)

    def add_path_received_user_params(self, user: str, params: str) -> int:
        return self._add(user, is_received=True, params=params)

    def _add(self, user: str, *, is_received: bool = False, params: str = "") -> int:
        (host, port), (sender, sent_from) = self._sip.destination, self._sip.source
        who = f"{user}@" if user else ""
        origin = f";received=sip:{bracketed(sender)}:{sent_from}" if is_received else ""
        if origin and self._sip.protocol != "udp":
            origin += f"%3Btransport%3D{self._sip.protocol}"
        rest = origin + (f";{params}" if params else "")
        line = f"Path: <sip:{who}{host}:{port};lr{rest}>\r\n"
        found = self._routed.indices("path")
        self._routed.add(line, found[0] if found else LAST)
        return self._scene.append_header(line)


class DiversionFunctions(Functions):
    """``KSR.diversion``."""

    def add_diversion(self, reason: str) -> int:
        uri = self._sip.uri
        if not uri:
            return FALSE
        return self.add_diversion_uri(reason, uri)

    def add_diversion_uri(self, reason: str, uri: str) -> int:
        line = f"Diversion: <{uri}>;reason={reason}\r\n"
        found = self._routed.indices("diversion")
        self._routed.add(line, found[0] if found else LAST)
        return self._scene.append_header(line)


EXTENDED_FLAGS: Final = 64
"""How many extended flags there are."""


class CorexFunctions(Functions):
    """``KSR.corex``: branches, sockets, and other functions of that module."""

    def append_branch(self) -> int:
        return self._append("", -1)

    def append_branch_uri(self, uri: str) -> int:
        return self._append(uri, -1)

    def append_branch_uri_q(self, uri: str, q: str) -> int:
        try:
            thousandths = round(float(q) * 1000)
        except ValueError:
            return FALSE
        return self._append(uri, thousandths)

    def has_ruri_user(self) -> int:
        uri = self._routed.parsed_uri
        return as_code(self._sip.is_request and uri is not None and uri.user)

    def has_user_agent(self) -> int:
        return as_code(self._sip.header("user-agent"))

    def is_faked_msg(self) -> int:
        return as_code(self._scene.is_faked)

    def set_send_socket(self, socket: str) -> int:
        self._routed.send_socket = socket
        return TRUE

    set_send_socket_name = set_recv_socket = set_recv_socket_name = set_send_socket

    def setxflag(self, flag: int) -> int:
        if not 0 <= flag < EXTENDED_FLAGS:
            return FALSE
        self._flags()[flag // 32] = self._flags().get(flag // 32, 0) | 1 << flag % 32
        return TRUE

    def resetxflag(self, flag: int) -> int:
        if not 0 <= flag < EXTENDED_FLAGS:
            return FALSE
        self._flags()[flag // 32] = self._flags().get(flag // 32, 0) & ~(1 << flag % 32)
        return TRUE

    def isxflagset(self, flag: int) -> int:
        return as_code(self._flags().get(flag // 32, 0) >> flag % 32 & 1)

    def set_source_address(self, address: str) -> int:
        import dataclasses

        protocol, _, rest = address.partition(":")
        host, _, port = rest.rpartition(":")
        if not host or not port.isdigit():
            return FALSE
        self._routed.sip = dataclasses.replace(
            self._sip, source=(host.strip("[]"), int(port)), protocol=protocol.lower()
        )
        return TRUE

    def _flags(self) -> dict[int, int]:
        return self._routed.extended_flags

    def _append(self, uri: str, q: int) -> int:
        routed = self._routed
        target = uri or routed.uri
        routed.branches.append(Branch(target, routed.dst_uri or "", q=q, flags=routed.branch_flags))
        if not uri:
            # The settings of the request URI move to its branch, and no longer apply to later ones.
            routed.dst_uri, routed.branch_flags, routed.send_socket = None, 0, ""
        return self._scene.act(f"branch {target}")


class DialogFunctions(Functions):
    """``KSR.dialog``: the dialog that a message belongs to, as far as it follows from messages."""

    def dlg_manage(self) -> int:
        progress, values = self._scene.progress, self._world.server.pv.message
        receiver = self._sip.address("to")
        has_tag = receiver is not None and bool(receiver.param("tag"))
        if self._sip.method == "INVITE" and not has_tag:
            if self._sip.header("contact") is None:
                return FALSE  # whoever is asked could not be reached in the dialog
            self._world.dialogs.begin(progress, values)
            return TRUE
        if has_tag:
            self._world.dialogs.resume(progress, values)
            self._world.dialogs.manage(progress)
        else:
            self._resume_cancelled_dialog()
        return as_code(has_tag)

    def is_known_dlg(self) -> int:
        self._resume_cancelled_dialog()
        return as_code(self._scene.progress.is_in_dialog)

    def _resume_cancelled_dialog(self) -> None:
        """Resume the dialog of a CANCEL, which is found by the transaction that it cancels."""
        progress, world = self._scene.progress, self._world
        if self._sip.method == "CANCEL" and world.waiting.find(progress.run, self._sip):
            world.dialogs.resume(progress, world.server.pv.message)
