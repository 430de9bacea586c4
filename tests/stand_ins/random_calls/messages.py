"""The SIP messages of random calls: of many kinds, and written in many ways."""

from __future__ import annotations

from typing import Final

_SDP: Final = (
    "v=0\r\no=alice 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    "m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=sendrecv\r\nm=video 0 RTP/SAVP 31\r\nc=IN IP6 ::1\r\na=inactive\r\n"
)
_PARTS: Final = (
    "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n"
    "c=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n\r\n"
    "--b1\r\nContent-Type: text/plain\r\nContent-Disposition: render\r\n\r\nhello\r\n--b1--\r\n"
)


def _message(first: str, *headers: str, body: str = "", length: str = "Content-Length") -> bytes:
    lines = (first, *headers, f"{length}: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


_VIA: Final = "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-{n};rport"
_FROM: Final = 'From: "Alice" <sip:alice@sip.example.org>;tag=f1'
_TO: Final = "To: <sip:bob@sip.example.org>"
_CONTACT: Final = "Contact: <sip:alice@192.0.2.10:5062>"
_ID: Final = "Call-ID: {n}@192.0.2.10"

MESSAGES: Final[dict[str, bytes]] = {
    "invite": _message(
        "INVITE sip:bob@sip.example.org SIP/2.0", _VIA, "Max-Forwards: 69", _FROM, _TO, _ID,
        "CSeq: 1 INVITE", _CONTACT, "User-Agent: Phone/1.0 (test)", "Supported: replaces, timer",
        "Subject: old", "X-A: one", "X-A: two, three", "P-Asserted-Identity: <sip:+49@h>",
        "Content-Type: application/sdp", body=_SDP,
    ),
    "register": _message(
        "REGISTER sip:sip.example.org SIP/2.0", _VIA, "Max-Forwards: 69", _FROM,
        "To: <sip:alice@sip.example.org>", _ID, "CSeq: 7 REGISTER",
        'Contact: "A, B" <sip:alice@10.0.0.1:5062;transport=tcp>;q=0.5;expires=60, <sip:b@h>;q=0.1',
        "m: <sip:c@192.0.2.10>", "Expires: 600", "Path: <sip:192.0.2.7;lr>",
        'Authorization: Digest username="alice",realm="sip.example.org",nonce="n",uri="sip:h",'
        'response="00112233445566778899aabbccddeeff",algorithm=MD5',
    ),
    "in dialog": _message(
        "INVITE sip:bob@192.0.2.20:5070;transport=udp;x=1 SIP/2.0", _VIA,
        "Via: SIP/2.0/TCP [2001:db8::1];branch=z9hG4bK-up;received=198.51.100.1", "Max-Forwards: 9",
        "Route: <sip:sip.example.org;lr;who=alice;ftag=f1>, <sip:192.0.2.8:5080;lr>",
        "Route: <sip:192.0.2.9;lr>", "Record-Route: <sip:192.0.2.30;r2=on;lr>, <sip:192.0.2.31;lr>",
        _FROM, "To: <sip:bob@sip.example.org>;tag=t1", _ID, "CSeq: 2 INVITE", _CONTACT,
    ),
    "strict": _message(
        "BYE sip:sip.example.org;lr SIP/2.0", _VIA, "Max-Forwards: 0",
        "Route: <sip:192.0.2.8>, <sip:bob@192.0.2.20;x=1>", _FROM, _TO + ";tag=t1", _ID,
        "CSeq: 3 BYE",
    ),
    "cancel": _message(
        "CANCEL sip:bob@sip.example.org SIP/2.0", _VIA, "Max-Forwards: 69", _FROM, _TO, _ID,
        "CSeq: 1 CANCEL",
    ),
    "compact": _message(
        "MESSAGE sip:b%6fb;par=1:pw@[2001:db8::9]:5099;maddr=1.2.3.4;user=phone?h=1 SIP/2.0",
        "v: SIP/2.0/TLS [2001:db8::10]:5062;branch=z9hG4bK-{n};rport=7", "Max-Forwards: 20",
        'f: "A <b> \\" C" <sips:al%20ice:secret@EXAMPLE.org:5061;user=phone>;tag=q;x',
        "t: tel:+49-30", "i: {n}", "CSeq: 9 MESSAGE", "m: *", "k: path",
        "s: folded", " twice", "\tover lines",
        "X-Empty:", "x-a:   spaces   ", "c: multipart/mixed;boundary=b1", body=_PARTS, length="l",
    ),
    "tel": _message(
        "OPTIONS tel:+49-30-1234;phone-context=+49 SIP/2.0", _VIA, "From: tel:+1;tag=1",
        "To: <tel:+2;x=y>", _ID, "CSeq: 4294967295 OPTIONS", "Accept: */*", "Max-Forwards: 70",
        "Contact: sip:noangle@h:99;transport=tls;q=1",
    ),
    "odd": _message(
        "NOTIFY sip:h SIP/2.0", _VIA, "From: Anonymous <sip:anonymous@anonymous.invalid>;tag=",
        "To: Ä <sip:@h>", _ID, "CSeq: 0 NOTIFY", "Event: presence;id=1", "Max-Forwards: 255",
        "Privacy: id;header", "Diversion: <sip:c@h>;reason=busy", "Expires: x",
        "Subscription-State: active", "Content-Type: text/plain", body="a=1\nb=2\r\n\r\nlast $ru",
    ),
    "ok": _message(
        "SIP/2.0 200 OK", "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-{n}.0", _VIA, _FROM,
        _TO + ";tag=t1", _ID, "CSeq: 1 INVITE", "Contact: <sip:bob@192.0.2.20>", "Server: other",
        "Record-Route: <sip:192.0.2.30;lr>", "Content-Type: application/sdp", body=_SDP,
    ),
    "refused": _message(
        "SIP/2.0 486 Busy, very busy", _VIA, _FROM, _TO + ";tag=t1", _ID, "CSeq: 1 REGISTER",
        "Retry-After: 5", "Warning: 399 h \"text\"",
    ),
}  # fmt: skip


def numbered(message: bytes, number: int) -> bytes:
    """The message with identifiers that no other one has."""
    return message.replace(b"{n}", b"random%d" % number)
