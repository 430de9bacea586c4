"""A request stays byte for byte what it was; what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import Message

from onehttp.identity import InvalidIdentityError
from onehttp_compat.modules.auth_identity.digest import (
    cseq_number,
    digest_string,
    read_cseq,
    received_body,
)
from onehttp_compat.modules.auth_identity.headers import parse_identity, parse_identity_info
from onehttp_compat.sip.request import SipRequest, SipRequestError, addr_spec, from_tag

SDP = (
    b"v=0\r\no=UserA 2890844526 2890844526 IN IP4 pc33.atlanta.example.com\r\ns=Session SDP\r\n"
    b"c=IN IP4 pc33.atlanta.example.com\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
)
# RFC 4474, section 10.1
INVITE = (
    b"INVITE sip:bob@biloxi.example.org SIP/2.0\r\n"
    b"Via: SIP/2.0/TLS pc33.atlanta.example.com;branch=z9hG4bKnashds8\r\n"
    b"To: Bob <sip:bob@biloxi.example.org>\r\n"
    b"From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Max-Forwards: 70\r\n"
    b"Date: Thu, 21 Feb 2002 13:02:03 GMT\r\n"
    b"Contact: <sip:alice@pc33.atlanta.example.com>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: %d\r\n\r\n" % len(SDP)
) + SDP


def digest(request: SipRequest, *, is_lenient: bool = False) -> bytes:
    date = request.header("Date") or ""
    return digest_string(request, date, received_body(request), is_lenient=is_lenient)


def test_the_digest_string_is_that_of_the_example() -> None:
    assert digest(SipRequest(INVITE)) == (
        b"sip:alice@atlanta.example.com|sip:bob@biloxi.example.org|a84b4c76e66710|314159 INVITE|"
        b"Thu, 21 Feb 2002 13:02:03 GMT|sip:alice@pc33.atlanta.example.com|" + SDP
    )


def test_without_contact_and_body_their_fields_are_empty() -> None:
    head = INVITE.partition(b"Contact")[0] + b"\r\n"
    assert digest(SipRequest(head)).endswith(b" GMT||")


@pytest.mark.parametrize("name", [b"From", b"To", b"Call-ID", b"CSeq"])
def test_a_missing_header_has_no_digest(name: bytes) -> None:
    request = SipRequest(INVITE.replace(name + b":", b"X:"))
    with pytest.raises(InvalidIdentityError, match=f"no {name.decode()} header"):
        digest(request)
    assert b"||" in b"|" + digest(request, is_lenient=True)


@pytest.mark.parametrize("length", [None, b"9999", b"-1", b"x", b"", b"1" * 5000])
def test_a_body_of_unknown_length_has_no_digest(length: bytes | None) -> None:
    given = b"Content-Length: %d" % len(SDP)
    wanted = b"X: 1" if length is None else b"Content-Length: " + length
    with pytest.raises(InvalidIdentityError, match="Content-Length"):
        received_body(SipRequest(INVITE.replace(given, wanted)))


@pytest.mark.parametrize("digits", ["", "x", "-1", "4294967296", "0" * 20 + "1", "1" * 5000])
def test_a_cseq_beyond_32_bits_is_none(digits: str) -> None:
    with pytest.raises(InvalidIdentityError):
        cseq_number(digits)


def test_headers_are_added_behind_line_ends_that_came_first() -> None:
    request = SipRequest(b"\r\n\r\n" + INVITE)
    request.add("X", "1")
    assert request.to_bytes() == b"\r\n\r\n" + INVITE.replace(b"\r\n\r\n", b"\r\nX: 1\r\n\r\n")


def test_long_blanks_are_read_in_no_time() -> None:
    """Each of these would take minutes if the expressions went back over the blanks."""
    blanks = " " * 60_000
    for text in (blanks + "x", '"a"' + blanks + "x", "<https://a/x>" + blanks + "x"):
        assert addr_spec(text) is None or ":" in text
        assert from_tag(text) == ""
        with pytest.raises(InvalidIdentityError):
            parse_identity_info(text)
    folded = b"INVITE sip:a@b SIP/2.0\r\nX: " + b"\r\n " * 20_000 + b"\r\n\r\n"
    assert SipRequest(folded).header("X") == ""


def test_what_follows_the_content_length_is_not_the_body() -> None:
    assert received_body(SipRequest(INVITE + b"trailing")) == SDP


def test_added_headers_go_out_last_and_are_not_seen_as_received() -> None:
    told: list[str] = []
    request = SipRequest(INVITE, on_add=told.append)
    request.add("Identity", '"x"')
    request.add("Identity-Info", "<https://a/>")
    head, _, body = request.to_bytes().partition(b"\r\n\r\n")
    assert head.endswith(b'\r\nIdentity: "x"\r\nIdentity-Info: <https://a/>')
    assert body == SDP
    assert request.header("Identity") is None
    assert told == ['Identity: "x"\r\n', "Identity-Info: <https://a/>\r\n"]
    assert SipRequest(INVITE).to_bytes() == INVITE


def test_compact_and_folded_headers_are_found() -> None:
    request = SipRequest(
        b'INVITE sip:a@b SIP/2.0\r\nf: <sip:x@y>\r\nm : <sip:c@d>\r\ny: "AAAA\r\n BBBB"\r\n\r\n'
    )
    assert request.header("From") == "<sip:x@y>"
    assert request.header("contact") == "<sip:c@d>"
    assert parse_identity(request.header("Identity") or "") == "AAAABBBB"


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("Alice <sip:a@b;x=y>;tag=1", "sip:a@b;x=y"),
        ('"A, <B>" <sip:a@b>, <sip:c@d>', "sip:a@b"),
        ("sip:a@b;tag=1", "sip:a@b"),
        ("sip:a@b, sip:c@d", "sip:a@b"),
        ("< sip:a@b >", "sip:a@b"),
        ("*", None),
        ("", None),
        ("<>", None),
        ("<sip:a@b", None),
        ("alice", None),
    ],
)
def test_the_address_is_taken_as_it_is_written(text: str, uri: str | None) -> None:
    assert addr_spec(text) == uri


@pytest.mark.parametrize(
    ("text", "tag"),
    [("<sip:a@b;tag=no>;x=y; TAG = yes", "yes"), ("sip:a@b;tag=1", "1"), ("<sip:a@b>", ""),
     ("sip:a@b;ntag=1", "")],
)  # fmt: skip
def test_the_tag_is_that_of_the_header(text: str, tag: str) -> None:
    assert from_tag(text) == tag


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"INVITE sip:a@b SIP/2.0\r\nFrom: x\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"INVITE sip:a@b HTTP/1.1\r\n\r\n",
        b"INVITE  sip:a@b SIP/2.0\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nno colon\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n: empty\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n folded first\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\nX: " + b"x" * 70000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    with pytest.raises(SipRequestError):
        SipRequest(raw)


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: INVITE[:300] + tail))
def test_no_bytes_do_worse_than_being_refused(raw: bytes) -> None:
    try:
        request = SipRequest(raw)
    except SipRequestError:
        return
    assert request.to_bytes() == raw
    try:
        digest(request)
    except InvalidIdentityError:
        return
    assert request.header("Call-ID")


token = st.text("abcXYZ019.-", min_size=1, max_size=12)


@given(
    user=token,
    host=st.text("abcxyz", min_size=1, max_size=9),
    tag=token,
    call_id=token,
    number=st.integers(0, 2**32 - 1),
)
def test_an_independent_parser_sees_the_same(
    user: str, host: str, tag: str, call_id: str, number: int
) -> None:
    raw = (
        f"INVITE sip:x@y SIP/2.0\r\nf: Bob <sip:{user}@{host}.example>;tag={tag}\r\n"
        f"i: {call_id}\r\nCSeq: {number} INVITE\r\n\r\n"
    ).encode()
    ours, theirs = SipRequest(raw), Message.parse(raw)
    assert addr_spec(ours.header("From") or "") == str(theirs.from_address.uri)
    assert from_tag(ours.header("From") or "") == theirs.from_address.parameters["tag"]
    assert ours.header("Call-ID") == theirs.call_id
    assert read_cseq(ours.header("CSeq") or "") == (str(number), theirs.cseq.method)


@pytest.mark.parametrize(
    ("text", "url", "algorithm"),
    [
        ("<https://a.example/x.cer>;alg=rsa-sha1", "https://a.example/x.cer", "rsa-sha1"),
        ("<HTTP://a.example:80>", "HTTP://a.example:80", "rsa-sha1"),
        ("<https://a.example:8443/x?y=z> ; alg = RSA-SHA256", "https://a.example:8443/x?y=z",
         "rsa-sha256"),
    ],
)  # fmt: skip
def test_identity_info_is_read(text: str, url: str, algorithm: str) -> None:
    info = parse_identity_info(text)
    assert (info.url, info.algorithm) == (url, algorithm)


@pytest.mark.parametrize(
    "text",
    ["", "https://a.example/x", "<https://a.example>", "<ftp://a.example/x>", "<https:///x>",
     "<https://a.example/x>;n=1", "<https://a.example/x>;alg=a;alg=b", "<https://a.example/x y>",
     "<https://a.example/x;y>", "<https://a.example/[x]>", "<https://a.example/<x>>",
     "<file:///etc/passwd>", "<https://a.example/x>;alg="],
)  # fmt: skip
def test_another_identity_info_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentityError):
        parse_identity_info(text)


@pytest.mark.parametrize("text", ["", '"', '""', "-_", '"A!"', '"AA-"', "AA-"])
def test_another_identity_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentityError):
        parse_identity(text)


@given(st.text(max_size=120))
def test_no_header_text_does_worse_than_being_refused(text: str) -> None:
    for parse in (parse_identity, parse_identity_info, read_cseq):
        try:
            parse(text)
        except InvalidIdentityError:
            continue
