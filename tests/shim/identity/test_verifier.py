"""A header is believed when everything about it is true, and refused with the right reply else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

import onehttp
from onehttp.identity import (
    CredentialError,
    FetchRules,
    IdentityError,
    IdentityInfoError,
    InvalidIdentityError,
    MissingIdentityError,
    Party,
    Signer,
    SigningError,
    StaleIdentityError,
    TrustStore,
    Verifier,
    format_date,
)
from servers.sti import (
    CLOCK,
    DAY_S,
    Authority,
    Repository,
    der,
    number_list,
    pem,
    private_pem,
)

CALLER, CALLED = "12155551212", "12155551213"
LOCAL = FetchRules(allow_http=True, allow_private=True)
DATE = format_date(CLOCK)
CONSTRAINTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.27")
ENHANCED = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.33")


def flipped(identity: str) -> str:
    """The header with one character of its signature changed."""
    token, semicolon, rest = identity.partition(";")
    other = "A" if token[-10] != "A" else "B"
    return f"{token[:-10]}{other}{token[-9:]}{semicolon}{rest}"


def test_a_signed_call_is_believed(signer: Signer, verifier: Verifier) -> None:
    found = verifier.verify(signer.sign(CALLER, CALLED), orig=CALLER, dest=CALLED, date=DATE)
    assert found.claims.orig == Party(tn=CALLER)
    assert found.claims.iat == CLOCK
    assert (found.ppt, found.x5u) == (None, signer.x5u)


def test_a_shaken_call_is_believed_with_its_attestation(signer: Signer, verifier: Verifier) -> None:
    found = verifier.verify(
        signer.sign_shaken("+1 (215) 555-1212", f"tel:+{CALLED}", "B"),
        orig=Party.from_header(f"<sip:+{CALLER}@example.com>;tag=1"),
        dest=Party.from_header(f"<sip:+{CALLED}@example.org>"),
    )
    assert (found.ppt, found.claims.attest) == ("shaken", "B")


async def _averified(verifier: Verifier, identity: str) -> str:
    found = await verifier.averify(identity, orig=CALLER, dest=CALLED)
    return found.x5u


def test_a_task_verifies_as_well(signer: Signer, verifier: Verifier) -> None:
    import asyncio

    assert asyncio.run(_averified(verifier, signer.sign(CALLER, CALLED))) == signer.x5u


def test_a_compact_token_is_put_together_from_the_request(
    signer: Signer, verifier: Verifier
) -> None:
    identity = signer.sign(CALLER, CALLED, compact=True)
    assert identity.startswith("..")
    found = verifier.verify(identity, orig=CALLER, dest=CALLED, date=DATE)
    assert found.claims.iat == CLOCK
    with pytest.raises(InvalidIdentityError, match="signature"):
        verifier.verify(identity, orig=CALLER, dest=CALLER, date=DATE)
    with pytest.raises(InvalidIdentityError, match="no Date"):
        verifier.verify(identity, orig=CALLER, dest=CALLED)


def test_a_compact_token_has_no_kind(signer: Signer, verifier: Verifier) -> None:
    identity = signer.sign(CALLER, CALLED, compact=True) + ";ppt=shaken"
    with pytest.raises(InvalidIdentityError, match="compact"):
        verifier.verify(identity, orig=CALLER, dest=CALLED, date=DATE)


def test_a_forged_signature_is_refused(signer: Signer, verifier: Verifier) -> None:
    with pytest.raises(InvalidIdentityError, match="signature") as caught:
        verifier.verify(flipped(signer.sign(CALLER, CALLED)), orig=CALLER, dest=CALLED)
    assert (caught.value.status, caught.value.reason) == (438, "Invalid Identity Header")


def test_the_key_of_somebody_else_is_refused(
    repository: Repository, signer: Signer, verifier: Verifier
) -> None:
    thief = Signer(ec.generate_private_key(ec.SECP256R1()), signer.x5u, clock=lambda: CLOCK)
    with pytest.raises(InvalidIdentityError, match="signature"):
        verifier.verify(thief.sign(CALLER, CALLED), orig=CALLER, dest=CALLED)


@pytest.mark.parametrize(("orig", "dest"), [("1999", CALLED), (CALLER, "1999"), (CALLED, CALLER)])
def test_a_header_of_another_call_is_refused_unfetched(
    repository: Repository, signer: Signer, verifier: Verifier, orig: str, dest: str
) -> None:
    with pytest.raises(InvalidIdentityError, match="signed for a call"):
        verifier.verify(signer.sign(CALLER, CALLED), orig=orig, dest=dest)
    assert repository.requests == []


@pytest.mark.parametrize("age_s", [61, -61, 3600])
def test_an_old_or_future_token_is_refused(signer: Signer, verifier: Verifier, age_s: int) -> None:
    with pytest.raises(StaleIdentityError, match="iat") as caught:
        verifier.verify(signer.sign(CALLER, CALLED, iat=CLOCK - age_s), orig=CALLER, dest=CALLED)
    assert (caught.value.status, caught.value.reason) == (403, "Stale Date")


def test_an_old_date_is_refused_though_the_token_is_fresh(
    signer: Signer, verifier: Verifier
) -> None:
    old = format_date(CLOCK - 61)
    with pytest.raises(StaleIdentityError, match="Date"):
        verifier.verify(signer.sign(CALLER, CALLED), orig=CALLER, dest=CALLED, date=old)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Sat, 31 Feb 2015 19:12:25 GMT", "Sat, 13 Nov 2010 24:00:00 GMT"]
)
def test_a_malformed_date_is_refused(signer: Signer, verifier: Verifier, date: str) -> None:
    with pytest.raises(InvalidIdentityError, match="Date"):
        verifier.verify(signer.sign(CALLER, CALLED), orig=CALLER, dest=CALLED, date=date)


def test_an_unknown_kind_counts_as_none(signer: Signer, verifier: Verifier) -> None:
    with pytest.raises(MissingIdentityError, match="rph") as caught:
        verifier.verify(signer.sign(CALLER, CALLED) + ";ppt=rph", orig=CALLER, dest=CALLED)
    assert caught.value.status == 428


def test_an_unknown_algorithm_is_refused(signer: Signer, verifier: Verifier) -> None:
    other = signer.sign(CALLER, CALLED).replace("alg=ES256", "alg=RS256")
    with pytest.raises(CredentialError, match="RS256") as caught:
        verifier.verify(other, orig=CALLER, dest=CALLED)
    assert (caught.value.status, caught.value.reason) == (437, "Unsupported Credential")


def test_a_certificate_url_other_than_the_signed_one_is_refused(
    signer: Signer, verifier: Verifier, repository: Repository
) -> None:
    other = signer.sign(CALLER, CALLED).replace("/signer.pem>", "/other.pem>")
    with pytest.raises(InvalidIdentityError, match="x5u"):
        verifier.verify(other, orig=CALLER, dest=CALLED)
    assert repository.requests == []


# Certificates.


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


# Diversions.


def test_a_diverted_call_is_followed_to_its_origin(signer: Signer, verifier: Verifier) -> None:
    headers = [
        signer.sign_diversion(CALLER, "12155551214", CALLED),
        signer.sign(CALLER, CALLED) + ";ppt=unheard-of",
        signer.sign_shaken(CALLER, CALLED, "A"),
    ]
    way = verifier.verify_diverted(headers, orig=CALLER, dest="12155551214")
    assert [(one.ppt, str(one.claims.dest[0])) for one in way] == [
        ("shaken", CALLED),
        ("div", "12155551214"),
    ]


def test_a_diversion_alone_proves_no_caller(signer: Signer, verifier: Verifier) -> None:
    identity = signer.sign_diversion("19995550000", "12155551214", CALLED)
    with pytest.raises(InvalidIdentityError, match="verify_diverted"):
        verifier.verify(identity, orig="19995550000", dest="12155551214")


def test_a_diversion_without_its_origin_is_refused(signer: Signer, verifier: Verifier) -> None:
    headers = [signer.sign_diversion(CALLER, "12155551214", CALLED)]
    with pytest.raises(InvalidIdentityError, match="leads to 12155551213"):
        verifier.verify_diverted(headers, orig=CALLER, dest="12155551214")


def test_diversions_in_a_circle_are_refused(signer: Signer, verifier: Verifier) -> None:
    headers = [
        signer.sign_diversion(CALLER, CALLED, "12155551214"),
        signer.sign_diversion(CALLER, "12155551214", CALLED),
    ]
    with pytest.raises(InvalidIdentityError, match="no Identity header leads"):
        verifier.verify_diverted(headers, orig=CALLER, dest=CALLED)


def test_who_diverts_must_own_the_number(signer: Signer, verifier: Verifier) -> None:
    headers = [
        signer.sign_diversion(CALLER, "12155551215", "12155551214"),
        signer.sign(CALLER, "12155551214"),
    ]
    with pytest.raises(CredentialError, match="does not cover 12155551214"):
        verifier.verify_diverted(headers, orig=CALLER, dest="12155551215")


@pytest.mark.parametrize("count", [0, 17])
def test_no_header_or_far_too_many_are_refused(
    signer: Signer, verifier: Verifier, count: int
) -> None:
    with pytest.raises(MissingIdentityError):
        verifier.verify_diverted([signer.sign(CALLER, CALLED)] * count, orig=CALLER, dest=CALLED)


# Signing.


@pytest.mark.parametrize("dest", ["", [], "sip:", "abc"])
def test_what_names_nobody_is_not_signed(signer: Signer, dest: str | list[str]) -> None:
    with pytest.raises(SigningError):
        signer.sign(CALLER, dest)


def test_an_attestation_that_shaken_does_not_know_is_not_signed(signer: Signer) -> None:
    with pytest.raises(SigningError, match="attest"):
        signer.sign_shaken(CALLER, CALLED, "D")  # type: ignore[arg-type]
    with pytest.raises(SigningError, match="origid"):
        signer.sign_shaken(CALLER, CALLED, "A", origid="x")


def test_a_key_or_url_that_cannot_serve_is_named(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(onehttp.ConfigurationError, match="P-256"):
        Signer(private_pem(rsa.generate_private_key(65537, 2048)), "https://a/x")
    with pytest.raises(onehttp.ConfigurationError, match="PEM"):
        Signer(b"junk", "https://a/x")
    with pytest.raises(onehttp.ConfigurationError, match="x5u"):
        Signer(key, "https://a/x> ;info=<https://evil/")
    with pytest.raises(onehttp.ConfigurationError, match=r"none\.pem"):
        Signer.from_file(tmp_path / "none.pem", "https://a/x")


def test_trust_needs_something_to_trust(tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(onehttp.ConfigurationError, match=r"junk\.pem"):
        TrustStore.from_files(tmp_path / "junk.pem")
    with pytest.raises(onehttp.ConfigurationError, match=r"none\.pem"):
        TrustStore.from_files(tmp_path / "none.pem")
    with pytest.raises(onehttp.ConfigurationError, match="trust anchor"):
        TrustStore([])


def test_a_cache_of_no_certificates_is_an_error(anchors: Path) -> None:
    with pytest.raises(onehttp.ConfigurationError, match="max_certificates"):
        Verifier(TrustStore.from_files(anchors), max_certificates=0)


# An independent implementation: secsipidx, from the makers of Kamailio.


@pytest.mark.usefixtures("debian")
def test_secsipidx_verifies_what_we_sign(
    key: ec.EllipticCurvePrivateKey, sti_authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "cert.pem").write_bytes(pem(sti_authority.issue(key)))
    subprocess.run(
        "openssl x509 -in cert.pem -noout -pubkey > key.pem", shell=True, cwd=tmp_path, check=True
    )
    identity = Signer(key, "https://cert.example.org/x.pem").sign_shaken(CALLER, CALLED, "A")
    assert _secsipidx_believes(identity, tmp_path)
    assert not _secsipidx_believes(flipped(identity), tmp_path)


def _secsipidx_believes(identity: str, folder: Path) -> bool:
    (folder / "identity").write_text(identity)
    command = ["secsipidx", "-check", "-fidentity", "identity", "-fpubkey", "key.pem"]
    done = subprocess.run(
        [*command, "-expire", "60"], cwd=folder, capture_output=True, text=True, check=False
    )
    return "ok" in done.stdout.split()


@pytest.mark.usefixtures("debian")
def test_we_verify_what_secsipidx_signs(
    engine: str, key: ec.EllipticCurvePrivateKey, signer: Signer, anchors: Path, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_bytes(private_pem(key))
    command = ["secsipidx", "-sign-full", "-k", "key.pem", "-o", CALLER, "-d", CALLED]
    signed = subprocess.run(
        [*command, "-a", "A", "-x5u", signer.x5u],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    identity = signed.stdout.strip()
    long_s = float(2**40)  # it signs the time of now only, when our certificates are long expired
    verifier = Verifier(
        TrustStore.from_files(anchors), rules=LOCAL, max_age_s=long_s, clock=lambda: CLOCK
    )
    found = verifier.verify(identity, orig=CALLER, dest=CALLED)
    assert (found.ppt, found.claims.attest) == ("shaken", "A")
    with pytest.raises(IdentityError):
        verifier.verify(flipped(identity), orig=CALLER, dest=CALLED)


def test_a_url_that_is_not_there_is_named(verifier: Verifier, signer: Signer) -> None:
    missing = Signer(
        ec.generate_private_key(ec.SECP256R1()),
        signer.x5u.replace("signer", "none"),
        clock=lambda: CLOCK,
    )
    with pytest.raises(IdentityInfoError, match="answered 404") as caught:
        verifier.verify(missing.sign(CALLER, CALLED), orig=CALLER, dest=CALLED)
    assert (caught.value.status, caught.value.reason) == (436, "Bad Identity Info")
