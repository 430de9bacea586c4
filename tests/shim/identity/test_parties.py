"""One spelling for a caller, however the request wrote it (RFC 8224, section 8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.identity import InvalidIdentityError, Party
from onehttp.identity.claims import Claims
from onehttp.identity.parties import as_party
from onehttp.identity.passport import canonical_json


@pytest.mark.parametrize(
    ("header", "number"),
    [
        ("<sip:+17005551008@chicago.example.com;user=phone>;tag=1", "17005551008"),
        ("Alice <sip:+1-700-555-1008@example.com>", "17005551008"),
        ('"Bob <sip:x@y>" <tel:+1(700)555.1008>;tag=a', "17005551008"),
        ("<sip:12155551212@example.com;user=phone>", "12155551212"),
        ("<sip:12155551212;ext=7@example.com;USER=PHONE;x=y>", "12155551212"),
        ("tel:+17005551008;ext=3", "17005551008"),
        ("<tel:911;phone-context=+1>", "911"),
        ("<sip:*69@example.com;user=phone>", "*69"),
    ],
)
def test_a_telephone_number_becomes_its_digits(header: str, number: str) -> None:
    assert Party.from_header(header) == Party(tn=number)


@pytest.mark.parametrize(
    ("header", "uri"),
    [
        ("A <SIP:Alice@Example.COM:5070;transport=tcp?Subject=x>;tag=1", "sip:Alice@example.com"),
        ("<sips:bob:secret@example.com>", "sips:bob@example.com"),
        ("sip:carol@example.com;tag=9", "sip:carol@example.com"),
        ("<sip:%61lice%2fb@example.com>", "sip:alice%2Fb@example.com"),
        ("<sip:12155551212@example.com>", "sip:12155551212@example.com"),
        ("<sip:+alice@example.com>", "sip:+alice@example.com"),
        ("<sip:alice@[2001:DB8::1]:5060>", "sip:alice@[2001:db8::1]"),
        ("<sip:example.com>", "sip:example.com"),
    ],
)  # fmt: skip
def test_another_address_keeps_scheme_user_and_host(header: str, uri: str) -> None:
    assert Party.from_header(header) == Party(uri=uri)


def test_local_rules_make_a_dialled_number_global() -> None:
    def german(number: str) -> str:
        return "49" + number.removeprefix("0")

    assert Party.from_uri("tel:030123456", german) == Party(tn="4930123456")
    assert Party.from_uri("tel:+30123456", german) == Party(tn="30123456")


@pytest.mark.parametrize(
    "text",
    ["", "<>", "alice", "http://a.example", "<sip:>", "sip:a b@c", "tel:", "tel:x", "<sip:a@b"],
)  # fmt: skip
def test_what_is_no_party_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentityError):
        Party.from_header(text)


@pytest.mark.parametrize(
    "text", ["alice", "alice1@example.com", "tel:abc1", "+1555x", "sip:\u00e4@b", "sip:\ud800@b"]
)
def test_what_looks_like_a_number_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentityError):
        as_party(text)


def test_long_blanks_are_read_in_no_time() -> None:
    """They would take minutes if the expression went back over them."""
    for text in (" " * 4000 + "x", '"a"' + " " * 4000 + "x", "<" * 4000, '"' * 4000, " " * 10**6):
        with pytest.raises(InvalidIdentityError):
            Party.from_header(text)


def test_a_party_is_a_number_or_a_uri_not_both() -> None:
    with pytest.raises(InvalidIdentityError):
        Party()
    with pytest.raises(InvalidIdentityError):
        Party(tn="1", uri="sip:a@b")


@given(st.text(max_size=200))
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    try:
        party = Party.from_header(text)
    except InvalidIdentityError:
        return
    assert Party.from_uri(party.uri or f"tel:+{party.tn}") == party
    assert canonical_json(Claims(orig=party, dest=(party,), iat=0).as_json()).isascii()


@given(st.from_regex(r"\A<sips?:[a-z0-9.%]{0,9}(@[a-z.]{1,9})?(;[a-z=]{0,9})?>\Z"))
def test_the_canonical_form_is_its_own(text: str) -> None:
    try:
        party = Party.from_header(text)
    except InvalidIdentityError:
        return
    assert party.uri is not None
    assert Party.from_uri(party.uri) == party
