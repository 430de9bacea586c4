"""What leaves the server: to ``onehttp run``, whatever its destination, or not at all.

Functions that pass the message on are given another destination. Behind them stand two routes that
the server runs for what any function sends: the one of requests that ``tm`` makes by itself, and
the one of all that goes out. What stays is between sockets of loopback.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import KSR as REAL

from .link import link

RELAYS = frozenset((
    "t_relay", "t_relay_to_flags", "t_relay_to_proto", "t_relay_to_proto_addr",
    "t_relay_to_proxy", "t_relay_to_proxy_flags", "t_relay_to", "t_relay_to_avp",
    "t_relay_to_sctp", "t_relay_to_tcp", "t_relay_to_tls", "t_relay_to_udp",
    "t_forward_nonack", "t_forward_nonack_sctp", "t_forward_nonack_tcp", "t_forward_nonack_tls",
    "t_forward_nonack_to", "t_forward_nonack_udp",
))  # fmt: skip
PAST_ALL_ROUTES = frozenset((
    "send", "sendx", "send_data", "send_tcp", "send_udp", "set_source_address",
))  # fmt: skip
"""Functions of configurations that write to a socket, or say where replies go, and no route sees
it: they are not called."""
LOCAL_REQUEST = "onehttp_local_request"
USERS_LOCAL_REQUEST = os.environ.get("ONEHTTP_LOCAL_REQUEST", "")
"""The script's own route for the same event, as its configuration has it."""


def relay(*_: Any) -> Any:
    """Pass the request on, to where it is caught."""
    return REAL.tm.t_relay_to_proxy(os.environ["ONEHTTP_SINK"])


def sink_uri() -> str:
    """Where requests are caught, as a URI."""
    protocol, _, place = os.environ["ONEHTTP_SINK"].partition(":")
    return f"sip:{place};transport={protocol}"


def send_request() -> Any:
    """``uac_req_send``, its request sent there."""
    kept = REAL.pv.get("$uac_req(ouri)")
    REAL.pv.sets("$uac_req(ouri)", sink_uri())
    try:
        return REAL.uac.uac_req_send()
    finally:
        if kept is None:
            REAL.pv.unset("$uac_req(ouri)")
        else:
            REAL.pv.sets("$uac_req(ouri)", kept)


def set_source_address(address: str) -> Any:
    """Replies go to the source: whatever its host, to a port that is ours."""
    port = os.environ["ONEHTTP_SOCKETS"].split()[0].rpartition(":")[2]
    return REAL.corex.set_source_address(f"{address.rpartition(':')[0]}:{port}")


# What is seen there then as what the script has sent.
SENDERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("", "forward"): lambda: REAL.forward_uri(sink_uri()),
    ("", "forward_uri"): lambda _uri: REAL.forward_uri(sink_uri()),
    ("corex", "send_data"): lambda _uri, data: REAL.corex.send_data(sink_uri(), data),
    ("corex", "sendx"): lambda _uri, socket, data: REAL.corex.sendx(sink_uri(), socket, data),
    ("corex", "set_source_address"): set_source_address,
    ("tm", "t_replicate"): lambda _uri: REAL.tm.t_replicate(sink_uri()),
    ("tm", "t_uac_send"): lambda method, uri, _hop, *rest: REAL.tm.t_uac_send(
        method, uri, sink_uri(), *rest
    ),
    ("uac", "uac_req_send"): send_request,
}


def hold_request() -> None:
    """Drop a request of ``tm``'s own, unless a function above has given it its destination."""
    _hold_unless_ours(str(REAL.pv.get("$du")).partition(";")[0])


def hold_message() -> None:
    """Drop what goes out anywhere but to us: to who sent the message, or catches what goes on."""
    _hold_unless_ours(f"sip:{REAL.pv.get('$sndto(ip)')}:{REAL.pv.get('$sndto(port)')}")


def _hold_unless_ours(destination: str) -> None:
    if destination in os.environ["ONEHTTP_SOCKETS"].split():
        return
    if REAL.pv.get("$mt") == 1:
        link.ask("hint", about="held back", what=REAL.pv.get("$rm"), kind=destination)
    else:  # a captured one, whose way back leads to where it was captured
        link.ask("pass_on")
    REAL.set_drop()
