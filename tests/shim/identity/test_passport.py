"""Tokens and headers that are not what they should be."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from onehttp.identity import InvalidIdentityError, Signer, parse_header
from onehttp.identity.claims import check_token_header, read_claims
from onehttp.identity.passport import parse
from servers.sti import private_pem

KEY = ec.generate_private_key(ec.SECP256R1())
X5U = "https://cert.example.org/x.pem"
SHAKEN = {
    "attest": "A",
    "dest": {"tn": ["12125551213"]},
    "iat": 1,
    "orig": {"tn": "12155551212"},
    "origid": "123e4567-e89b-12d3-a456-426655440000",
}


def segment(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


SIGNATURE = segment("s" * 64)


def test_an_independent_library_verifies_our_token() -> None:
    made = Signer(KEY, X5U).sign_shaken("+1 215 555 1212", "12125551213", "B")
    key = ECKey.import_key(private_pem(KEY))
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    found = jws.deserialize_compact(made.partition(";")[0], key, registry=registry)
    assert found.headers() == {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U}


def test_we_verify_the_token_of_an_independent_library() -> None:
    key = ECKey.import_key(private_pem(KEY))
    made = jws.serialize_compact({"alg": "ES256", "typ": "passport"}, b'{"iat":1}', key)
    assert parse(made).is_signed_by(KEY.public_key())
    assert not parse(made).is_signed_by(ec.generate_private_key(ec.SECP256R1()).public_key())


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        f"{segment('{}')}.{segment('{}')}.",
        f"{segment('{}')}.{segment('{}')}.{segment('s' * 63)}",
        f"{segment('{}')}.{segment('{}')}.{SIGNATURE}.x",
        f"{segment('{}')}.{segment('[]')}.{SIGNATURE}",
        f"{segment('{}')}.{segment('{')}.{SIGNATURE}",
        f"{segment('{}')}..{SIGNATURE}",
        f"{segment('{}')}.a.{SIGNATURE}",
        f"{segment('{}')}.{segment('[' * 9000)}.{SIGNATURE}",
        f"{segment('{}')}.{segment('x' * 20000)}.{SIGNATURE}",
        f"{segment('{}')}.{segment(chr(123) + chr(34) + 'iat' + chr(34) + ':NaN}')}.{SIGNATURE}",
        f"{segment('{}')}.{segment('{}')}+.{SIGNATURE}",
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidIdentityError):
        parse(token)


def test_a_claim_that_stands_twice_is_refused() -> None:
    claims = segment('{"orig":{"tn":"1"},"orig":{"tn":"2"}}')
    with pytest.raises(InvalidIdentityError, match="twice"):
        parse(f"{segment('{}')}.{claims}.{SIGNATURE}")


@pytest.mark.parametrize(
    "change",
    [
        {"attest": "D"}, {"attest": None}, {"attest": ["A"]}, {"origid": "1"}, {"origid": 5},
        {"iat": "1"}, {"iat": 1.0}, {"iat": True}, {"iat": -1}, {"iat": 10**400}, {"iat": None},
        {"orig": {}}, {"orig": {"tn": "1", "uri": "sip:a@b"}}, {"orig": "1"}, {"orig": {"tn": 1}},
        {"orig": {"tn": "+1215"}}, {"orig": {"tn": ["1"]}}, {"orig": {"tn": ""}},
        {"dest": {}}, {"dest": {"tn": []}}, {"dest": {"tn": "1"}}, {"dest": {"uri": [1]}},
        {"dest": {"tn": ["1"] * 65}}, {"dest": None},
    ],
)  # fmt: skip
def test_claims_that_shaken_does_not_know_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidIdentityError):
        read_claims({**SHAKEN, **change}, "shaken")


def test_a_diversion_without_div_is_refused() -> None:
    with pytest.raises(InvalidIdentityError, match="div"):
        read_claims(SHAKEN, "div")


@pytest.mark.parametrize(
    "change",
    [{"typ": "jwt"}, {"alg": "none"}, {"alg": "HS256"}, {"x5u": "https://other/"},
     {"ppt": "shaken"}, {"crit": ["exp"]}],
)  # fmt: skip
def test_a_token_header_that_is_not_as_announced_is_refused(change: dict[str, object]) -> None:
    header = {"typ": "passport", "alg": "ES256", "x5u": X5U}
    check_token_header(header, X5U, None)
    with pytest.raises(InvalidIdentityError):
        check_token_header({**header, **change}, X5U, None)


@pytest.mark.parametrize(
    ("value", "ppt"),
    [
        (f"a.b.c;info=<{X5U}>;alg=ES256;ppt=shaken", "shaken"),
        (f'a.b.c ; ppt="div" ; info = <{X5U}>', "div"),
        (f"a.b.c;info=<{X5U}>;canon=x;y", None),
    ],
)
def test_a_header_is_read_in_every_spelling(value: str, ppt: str | None) -> None:
    header = parse_header(value)
    assert (header.token, header.info, header.alg, header.ppt) == ("a.b.c", X5U, "ES256", ppt)


@pytest.mark.parametrize(
    "value",
    ["", "a.b.c", "a.b.c;", "a.b.c;alg=ES256", f"a.b.c;info={X5U}", "a.b.c;info=<>",
     f"a.b.c;info=<{X5U}>;info=<{X5U}>", f"a.b.c;info=<{X5U}", f"a.b.c;info=<{X5U}>;ppt=a b",
     f"a.b.c;info=<{X5U}>;" + "x" * 40000, f"a.b.c;info=<{X5U}>,d"],
)  # fmt: skip
def test_what_is_no_identity_header_is_refused(value: str) -> None:
    with pytest.raises(InvalidIdentityError):
        parse_header(value)


@given(st.text(alphabet='aA.;=<> "infoalgpt:/\r\n\0', max_size=80))
def test_no_header_does_worse_than_being_refused(value: str) -> None:
    try:
        header = parse_header(value)
    except InvalidIdentityError:
        return
    assert header.info


@given(st.text(alphabet=st.sampled_from("aeyJ0.-_= \n"), max_size=200))
def test_no_token_does_worse_than_being_refused(value: str) -> None:
    with pytest.raises(InvalidIdentityError):
        parse(value)
