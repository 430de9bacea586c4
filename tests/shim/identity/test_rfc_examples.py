"""What the RFCs print, byte for byte."""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from onehttp.identity import Claims, Party, Signer, parse_header
from onehttp.identity.claims import read_claims, token_header
from onehttp.identity.dates import format_date, parse_date
from onehttp.identity.passport import canonical_json, parse, signing_input, token

# draft-ietf-stir-passport, appendix A: RFC 8225 has the same public key, but its token was signed
# with another one that it does not print.
PRIVATE_NUMBER = 0x5799D51DB4F100AF72EE46B98C8C7C6E16EEC1F89BDF7FEDE1D20CBA5D625945
PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8HNbQd/TmvCKwPKHkMF9fScavGeH
78YTU8qLS8I5HLHSSmlATLcslQMhNC/OhlWBYC626nIlo7XeebYS7Sb37g==
-----END PUBLIC KEY-----
"""
X5U = "https://cert.example.org/passport.cer"
HEADER = (
    "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9j"
    "ZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9"
)
PAYLOAD = (
    "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI"
    "6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19"
)
DRAFT_PAYLOAD = (
    "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI"
    "6IjE0NDMyMDgzNDUiLCJvcmlnIjp7InRuIjoiMTIxNTU1NTEyMTIifX0"
)
DRAFT_SIGNATURE = (
    "rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w"
)
# RFC 8225, appendix A
SIGNATURE = "VLBCIVDCaeK6M4hLJb6SHQvacAQVvoiiEOWQ_iUkqk79UD81fHQ0E1b3_GluIkba7UWYRM47ZbNFdOJquE35cw"
TOKEN = f"{HEADER}.{PAYLOAD}.{SIGNATURE}"
CLAIMS = Claims(
    orig=Party(tn="12155551212"), dest=(Party(uri="sip:alice@example.com"),), iat=1471375418
)


def public_key() -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(PUBLIC_KEY)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def test_the_example_token_verifies() -> None:
    assert parse(f"{HEADER}.{DRAFT_PAYLOAD}.{DRAFT_SIGNATURE}").is_signed_by(public_key())


def test_the_es256_example_of_rfc_7515_verifies() -> None:
    x = int.from_bytes(decoded("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), "big")
    y = int.from_bytes(decoded("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"), "big")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    assert parse(
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
        "pmWQxfKTUJqPP3-Kg6NU1Q"
    ).is_signed_by(key)


def test_the_example_token_reads_as_its_claims() -> None:
    assert read_claims(parse(TOKEN).claims, None) == CLAIMS


def test_no_bit_of_the_example_signature_may_differ() -> None:
    raw = bytearray(decoded(DRAFT_SIGNATURE))
    for place in (0, 31, 32, 63):
        forged = raw.copy()
        forged[place] ^= 1
        text = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
        assert not parse(f"{HEADER}.{DRAFT_PAYLOAD}.{text}").is_signed_by(public_key())


def test_our_signing_input_is_that_of_the_example() -> None:
    signed = signing_input(token_header(X5U, None), CLAIMS.as_json())
    assert signed == f"{HEADER}.{PAYLOAD}".encode()


def test_our_token_differs_from_the_example_in_the_signature_only() -> None:
    key = ec.derive_private_key(PRIVATE_NUMBER, ec.SECP256R1())
    made = Signer(key, X5U).sign("12155551212", "sip:alice@example.com", iat=1471375418)
    head, _, rest = made.partition(";")
    assert head.rpartition(".")[0] == f"{HEADER}.{PAYLOAD}"
    assert rest == f"info=<{X5U}>;alg=ES256"
    assert parse(head).is_signed_by(public_key())


def test_the_compact_form_is_the_signature_after_two_dots() -> None:
    assert token(b"", decoded(SIGNATURE), is_compact=True) == f"..{SIGNATURE}"


def test_canonical_json_is_that_of_rfc_8225_section_9() -> None:
    value = {
        "orig": {"tn": "12155551212"},
        "iat": 1443208345,
        "dest": {"uri": ["sip:alice@example.com"], "tn": ["12125551212"]},
    }
    assert canonical_json(value) == (
        b'{"dest":{"tn":["12125551212"],"uri":["sip:alice@example.com"]},'
        b'"iat":1443208345,"orig":{"tn":"12155551212"}}'
    )


def test_the_shaken_example_of_rfc_8588_is_read() -> None:
    claims = json.loads(
        '{"attest":"A","dest":{"tn":["12125551213"]},"iat":1443208345,'
        '"orig":{"tn":"12155551212"},"origid":"123e4567-e89b-12d3-a456-426655440000"}'
    )
    read = read_claims(claims, "shaken")
    assert (read.attest, read.origid) == ("A", "123e4567-e89b-12d3-a456-426655440000")
    assert canonical_json(read.as_json()) == canonical_json(claims)


def test_the_div_example_of_rfc_8946_is_read() -> None:
    claims = json.loads(
        '{"dest":{"tn":["12155551214"]},"div":{"tn":"121555551213"},'
        '"iat":1443208345,"orig":{"tn":"12155551212"}}'
    )
    read = read_claims(claims, "div")
    assert read.div == Party(tn="121555551213")
    assert canonical_json(read.as_json()) == canonical_json(claims)


def test_the_header_example_of_rfc_8224_is_taken_apart() -> None:
    header = parse_header(f"{TOKEN};info=<https://biloxi.example.org/biloxi.cer>;alg=ES256")
    assert header.token == TOKEN
    assert header.info == "https://biloxi.example.org/biloxi.cer"
    assert (header.alg, header.ppt) == ("ES256", None)


def test_the_date_of_rfc_3261_is_read_and_written() -> None:
    assert parse_date("Sat, 13 Nov 2010 23:29:00 GMT") == 1289690940
    assert format_date(1289690940) == "Sat, 13 Nov 2010 23:29:00 GMT"
