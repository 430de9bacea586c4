"""Sends the messages of the server to ``onehttp run``, whatever their destination is, or not at
all.

Functions that forward the message get another destination. In addition, two routes of the server
check what other functions send: the route for requests that ``tm`` makes by itself, and the route
for all outgoing messages. Only messages between sockets of loopback pass.
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
"""Functions of configurations that write to a socket, or set where replies are sent, without any of
these routes. They are not called."""
LOCAL_REQUEST = "onehttp_local_request"
USERS_LOCAL_REQUEST = os.environ.get("ONEHTTP_LOCAL_REQUEST", "")
"""The script's own route for the same event, from its configuration."""


def relay(*_: Any) -> Any:
    """Forward the request to our socket."""
    return REAL.tm.t_relay_to_proxy(os.environ["ONEHTTP_SINK"])


def sink_uri() -> str:
    """The address of our socket as a URI."""
    protocol, _, place = os.environ["ONEHTTP_SINK"].partition(":")
    return f"sip:{place};transport={protocol}"


def send_request() -> Any:
    """Call ``uac_req_send`` with our socket as the destination."""
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
    """Replies are sent to the source. Its host may be any, but the port is ours."""
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
    """Drop a request of ``tm`` itself, unless one of the functions above has set its
    destination."""
    _hold_unless_ours(str(REAL.pv.get("$du")).partition(";")[0])


def hold_message() -> None:
    """Drop outgoing messages, except those to our sender and to our next hop."""
    _hold_unless_ours(f"sip:{REAL.pv.get('$sndto(ip)')}:{REAL.pv.get('$sndto(port)')}")


def _hold_unless_ours(destination: str) -> None:
    if destination in os.environ["ONEHTTP_SOCKETS"].split():
        return
    if REAL.pv.get("$mt") == 1:
        link.ask("hint", about="held back", what=REAL.pv.get("$rm"), kind=destination)
    else:  # a captured one, whose way back leads to where it was captured
        link.ask("pass_on")
    REAL.set_drop()
