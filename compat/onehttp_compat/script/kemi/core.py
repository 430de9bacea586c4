"""``KSR.*``: methods, protocols, addresses, flags, the request URI."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.pv import NULL_TEXT, UnknownVariableError
from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.message_in_progress import script_log
from onehttp_compat.sip.uri import SipUri, parse_uri

LEVELS: Final = {
    "dbg": logging.DEBUG,
    "info": logging.INFO,
    "notice": logging.INFO,
    "warn": logging.WARNING,
    "err": logging.ERROR,
    "crit": logging.CRITICAL,
}
_METHODS: Final = frozenset((
    "ACK", "BYE", "CANCEL", "DELETE", "GET", "INFO", "INVITE", "KDMQ", "MESSAGE", "NOTIFY",
    "OPTIONS", "POST", "PRACK", "PUBLISH", "PUT", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
))  # fmt: skip
_PROTOCOLS: Final = {
    "UDP": ("udp",), "TCP": ("tcp",), "TLS": ("tls",), "SCTP": ("sctp",), "WS": ("ws",),
    "WSS": ("wss",), "WSX": ("ws", "wss"),
}  # fmt: skip
_LETTERS: Final = {
    "I": "INVITE", "A": "ACK", "B": "BYE", "C": "CANCEL", "R": "REGISTER", "O": "OPTIONS",
    "S": "SUBSCRIBE", "P": "PUBLISH", "N": "NOTIFY", "M": "MESSAGE", "U": "UPDATE", "K": "KDMQ",
    "F": "REFER", "E": "PRACK", "D": "DELETE", "G": "GET", "T": "POST", "V": "PUT",
}  # fmt: skip
_PROTOCOL_LETTERS: Final = {
    "U": "udp", "T": "tcp", "S": "tls", "C": "sctp", "W": "ws", "X": "wss", "u": "udp",
    "t": "tcp", "s": "tls", "c": "sctp", "w": "ws", "x": "wss",
}  # fmt: skip
MAX_FLAG: Final = 31
MAX_BRANCH: Final = 31


class CoreFunctions(Functions):
    """The functions of ``KSR`` itself."""

    def find(self, name: str) -> Callable[..., Any] | None:
        if name.startswith("is_") and (method := name.removeprefix("is_")) in _METHODS:
            return lambda: self._sip.method.upper() == method
        if name.startswith("is_") and (protocol := name.removeprefix("is_")) in _PROTOCOLS:
            known = _PROTOCOLS[protocol]
            return lambda: self._sip.protocol in known
        if name.startswith("to_") and (protocol := name.removeprefix("to_")) in _PROTOCOLS:
            known = _PROTOCOLS[protocol]
            return lambda: self._next_protocol() in known
        if name in LEVELS:
            return lambda text: log_text(LEVELS[name], text)
        return super().find(name)

    def log(self, level: str, text: str) -> int:
        return log_text(LEVELS.get(level, logging.ERROR), text)

    def get_debug(self) -> int:
        return 2

    # ---- the message

    def is_method(self, methods: str) -> bool:
        return self._sip.method.upper() in methods.upper().split("|")

    def is_method_in(self, letters: str) -> bool:
        return self._sip.method.upper() in {_LETTERS.get(letter) for letter in letters.upper()}

    def is_proto(self, letters: str) -> bool:
        return self._sip.protocol in {_PROTOCOL_LETTERS.get(letter) for letter in letters}

    def is_IPv4(self) -> bool:
        return _version(self._sip.source[0]) == 4

    def is_IPv6(self) -> bool:
        return _version(self._sip.source[0]) == 6

    def to_IPv4(self) -> bool:
        return _version(self._next_host()) == 4

    def to_IPv6(self) -> bool:
        return _version(self._next_host()) == 6

    def is_src_port(self, port: int) -> bool:
        return self._sip.source[1] == port

    def is_dst_port(self, port: int) -> bool:
        return self._sip.destination[1] == port

    # ---- is it for this server?

    def _is_mine(self, uri: SipUri | None) -> bool:
        """If the URI has no port, any port matches. Routes of requests are checked more
        strictly."""
        return uri is not None and self._world.is_myself(uri.host, uri.port_asked)

    def is_myself(self, uri: str) -> bool:
        if ":" in uri:
            return self._is_my_uri(uri)
        return not set(uri) & set("@;") and self._is_my_uri(f"sip:{uri}")

    def is_myself_ruri(self) -> bool:
        return self._is_mine(self._routed.parsed_uri)

    def is_myself_duri(self) -> bool:
        return self._is_my_uri(self._routed.dst_uri or "")

    def is_myself_nhuri(self) -> bool:
        return self._is_my_uri(self._routed.next_hop)

    def is_myself_furi(self) -> bool:
        return self._is_mine(self._address_uri("from"))

    def is_myself_turi(self) -> bool:
        return self._is_mine(self._address_uri("to"))

    def is_myself_suri(self) -> bool:
        return self._world.is_myself(*self._sip.source)

    def is_myself_srcip(self) -> bool:
        return self._world.is_myself(self._sip.source[0])

    # ---- the next hop

    def seturi(self, uri: str) -> bool:
        self._routed.set_uri(uri)
        self._scene.act(f"$ru = {uri}")
        return True

    def setuser(self, user: str) -> bool:
        return self._rewrite("$rU", user, user=user)

    def sethost(self, host: str) -> bool:
        return self._rewrite("$rd", host, host=host)

    def setdsturi(self, uri: str) -> bool:
        self._routed.dst_uri = uri
        self._scene.act(f"destination {uri}")
        return True

    def resetdsturi(self) -> bool:
        self._routed.dst_uri = None
        return True

    def isdsturiset(self) -> bool:
        return bool(self._routed.dst_uri)

    def forward(self) -> int:
        return self._forward(self._routed.next_hop, "forward")

    def forward_uri(self, uri: str) -> int:
        return self._forward(uri, f"forward to {uri}") if parse_uri(uri) else FALSE

    def _forward(self, hop: str, action: str) -> int:
        self._world.send(self._scene, [hop])
        return self._scene.act(action)

    def force_rport(self) -> bool:
        return True

    add_local_rport = force_rport

    def set_drop(self) -> int:
        self._scene.is_dropped = True
        return 0

    def set_advertised_address(self, _address: str) -> int:
        return TRUE

    def set_advertised_port(self, _port: str) -> int:
        return TRUE

    def set_forward_close(self) -> bool:
        return True

    set_forward_no_connect = set_reply_close = set_reply_no_connect = set_forward_close

    def route(self, name: str) -> int:
        return TRUE if self._world.run_route(name, self._scene) else FALSE

    # ---- flags

    def setflag(self, flag: int) -> bool:
        return self._set_flag(flag, True)

    def resetflag(self, flag: int) -> bool:
        return self._set_flag(flag, False)

    def isflagset(self, flag: int) -> bool:
        return _is_flag(flag) and bool(self._routed.flags >> flag & 1)

    def setsflag(self, flag: int) -> bool:
        return self._set_script_flag(flag, True)

    def resetsflag(self, flag: int) -> bool:
        return self._set_script_flag(flag, False)

    def issflagset(self, flag: int) -> bool:
        return _is_flag(flag) and bool(self._scene.progress.script_flags >> flag & 1)

    def setbflag(self, flag: int) -> bool:
        return self.setbiflag(flag, 0)

    def resetbflag(self, flag: int) -> bool:
        return self.resetbiflag(flag, 0)

    def isbflagset(self, flag: int) -> bool:
        return self.isbiflagset(flag, 0)

    def setbiflag(self, flag: int, branch: int) -> bool:
        return self._set_branch_flag(flag, branch, True)

    def resetbiflag(self, flag: int, branch: int) -> bool:
        return self._set_branch_flag(flag, branch, False)

    def isbiflagset(self, flag: int, branch: int) -> bool:
        if not _is_flag(flag):
            return False
        if branch == 0:
            return bool(self._routed.branch_flags >> flag & 1)
        branches = self._routed.branches
        return 0 < branch <= len(branches) and bool(branches[branch - 1].flags >> flag & 1)

    def _set_flag(self, flag: int, is_set: bool) -> bool:
        if not _is_flag(flag):
            return False
        self._routed.flags = _with_flag(self._routed.flags, flag, is_set)
        return True

    def _set_script_flag(self, flag: int, is_set: bool) -> bool:
        if not _is_flag(flag):
            return False
        progress = self._scene.progress
        progress.script_flags = _with_flag(progress.script_flags, flag, is_set)
        return True

    def _set_branch_flag(self, flag: int, branch: int, is_set: bool) -> bool:
        routed = self._routed
        if not _is_flag(flag) or not 0 <= branch <= MAX_BRANCH:
            return False
        if branch == 0:
            routed.branch_flags = _with_flag(routed.branch_flags, flag, is_set)
        elif branch <= len(routed.branches):
            target = routed.branches[branch - 1]
            target.flags = _with_flag(target.flags, flag, is_set)
        return True

    def _rewrite(self, variable: str, value: str, **parts: str) -> bool:
        if not self._routed.rewrite(**parts):
            return False
        self._scene.act(f"{variable} = {value}")
        return True

    def _next_protocol(self) -> str:
        """The transport in the URI of the next hop; empty if it has none."""
        uri = parse_uri(self._routed.next_hop)
        return uri.transport.lower() if uri else ""

    def _next_host(self) -> str:
        uri = parse_uri(self._routed.next_hop)
        return uri.host.strip("[]") if uri else ""


def log_text(level: int, text: str) -> int:
    """Log a text of the script. Returns 0, as functions without a result do in Python."""
    script_log.log(level, "%s", text.rstrip("\n").replace("\0", NULL_TEXT))
    return 0


def _is_flag(flag: int) -> bool:
    return 0 <= flag <= MAX_FLAG


def _with_flag(flags: int, flag: int, is_set: bool) -> int:
    return flags | 1 << flag if is_set else flags & ~(1 << flag)


def _version(host: str) -> int:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


_XLOG_LEVELS: Final = {f"x{name}": level for name, level in LEVELS.items()}


class XlogFunctions(Functions):
    """``KSR.xlog``."""

    def find(self, name: str) -> Callable[..., Any] | None:
        if name in _XLOG_LEVELS or name == "xalert":
            return lambda text: self._log(name[1:], text)
        return super().find(name)

    def xlog(self, level: str, text: str) -> int:
        return self._log(level.upper().removeprefix("L_").lower(), text)

    def _log(self, name: str, text: str) -> int:
        level = LEVELS.get(name, logging.CRITICAL if name == "alert" else logging.ERROR)
        try:
            log_text(level, self._world.server.pv.expand(text))
        except UnknownVariableError as error:
            self._world.mistakes.note(str(error))
            # The server evaluates only what its log level lets through, such as notices.
            return as_code(name in ("info", "dbg"))
        return TRUE
