"""Certificates that were taken back: lists, indirect lists, responders, and none of them."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from onehttp.errors import ConfigurationError
from onehttp.identity import (
    CredentialError,
    Revocation,
    RevokedError,
    Signer,
    TrustStore,
    VerifiedIdentity,
    Verifier,
)
from servers.revocation import (
    RAW,
    points,
    question,
    responder_at,
    response,
    revocation_list,
    scope,
)
from servers.sti import CALLED, CALLER, CLOCK, LOCAL, Authority, Repository, number_list, pem

ADMINISTRATOR = Authority("STI-PA")
Good, Revoked, Unknown = (
    ocsp.OCSPCertStatus.GOOD,
    ocsp.OCSPCertStatus.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN,
)
Verify = Callable[..., VerifiedIdentity]


class Case:
    """One signer, whose certificate says where to ask, and who verifies it."""

    def __init__(self, authority: Authority, key: Any, repository: Repository, verify: Verify):
        self.authority = authority
        self.key = key
        self.repository = repository
        self._verify = verify
        self.now = float(CLOCK)

    def issue(self, *extensions: tuple[x509.ObjectIdentifier, bytes]) -> x509.Certificate:
        numbers = number_list(numbers=[CALLER])
        issued = self.authority.issue(self.key, numbers=numbers, extensions=extensions)
        self.repository.put("/signer.pem", pem(issued))
        return issued

    def verifier(self, **values: Any) -> Verifier:
        given = {"rules": LOCAL, "budget_s": 60.0, "clock": lambda: self.now, **values}
        return Verifier(
            TrustStore([self.authority.certificate]),
            rules=LOCAL,
            revocation=Revocation(**given),
            clock=lambda: self.now,
        )

    def verify(self, verifier: Verifier) -> VerifiedIdentity:
        signer = Signer(self.key, f"{self.repository.url}/signer.pem", clock=lambda: int(self.now))
        header = signer.sign_shaken(CALLER, CALLED, "A")
        return self._verify(verifier, header, orig=CALLER, dest=CALLED)

    def asked(self, path: str) -> int:
        return sum(request.split(b" ")[1].decode() == path for request in self.repository.requests)


@pytest.fixture(params=["thread", "task"])
def verify(request: pytest.FixtureRequest, engine: str) -> Verify:
    """A verification in a thread, and in a task, on each engine."""
    if request.param == "thread":
        return Verifier.verify
    return lambda *given, **named: asyncio.run(Verifier.averify(*given, **named))


@pytest.fixture
def case(
    sti_authority: Authority,
    key: ec.EllipticCurvePrivateKey,
    repository: Repository,
    verify: Verify,
) -> Case:
    return Case(sti_authority, key, repository, verify)


def test_a_certificate_on_its_issuers_list_is_refused_and_says_since_when(case: Case) -> None:
    other = case.issue()
    certificate = case.issue(points(f"{case.repository.url}/list"))
    case.repository.put("/list", revocation_list(case.authority, [other]))
    case.verify(case.verifier(is_hard=True))
    case.repository.put("/list", revocation_list(case.authority, [other, certificate]))
    with pytest.raises(RevokedError, match=r"revoked on 2016-08-15 \(keyCompromise\)") as caught:
        case.verify(case.verifier())
    assert caught.value.status == 437


def test_a_list_is_fetched_once_until_the_next_one_is_there(case: Case) -> None:
    certificate = case.issue(points(f"{case.repository.url}/list"))
    case.repository.put("/list", revocation_list(case.authority, next_s=CLOCK + 100))
    verifier = case.verifier(is_hard=True)
    for _ in range(3):
        case.verify(verifier)
    assert case.asked("/list") == 1
    case.repository.put("/list", revocation_list(case.authority, [certificate]))
    case.now += 101
    with pytest.raises(RevokedError):
        case.verify(verifier)
    assert case.asked("/list") == 2


@pytest.mark.parametrize("is_named", [True, False])
def test_the_indirect_list_of_an_administrator_counts_for_the_issuer_that_it_names(
    case: Case, is_named: bool
) -> None:
    url = f"{case.repository.url}/pa"
    where = points(url, ADMINISTRATOR.certificate.subject)
    certificate = case.issue(*([where] if is_named else []))
    settings = {
        "is_hard": True,
        "signers": [ADMINISTRATOR.certificate],
        **({} if is_named else {"lists": [url]}),
    }
    namesake = Authority("Other").issue(case.key)
    case.repository.put("/pa", revocation_list(ADMINISTRATOR, [namesake], is_indirect=True))
    case.verify(case.verifier(**settings))
    case.repository.put(
        "/pa", revocation_list(ADMINISTRATOR, [namesake, certificate], is_indirect=True)
    )
    with pytest.raises(RevokedError):
        case.verify(case.verifier(**settings))


def stranger(case: Case) -> bytes:
    return revocation_list(case.authority, key=ec.generate_private_key(ec.SECP256R1()))


UNUSABLE: dict[str, tuple[Callable[[Case], bytes], str]] = {
    "of a stranger": (stranger, "signature does not match"),
    "old": (lambda case: revocation_list(case.authority, next_s=CLOCK - 1), "good until"),
    "of the future": (
        lambda case: revocation_list(case.authority, issued_s=CLOCK + 3600),
        "of the future",
    ),
    "of another issuer": (lambda case: revocation_list(ADMINISTRATOR), "of another issuer"),
    "of an administrator whom the certificate does not name": (
        lambda case: revocation_list(ADMINISTRATOR, is_indirect=True),
        "of another issuer",
    ),
    "of authorities": (
        lambda case: revocation_list(
            case.authority, extensions=[scope(only_contains_ca_certs=True)]
        ),
        "other kinds",
    ),
    "of another point": (
        lambda case: revocation_list(
            case.authority,
            extensions=[scope(full_name=[x509.UniformResourceIdentifier("http://x/")])],
        ),
        "another distribution point",
    ),
    "of some reasons": (
        lambda case: revocation_list(
            case.authority,
            extensions=[scope(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise]))],
        ),
        "some reasons",
    ),
    "a difference": (
        lambda case: revocation_list(case.authority, extensions=[x509.DeltaCRLIndicator(1)]),
        "critical, not known",
    ),
    "none": (lambda case: b"<html>", "no revocation list"),
    "empty": (lambda case: b"", "with nothing"),
    "too large": (lambda case: b"x" * 100_001, "no revocation list"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_list_that_says_nothing_refuses_where_told_so_and_is_logged_elsewhere(
    case: Case, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, why = UNUSABLE[name]
    case.issue(points(f"{case.repository.url}/list"))
    case.repository.put("/list", make(case))
    with pytest.raises(CredentialError, match=why) as caught:
        case.verify(case.verifier(is_hard=True, max_bytes=100_000))
    assert not isinstance(caught.value, RevokedError)
    with caplog.at_level(logging.WARNING, "onehttp.identity"):
        case.verify(case.verifier(max_bytes=100_000))
    assert "it is believed" in caplog.text


def test_who_has_not_answered_is_asked_again_later(case: Case) -> None:
    certificate = case.issue(points(f"{case.repository.url}/list"))
    verifier = case.verifier(keep_failures_s=10)
    for _ in range(2):
        case.verify(verifier)
    assert case.asked("/list") == 1
    case.repository.put("/list", revocation_list(case.authority, [certificate]))
    case.now += 11
    with pytest.raises(RevokedError):
        case.verify(verifier)


def test_a_list_that_does_not_come_costs_the_budget_and_no_more(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    with Repository() as silent:
        silent.gate.clear()
        case.issue(points(f"{silent.url}/list"))
        try:
            case.verify(case.verifier(budget_s=0.05))
            with pytest.raises(CredentialError, match="cannot be told"):
                case.verify(case.verifier(budget_s=0.05, is_hard=True))
        finally:
            silent.gate.set()
    assert "it is believed" in caplog.text


def test_a_certificate_that_says_nowhere_to_ask_is_believed_unless_refused(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case.issue()
    case.verify(case.verifier())
    assert caplog.text == ""
    with pytest.raises(CredentialError, match="names no list and no responder"):
        case.verify(case.verifier(is_hard=True))


def ask(case: Case, answer: Callable[[x509.Certificate], bytes]) -> None:
    """Issue a certificate that names a responder, and have that answer."""
    certificate = case.issue(responder_at(f"{case.repository.url}/ocsp/"))
    asked = base64.b64encode(question(certificate, case.authority.certificate)).decode()
    case.repository.put(f"/ocsp/{quote(asked, safe='')}", answer(certificate))


def by_issuer(case: Case, status: ocsp.OCSPCertStatus, **values: Any) -> None:
    own = case.authority.certificate
    ask(case, lambda one: response(one, own, status, own, case.authority.key, **values))


def delegated(case: Case, status: ocsp.OCSPCertStatus, usage: x509.ObjectIdentifier) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    may = x509.ExtendedKeyUsage([usage])
    usages = [(may.oid, may.public_bytes())]
    signer = case.authority.issue(key, common_name="ocsp", extensions=usages)
    own = case.authority.certificate
    ask(case, lambda one: response(one, own, status, signer, key))


def test_a_responder_is_asked_and_believed(case: Case) -> None:
    by_issuer(case, Good)
    verifier = case.verifier(is_hard=True)
    case.verify(verifier)
    case.verify(verifier)
    assert sum(b" /ocsp/" in request for request in case.repository.requests) == 1
    by_issuer(case, Revoked)
    with pytest.raises(RevokedError, match="keyCompromise"):
        case.verify(case.verifier())
    case.verify(case.verifier(use_responders=False))


def test_a_responder_may_be_whom_the_issuer_has_certified_for_that(case: Case) -> None:
    signs = x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING
    delegated(case, Good, signs)
    case.verify(case.verifier(is_hard=True))
    delegated(case, Revoked, signs)
    with pytest.raises(RevokedError):
        case.verify(case.verifier())
    delegated(case, Good, x509.oid.ExtendedKeyUsageOID.CODE_SIGNING)
    with pytest.raises(CredentialError, match="may not speak for the issuer"):
        case.verify(case.verifier(is_hard=True))


def test_a_response_that_says_nothing_is_none(case: Case) -> None:
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    other = case.issue()
    own, key = case.authority.certificate, case.authority.key
    impostor = Authority()  # of the same name
    forger, by_name = (impostor.certificate, impostor.key), ocsp.OCSPResponderEncoding.NAME
    for answer, why in (
        (lambda _: refused.public_bytes(RAW), "try_later"),
        (lambda _: b"<html>", "no OCSP response"),
        (lambda _: response(other, own, Good, own, key), "of another certificate"),
        (lambda one: response(one, own, Unknown, own, key), "does not know"),
        (lambda one: response(one, own, Good, own, key, next_s=CLOCK - 1), "good until"),
        (lambda one: response(one, own, Good, *forger), "may not speak for the issuer"),
        (
            lambda one: response(one, own, Good, *forger, named_by=by_name),
            "signature does not match",
        ),
        (
            lambda one: response(one, own, Good, ADMINISTRATOR.certificate, ADMINISTRATOR.key),
            "may not speak for the issuer",
        ),
    ):
        ask(case, answer)
        with pytest.raises(CredentialError, match=why):
            case.verify(case.verifier(is_hard=True))


def test_a_responder_is_asked_where_the_list_says_nothing(case: Case) -> None:
    list_at = points(f"{case.repository.url}/nothing")
    certificate = case.issue(list_at, responder_at(f"{case.repository.url}/ocsp"))
    own, key = case.authority.certificate, case.authority.key
    asked = base64.b64encode(question(certificate, own)).decode()
    case.repository.put(
        f"/ocsp/{quote(asked, safe='')}", response(certificate, own, Revoked, own, key)
    )
    with pytest.raises(RevokedError):
        case.verify(case.verifier())


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="who may sign them"):
        Revocation(lists=["http://x/"])
    with pytest.raises(ConfigurationError, match="a sequence of URLs"):
        Revocation(lists="http://x/", signers=[ADMINISTRATOR.certificate])
    with pytest.raises(ConfigurationError, match="at least 1"):
        Revocation(max_answers=0)
