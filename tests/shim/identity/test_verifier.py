"""A header is believed when everything about it is true, and refused with the right reply else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import onehttp
from onehttp.identity import (
    CredentialError,
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
from onehttp.identity.claims import token_header
from onehttp.identity.passport import sign, signing_input, token
from servers.sti import (
    CALLED,
    CALLER,
    CLOCK,
    Authority,
    Repository,
    flipped,
    pem,
    private_pem,
)

DATE = format_date(CLOCK)
CONSTRAINTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.27")
ENHANCED = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.33")


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


def respelled(signer: Signer, key: ec.EllipticCurvePrivateKey, orig: object, dest: object) -> str:
    """A header with these claims, as another signer has written them."""
    header = token_header(signer.x5u, None)
    claims = {"orig": orig, "dest": dest, "iat": CLOCK}
    text = signing_input(header, claims)
    return f"{token(text, sign(text, key))};info=<{signer.x5u}>"


@pytest.mark.parametrize(
    "uri",
    [
        "sip:bob@EXAMPLE.com", "SIP:bob@example.com", "sip:b%6Fb@example.com",
        "sip:bob@example.com:5060", "sip:bob:secret@example.com",
        "sip:bob@example.com;transport=tcp?Subject=x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_caller", [True, False])
def test_a_uri_in_a_claim_is_read_in_every_spelling(
    signer: Signer,
    verifier: Verifier,
    key: ec.EllipticCurvePrivateKey,
    sti_authority: Authority,
    repository: Repository,
    uri: str,
    is_caller: bool,
) -> None:
    if is_caller:
        names = [x509.DNSName("example.com")]
        repository.put("/signer.pem", pem(sti_authority.issue(key, names=names)))
    ends = ({"uri": uri}, {"tn": [CALLED]}) if is_caller else ({"tn": CALLER}, {"uri": [uri]})
    called = CALLED if is_caller else "sip:bob@example.com"
    caller = "sip:bob@example.com" if is_caller else CALLER
    found = verifier.verify(respelled(signer, key, *ends), orig=caller, dest=called)
    assert Party(uri="sip:bob@example.com") in (found.claims.orig, *found.claims.dest)


def test_a_number_in_a_uri_of_a_claim_needs_a_certificate_of_the_number(
    signer: Signer,
    verifier: Verifier,
    key: ec.EllipticCurvePrivateKey,
    sti_authority: Authority,
    repository: Repository,
) -> None:
    caller = f"sip:+{CALLER}@example.com"
    header = respelled(signer, key, {"uri": caller}, {"tn": [CALLED]})
    found = verifier.verify(header, orig=caller, dest=CALLED)
    assert found.claims.orig == Party(tn=CALLER)
    issued = sti_authority.issue(key, names=[x509.DNSName("example.com")])
    other = Signer(key, repository.put("/domain.pem", pem(issued)), clock=lambda: CLOCK)
    header = respelled(other, key, {"uri": caller}, {"tn": [CALLED]})
    with pytest.raises(CredentialError, match="names no telephone numbers"):
        verifier.verify(header, orig=caller, dest=CALLED)


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


# Diversions.


@pytest.mark.parametrize("count", [0, 17])
def test_no_header_or_far_too_many_are_refused(
    signer: Signer, verifier: Verifier, count: int
) -> None:
    with pytest.raises(MissingIdentityError):
        verifier.verify_diverted([signer.sign(CALLER, CALLED)] * count, orig=CALLER, dest=CALLED)


@pytest.mark.parametrize("other", [None, b"x", 5, ["x"]])
def test_what_is_no_text_is_refused_like_what_is_not_there(
    signer: Signer, verifier: Verifier, other: Any
) -> None:
    """A header that a message does not have is None to many who ask for it."""
    good = signer.sign(CALLER, CALLED)
    parties = {"orig": CALLER, "dest": CALLED}
    with pytest.raises(MissingIdentityError, match="expected text"):
        verifier.verify(other, **parties)
    for name in parties:
        with pytest.raises(InvalidIdentityError, match="expected text"):
            verifier.verify(good, **{**parties, name: other})
    if other is not None:
        with pytest.raises(InvalidIdentityError, match="expected text"):
            verifier.verify(good, **parties, date=other)
    for read in (Party.from_header, Party.from_uri):
        with pytest.raises(InvalidIdentityError, match="expected text"):
            read(other)


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


def test_a_url_that_is_not_there_is_named(verifier: Verifier, signer: Signer) -> None:
    missing = Signer(
        ec.generate_private_key(ec.SECP256R1()),
        signer.x5u.replace("signer", "none"),
        clock=lambda: CLOCK,
    )
    with pytest.raises(IdentityInfoError, match="answered 404") as caught:
        verifier.verify(missing.sign(CALLER, CALLED), orig=CALLER, dest=CALLED)
    assert (caught.value.status, caught.value.reason) == (436, "Bad Identity Info")
