"""Messages that nobody expects: cut off, with bytes that are no text, long, or merely unusual."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onehttp
from onehttp_compat.real_server.sockets import ServerSockets, unsendable
from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.kemi.tree import EMULATED
from onehttp_compat.script.serving import serving
from onehttp_compat.script.sip_server import SipServer
from onehttp_compat.server import LegacyServer, use_server
from onehttp_compat.sip.message import SipMessage, parse_or_refuse

INVITE: Final = (
    b"INVITE sip:bob@sip.example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK1;rport\r\n"
    b"Max-Forwards: 69\r\n"
    b"Record-Route: <sip:192.0.2.9;lr>\r\n"
    b"Route: <sip:127.0.0.1;lr>, <sip:192.0.2.8;lr>\r\n"
    b'From: "Alice" <sip:alice@sip.example.org>;tag=9f\r\n'
    b"To: <sip:bob@sip.example.org>\r\n"
    b"Call-ID: 20@192.0.2.10\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.10:5062;transport=udp>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 57\r\n\r\n"
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP\r\n"
)
SCRIPT: Final = """
import KSR
def ksr_request_route():
    KSR.asked(KSR)
    return 1
ksr_reply_route = ksr_request_route
"""
NAMES: Final = ("", "(x)", "(From)", "(Contact)", "(Via)", "(0)", "(a=>b)", "(s:x)")
VARIABLES: Final = [
    *(f"${kind}{name}" for kind, name in product(sorted(catalogue().variables), NAMES)),
    "$(hdr(Via)[0])", "$(hdr(Route)[-1])", "$(hdr(Route)[*])", "$(ct{nameaddr.uri})",
    "$(fu{uri.host})", "$(ru{uri.params})", "$(rb{line.at,1})", "$(tu{param.value,tag})",
    "$(fu{s.escape.user})", "$(ru{s.substr,1,2})",
]  # fmt: skip
WAITING: Final = {"sleep", "usleep", "lock", "sht_lock"}
FUNCTIONS: Final = [
    signature for module in EMULATED for name, signature in catalogue().functions[module].items()
    if name not in WAITING
]  # fmt: skip
TEXTS: Final = st.sampled_from(
    ["", "x", "From", "Via", "sip:a@b", "$fu", "$var(x)", ",", "1", "(", "a=b", "re", "eq", "/a/b/"]
)
NUMBERS: Final = st.sampled_from([0, 1, -1, 2, 200, 100_000])
PIECES: Final = st.sampled_from(
    [b"\0", b"\xff", b"\xe4", b"<", b">", b'"', b";", b":", b"@", b"[::1]", b"\r\n", b"\r\n ",
     b"=", b",", b" ", b"%", b"%4", b"$", b"(", b"v:", b"\\", b"-1", b"9" * 20, b"x" * 65_536,
     b"tel:", b"sips:", "²".encode(), "٣".encode()]
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SipServer]:
    path = tmp_path_factory.mktemp("odd") / "script.py"
    path.write_text(SCRIPT)
    onehttp.init()
    legacy = LegacyServer()
    use_server(legacy)
    with ExitStack() as stack:
        yield stack.enter_context(serving(path, legacy))
    use_server(None)
    onehttp.shutdown()


@st.composite
def calls(draw: Any) -> tuple[Signature, tuple[object, ...]]:
    signature = draw(st.sampled_from(FUNCTIONS))
    given_ = (draw(TEXTS if kind == "str" else NUMBERS) for kind in signature.parameters)
    return signature, tuple(given_)


@st.composite
def odd_messages(draw: Any) -> bytes:
    """The message above, or a reply to it, changed at some places."""
    message: bytes = draw(st.sampled_from([INVITE, b"SIP/2.0 200 OK" + INVITE[38:]]))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(message))), draw(st.integers(0, 12))
        if draw(st.booleans()):
            message = message[:at] + draw(PIECES) + message[at + length :]
        else:
            message = message[:at] if draw(st.booleans()) else message[:at] + message[at + length :]
    return message


def read(raw: bytes) -> SipMessage:
    return parse_or_refuse(raw, "odd", None, None, "")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(odd_messages(), st.lists(st.sampled_from(VARIABLES), max_size=30),
       st.lists(calls(), max_size=15))  # fmt: skip
def test_no_message_makes_a_function_fail_as_the_server_never_does(
    server: SipServer,
    raw: bytes,
    variables: list[str],
    called: list[tuple[Signature, tuple[object, ...]]],
) -> None:
    def ask(ksr: Any) -> None:
        for name in variables:
            with suppress(UnicodeDecodeError):  # as in the server: it is no text
                ksr.pv.get(name)
        for signature, arguments in called:
            module = getattr(ksr, signature.module) if signature.module else ksr
            try:
                answer = getattr(module, signature.name)(*arguments)
            except UnicodeDecodeError:
                continue
            if signature.result == "int":
                assert type(answer) is int, signature

    outcome = run(server, read(raw), ask)
    assert outcome.error is None


def run(server: SipServer, message: SipMessage, ask: Any) -> Any:
    vars(sys.modules["KSR"])["asked"] = ask
    return server.run_one(message)


def seen(server: SipServer, raw: bytes, *variables: str) -> list[object]:
    """What a script reads of a message."""
    found: list[object] = []
    outcome = run(server, read(raw), lambda ksr: found.extend(map(ksr.pv.get, variables)))
    assert outcome.error is None
    assert not outcome.refusal, outcome.refusal
    return found


def test_a_message_may_be_cut_anywhere(server: SipServer) -> None:
    for length in range(len(INVITE)):
        message = read(INVITE[:length])
        outcome = run(server, message, lambda ksr: ksr.pv.get("$fu"))
        assert outcome.error is None
        assert bool(outcome.refusal) == (length < INVITE.index(b"CSeq: 1 INVITE\r\n") + 16)


VIA = b"SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK1;rport"
FROM = b'"Alice" <sip:alice@sip.example.org>;tag=9f'
USUAL = [
    ("IPv6 in Via", VIA, b"SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1",
     {"$si": "2001:db8::1", "$sp": 5061, "$pr": "tls"}),
    ("IPv6 in Via, without a port", VIA, b"SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1",
     {"$si": "2001:db8::1", "$sp": 5060}),
    ("a display name with an angle bracket", FROM, b'"a <sip:x@y> b" <sip:alice@h>;tag=9f',
     {"$fu": "sip:alice@h", "$fn": '"a <sip:x@y> b"', "$ft": "9f"}),
    ("a display name with a quote", FROM, rb'"a \" <b" <sip:alice@h>;tag=9f',
     {"$fu": "sip:alice@h", "$fU": "alice"}),
    ("no brackets", FROM, b"sip:alice@h;tag=9f", {"$fu": "sip:alice@h", "$ft": "9f"}),
    ("a long header", b"Max-Forwards: 69", b"X-Long: " + b"x" * 65_536,
     {"$(hdr(X-Long){s.len})": 65_536, "$fU": "alice"}),
    ("compact forms", b"From: ", b"f : ", {"$fU": "alice", "$hdr(From)": FROM.decode()}),
    ("a compact name asked for", b"Contact: ", b"m:",
     {"$hdr(m)": "<sip:alice@192.0.2.10:5062;transport=udp>", "$(ct{nameaddr.uri}{uri.user})":
      "alice"}),
    ("Latin-1 where nobody looks", b"Max-Forwards: 69", b"Subject: caf\xe9", {"$fU": "alice"}),
    ("UTF-8", FROM, '"Zoë" <sip:zo%C3%AB@h>;tag=9f'.encode(), {"$fn": '"Zoë"', "$fU": "zo%C3%AB"}),
    ("a NUL in a header", b"Max-Forwards: 69", b"X-Nul: a\0b", {"$fU": "alice"}),
    ("a folded header", FROM, b'"Alice"\r\n <sip:alice@h>\r\n\t;tag=9f',
     {"$fU": "alice", "$ft": "9f"}),
    ("a telephone number", b"sip:bob@", b"sip:+4930123;phone-context=x@",
     {"$rU": "+4930123;phone-context=x"}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "values"), [one[1:] for one in USUAL],
                         ids=[one[0] for one in USUAL])  # fmt: skip
def test_the_unusual_is_read(
    server: SipServer, old: bytes, new: bytes, values: dict[str, object]
) -> None:
    raw = INVITE.replace(old, new)
    assert raw != INVITE
    assert seen(server, raw, *values) == list(values.values())


def test_a_body_of_several_parts_is_what_was_sent(server: SipServer) -> None:
    body = (
        b"--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1\r\n"
        b"Content-Type: application/pidf+xml\r\n\r\n<presence/>\r\n--b1--\r\n"
    )
    head = INVITE.partition(b"\r\n\r\n")[0]
    head = head.replace(b"application/sdp", b"multipart/mixed;boundary=b1")
    raw = head.replace(b"Content-Length: 57", b"Content-Length: %d" % len(body)) + b"\r\n\r\n"
    assert seen(server, raw + body, "$rb", "$cT", "$bs") == [
        body.decode(), "multipart/mixed;boundary=b1", len(body),
    ]  # fmt: skip
    outcome = run(server, read(raw + body), lambda ksr: ksr.hdr.append(
        f"X: {ksr.textops.has_body_type('multipart/mixed')}\r\n"
    ))  # fmt: skip
    assert outcome.headers == ["X: 1"]


def test_text_that_is_none_raises_as_in_the_server(server: SipServer) -> None:
    raw = INVITE.replace(b'"Alice"', b'"Caf\xe9"')
    outcome = run(server, read(raw), lambda ksr: ksr.pv.get("$fn"))
    assert "UnicodeDecodeError" in str(outcome.error)
    assert Path(__file__).name not in str(outcome.error)


@pytest.mark.parametrize(("length", "is_sent"), [(65_507, True), (65_508, False)])
def test_what_no_datagram_holds_does_not_go_to_the_real_server(length: int, is_sent: bool) -> None:
    message = read(INVITE.ljust(length, b"x"))
    assert (unsendable(message) == "") is is_sent
    with contextlib.closing(ServerSockets()) as sockets:
        sockets.port = sockets.source[1]
        refused = pytest.raises(OSError, match=os.strerror(errno.EMSGSIZE))
        with contextlib.nullcontext() if is_sent else refused:
            sockets.send(message.received)
