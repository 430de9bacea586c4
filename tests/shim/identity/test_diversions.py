"""Diverted calls (RFC 8946): followed to their origin, or refused."""

from __future__ import annotations

import pytest

from onehttp.identity import (
    CredentialError,
    InvalidIdentityError,
    Signer,
    Verifier,
)
from servers.sti import (
    CALLED,
    CALLER,
)


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
