"""What a certificate vouches for, and which are refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from onehttp.identity import (
    CredentialError,
    Signer,
    TrustStore,
    Verifier,
    format_date,
)
from servers.sti import (
    CALLED,
    CALLER,
    CLOCK,
    DAY_S,
    LOCAL,
    Authority,
    Repository,
    der,
    number_list,
    pem,
)

DATE = format_date(CLOCK)
CONSTRAINTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.27")
ENHANCED = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.33")


@pytest.fixture
def believe(
    repository: Repository, key: ec.EllipticCurvePrivateKey, verifier: Verifier
) -> Callable[..., object]:
    """Publishes a certificate and verifies a call signed under it."""

    def run(certificate: bytes, orig: str = CALLER) -> object:
        url = repository.put(f"/{len(repository.files)}.pem", certificate)
        identity = Signer(key, url, clock=lambda: CLOCK).sign_shaken(orig, CALLED, "A")
        return verifier.verify(identity, orig=orig, dest=CALLED)

    return run


Believe = Callable[..., object]


def test_a_range_of_numbers_covers_those_within(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    span = der(0x30, der(0x16, b"12155551200"), der(0x02, (100).to_bytes(1, "big")))
    certificate = pem(sti_authority.issue(key, numbers=der(0x30, der(0xA1, span))))
    assert believe(certificate)
    assert believe(certificate, "12155551299")
    for outside in ("12155551300", "12155551199", "0012155551212", "*69"):
        with pytest.raises(CredentialError, match="does not cover"):
            believe(certificate, outside)


def test_a_certificate_of_other_numbers_is_refused(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(CredentialError, match="does not cover 12155551212"):
        believe(pem(sti_authority.issue(key, numbers=number_list(numbers=["1999"]))))


def test_a_certificate_without_numbers_is_refused(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(CredentialError, match="no telephone numbers"):
        believe(pem(sti_authority.issue(key)))


def test_a_provider_code_covers_what_the_service_says(
    engine: str,
    anchors: Path,
    repository: Repository,
    sti_authority: Authority,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    url = repository.put("/spc", pem(sti_authority.issue(key, numbers=number_list(code="709J"))))
    identity = Signer(key, url, clock=lambda: CLOCK).sign(CALLER, CALLED)
    trust = TrustStore.from_files(anchors)
    asked = []

    def authorise(code: str, number: str) -> bool:
        asked.append((code, number))
        return False

    Verifier(trust, rules=LOCAL, clock=lambda: CLOCK).verify(identity, orig=CALLER, dest=CALLED)
    strict = Verifier(trust, rules=LOCAL, clock=lambda: CLOCK, authorise=authorise)
    with pytest.raises(CredentialError, match="does not cover"):
        strict.verify(identity, orig=CALLER, dest=CALLED)
    assert asked == [("709J", CALLER)]


@pytest.mark.parametrize(
    "numbers",
    [b"", b"\x30", b"\x30\x80", b"\x30\x05\xa0", b"\x31\x00", b"\x30\x03\xa5\x01\x00",
     b"\x30\x04\xa0\x02\x16\x01", b"\x30\x06\xa1\x04\x30\x02\x16\x00", b"\x30\x84\xff\xff\xff\xff",
     der(0x30, der(0xA1, der(0x30, der(0x16, b"x1"), der(0x02, b"\5")))),
     der(0x30, der(0xA0, der(0x16, b"\xff")))],
)  # fmt: skip
def test_a_malformed_list_of_numbers_is_refused(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey, numbers: bytes
) -> None:
    with pytest.raises(CredentialError, match="malformed"):
        believe(pem(sti_authority.issue(key, numbers=numbers)))


@pytest.mark.usefixtures("debian")
def test_the_list_of_numbers_that_openssl_encodes_is_read(tmp_path: Path) -> None:
    from onehttp.identity.authority import parse_number_authority

    (tmp_path / "asn1.cnf").write_text(
        "asn1=SEQUENCE:list\n[list]\na=EXP:0,IA5:709J\nb=EXP:1,SEQUENCE:range\nc=EXP:2,IA5:911\n"
        "[range]\nstart=IA5:12155551200\ncount=INTEGER:1000\n"
    )
    subprocess.run(
        ["openssl", "asn1parse", "-genconf", "asn1.cnf", "-noout", "-out", "list.der"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    found = parse_number_authority((tmp_path / "list.der").read_bytes())
    assert found.codes == {"709J"}
    assert found.numbers == {"911"}
    assert found.names("12155552199")
    assert not found.names("12155552200")


def constraints(
    include: str = "", permitted: tuple[str, str] | None = None, exclude: str = ""
) -> bytes:
    parts = []
    if include:
        parts.append(der(0xA0, der(0x30, der(0x16, include.encode()))))
    if permitted:
        name, value = permitted
        values = der(0x30, der(0x0C, value.encode()))
        parts.append(der(0xA1, der(0x30, der(0x30, der(0x16, name.encode()), values))))
    if exclude:
        parts.append(der(0xA2, der(0x30, der(0x16, exclude.encode()))))
    return der(0x30, *parts)


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (CONSTRAINTS, constraints(include="confidence")),
        (CONSTRAINTS, constraints(permitted=("attest", "C"))),
        (ENHANCED, constraints(exclude="attest")),
    ],
)
def test_claims_beyond_the_constraints_of_the_certificate_are_refused(
    believe: Believe,
    sti_authority: Authority,
    key: ec.EllipticCurvePrivateKey,
    oid: x509.ObjectIdentifier,
    value: bytes,
) -> None:
    numbers = number_list(numbers=[CALLER])
    with pytest.raises(CredentialError, match=r"certificate (demands|forbids|does not permit)"):
        believe(pem(sti_authority.issue(key, numbers=numbers, extensions=[(oid, value)])))


def test_claims_within_the_constraints_are_believed(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    value = constraints(include="origid", permitted=("attest", "A"), exclude="rcd")
    numbers = number_list(numbers=[CALLER])
    issued = sti_authority.issue(key, numbers=numbers, extensions=[(ENHANCED, value)])
    assert believe(pem(issued))


def test_a_uri_needs_a_certificate_of_its_domain(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    named = sti_authority.issue(key, names=[x509.DNSName("Example.com")])
    by_uri = sti_authority.issue(
        key, names=[x509.UniformResourceIdentifier("sip:example.com"), x509.DNSName("x.example")]
    )
    common = sti_authority.issue(key, common_name="example.com")
    for certificate in (named, by_uri, common):
        assert believe(pem(certificate), "sip:alice@example.com")
    wild = sti_authority.issue(key, names=[x509.DNSName("*.com")], common_name="example.com")
    user = sti_authority.issue(key, names=[x509.UniformResourceIdentifier("sip:a@example.com")])
    for certificate in (wild, user, sti_authority.issue(key)):
        with pytest.raises(CredentialError, match=r"not one of example\.com"):
            believe(pem(certificate), "sip:alice@example.com")


def test_a_certificate_of_an_unknown_authority_is_refused(
    believe: Believe, key: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(CredentialError, match="not trusted"):
        believe(pem(Authority().issue(key, numbers=number_list(numbers=[CALLER]))))


def test_a_certificate_for_other_uses_than_signing_is_refused(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    numbers = number_list(numbers=[CALLER])
    key_usage = x509.ObjectIdentifier("2.5.29.15")
    for_signing, for_agreement = b"\x03\x02\x07\x80", b"\x03\x02\x03\x08"
    assert believe(
        pem(sti_authority.issue(key, numbers=numbers, extensions=[(key_usage, for_signing)]))
    )
    with pytest.raises(CredentialError, match="not one for signatures"):
        believe(
            pem(sti_authority.issue(key, numbers=numbers, extensions=[(key_usage, for_agreement)]))
        )


def test_an_expired_certificate_is_refused(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    numbers = number_list(numbers=[CALLER])
    with pytest.raises(CredentialError, match="not trusted"):
        believe(pem(sti_authority.issue(key, numbers=numbers, expires_in_s=-1)))


def test_a_certificate_that_expires_in_the_cache_is_refused(
    engine: str, anchors: Path, signer: Signer, repository: Repository
) -> None:
    now = [float(CLOCK)]
    verifier = Verifier(
        TrustStore.from_files(anchors), rules=LOCAL, keep_s=9 * DAY_S, clock=lambda: now[0]
    )
    verifier.verify(signer.sign(CALLER, CALLED), orig=CALLER, dest=CALLED)
    now[0] += DAY_S + 1
    fresh = signer.sign(CALLER, CALLED, iat=int(now[0]))
    with pytest.raises(CredentialError):
        verifier.verify(fresh, orig=CALLER, dest=CALLED)


@pytest.mark.parametrize("kind", ["rsa", "p384"])
def test_a_key_that_is_none_for_es256_is_refused(
    believe: Believe, sti_authority: Authority, kind: str
) -> None:
    other = (
        rsa.generate_private_key(65537, 2048)
        if kind == "rsa"
        else ec.generate_private_key(ec.SECP384R1())
    )
    with pytest.raises(CredentialError, match="ES256"):
        believe(pem(sti_authority.issue(other, numbers=number_list(numbers=[CALLER]))))


def test_an_intermediate_authority_is_followed_to_the_anchor(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    between = Authority("between")
    between.certificate = sti_authority._issue(
        between.name, between.key.public_key(), is_authority=True
    )
    leaf = between.issue(key, numbers=number_list(numbers=[CALLER]))
    assert believe(pem(leaf, between.certificate))
    with pytest.raises(CredentialError, match="not trusted"):
        believe(pem(leaf))


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"\0" * 100, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
)
def test_what_is_no_certificate_is_refused(believe: Believe, body: bytes) -> None:
    with pytest.raises(CredentialError, match="not a certificate"):
        believe(body)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_damaged_certificate_is_refused_and_nothing_worse(
    anchors: Path, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    trust = TrustStore.from_files(anchors)
    names = [x509.DNSName("a.example"), x509.UniformResourceIdentifier("sip:b.example")]
    numbers = number_list(numbers=[CALLER])
    issued = sti_authority.issue(key, numbers=numbers, names=names)
    whole = issued.public_bytes(Encoding.DER)
    assert trust.trusted(whole, CLOCK)
    for place in range(len(whole)):
        for value in (0, 0x30, 0xFF, whole[place] ^ 1):
            damaged = whole[:place] + bytes([value]) + whole[place + 1 :]
            try:
                found = trust.trusted(damaged, CLOCK).certificate
            except CredentialError:
                continue
            # The one byte that may differ: how many bits at the end of the signature do not count.
            assert found.tbs_certificate_bytes == issued.tbs_certificate_bytes


def test_a_chain_that_is_too_long_is_refused(
    believe: Believe, sti_authority: Authority, key: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(CredentialError, match="certificates, a chain has"):
        believe(pem(*[sti_authority.issue(key)] * 9))
