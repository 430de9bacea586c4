"""The verification service: checks ``Identity`` headers (RFC 8224, section 6.2)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from onehttp.errors import ConfigurationError
from onehttp.identity.claims import (
    KINDS,
    Claims,
    check_token_header,
    read_claims,
    token_header,
)
from onehttp.identity.dates import parse_date
from onehttp.identity.diversions import Candidate, DiversionChain, VerifiedIdentity
from onehttp.identity.errors import (
    CredentialError,
    IdentityError,
    InvalidIdentityError,
    MissingIdentityError,
    StaleIdentityError,
)
from onehttp.identity.fetching import CertificateFetcher, FetchRules
from onehttp.identity.header import IdentityHeader, parse_header
from onehttp.identity.parties import Party, as_party
from onehttp.identity.passport import Passport, parse, signing_input
from onehttp.identity.revocation import Revocation
from onehttp.identity.single_flight import SingleFlight
from onehttp.identity.trust import TrustedCertificate, TrustStore, vouches_for_domain

MAX_HEADERS: Final = 16
NO_RULES: Final = FetchRules()


class _Checked(NamedTuple):
    """A certificate, and the time until which it is known not to be revoked."""

    certificate: TrustedCertificate
    until: float


class Verifier:
    """Verifies ``Identity`` headers. One object can be shared by all threads and tasks.

        verifier = Verifier(TrustStore.from_files("authorities.pem"))
        verified = verifier.verify(identity, orig="+12025550100", dest="+12025550199", date=date)

    Args:
        trust: the authorities that may certify signers.
        rules: how certificates are fetched.
        max_age_s: how many seconds ``iat`` and ``Date`` may differ from now, in either direction.
        keep_s: how many seconds a certificate is cached, at most until it expires.
        keep_failures_s: after a certificate could not be fetched: for how many seconds the same
            error is given again without another attempt.
        max_certificates: how many certificates are cached.
        authorise: called with a service provider code and a telephone number, for certificates
            that list no numbers: whether the code covers the number. By default every code covers
            every number.
        revocation: checks whether certificates were revoked, when they are fetched and again when
            its last answer expires. By default nothing is checked, so a stolen key can be used
            until its certificate expires.
        clock: the time in seconds since 1970; for tests.
    """

    def __init__(
        self,
        trust: TrustStore,
        *,
        rules: FetchRules = NO_RULES,
        max_age_s: float = 60.0,
        keep_s: float = 3600.0,
        keep_failures_s: float = 30.0,
        max_certificates: int = 4096,
        authorise: Callable[[str, str], bool] | None = None,
        revocation: Revocation | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if max_certificates < 1:
            raise ConfigurationError("max_certificates: at least 1")
        self._trust = trust
        self._fetcher = CertificateFetcher(rules)
        self._max_age_s = max_age_s
        self._authorise = authorise
        self._clock = clock
        self._revocation = revocation
        self._certificates: SingleFlight[_Checked] = SingleFlight(
            self._load,
            self._aload,
            lambda checked: min(checked.certificate.valid_until, checked.until),
            max_items=max_certificates,
            keep_s=keep_s,
            keep_failures_s=keep_failures_s,
            clock=clock,
        )

    def verify(
        self, identity: str, *, orig: Party | str, dest: Party | str, date: str | None = None
    ) -> VerifiedIdentity:
        """Verify one ``Identity`` header of a request.

        Args:
            identity: the value of the header.
            orig: the caller, as the request names it: `Party.from_header` of its ``From``.
            dest: the called party: `Party.from_header` of its ``To``.
            date: the value of its ``Date`` header; needed for tokens in compact form.

        Raises:
            IdentityError: the header cannot be trusted. ``status`` and ``reason`` of the error
                are those of the SIP reply to send.
        """
        called = as_party(dest)
        candidate = self._candidate(identity, as_party(orig), called, date)
        _check_original(candidate.claims, called)
        return self._believed(candidate, self._certificates.get(candidate.header.info).certificate)

    async def averify(
        self, identity: str, *, orig: Party | str, dest: Party | str, date: str | None = None
    ) -> VerifiedIdentity:
        """`verify`, awaitable."""
        called = as_party(dest)
        candidate = self._candidate(identity, as_party(orig), called, date)
        _check_original(candidate.claims, called)
        checked = await self._certificates.aget(candidate.header.info)
        return self._believed(candidate, checked.certificate)

    def verify_diverted(
        self,
        identities: Sequence[str],
        *,
        orig: Party | str,
        dest: Party | str,
        date: str | None = None,
    ) -> tuple[VerifiedIdentity, ...]:
        """Verify the ``Identity`` headers of a diverted call (RFC 8946).

        Args:
            identities: the values of all ``Identity`` headers, in any order. Kinds of tokens that
                are not supported are ignored.
            orig, dest, date: see `verify`; ``dest`` is the party that is called now.

        Returns:
            The original call first, then each diversion, up to ``dest``.

        Raises:
            IdentityError: a link of this chain is missing or cannot be trusted.
        """
        chain = self._chain(identities, as_party(orig), as_party(dest), date)
        while (url := chain.wanted) is not None:
            try:
                chain.go_on(self._certificates.get(url).certificate)
            except IdentityError as error:
                chain.refuse(error)
        return chain.found()

    async def averify_diverted(
        self,
        identities: Sequence[str],
        *,
        orig: Party | str,
        dest: Party | str,
        date: str | None = None,
    ) -> tuple[VerifiedIdentity, ...]:
        """`verify_diverted`, awaitable."""
        chain = self._chain(identities, as_party(orig), as_party(dest), date)
        while (url := chain.wanted) is not None:
            try:
                chain.go_on((await self._certificates.aget(url)).certificate)
            except IdentityError as error:
                chain.refuse(error)
        return chain.found()

    def _chain(
        self, identities: Sequence[str], orig: Party, dest: Party, date: str | None
    ) -> DiversionChain:
        if not 0 < len(identities) <= MAX_HEADERS:
            raise MissingIdentityError(f"{len(identities)} Identity headers; 1 to {MAX_HEADERS}")
        candidates, problem = [], None
        for one in identities:
            # A header that a stranger added must not make the valid ones fail.
            try:
                candidates.append(self._candidate(one, orig, dest, date))
            except MissingIdentityError:
                continue
            except IdentityError as error:
                problem = problem or error
        return DiversionChain(candidates, dest, self._believed, problem)

    def _candidate(self, identity: str, orig: Party, dest: Party, date: str | None) -> Candidate:
        header = parse_header(identity)
        if header.alg != "ES256":
            raise CredentialError(f"Identity: algorithm {header.alg[:20]!r}; only ES256 is known")
        if header.ppt not in KINDS:
            raise MissingIdentityError(f"Identity: kind {str(header.ppt)[:20]!r} is not known here")
        passport = parse(header.token)
        now = self._clock()
        sent_at = None
        if date is not None:
            sent_at = parse_date(date)
            self._check_age("Date", sent_at, now)
        if not passport.header:
            passport, claims = _put_together(header, passport, orig, dest, sent_at)
        else:
            check_token_header(passport.header, header.info, header.ppt)
            claims = read_claims(passport.claims, header.ppt)
            self._check_age("iat", claims.iat, now)
        if claims.orig != orig:
            raise InvalidIdentityError(f"signed for a call of {claims.orig}, not of {orig}")
        return Candidate(header, passport, claims)

    def _check_age(self, name: str, when: int, now: float) -> None:
        # Both are whole seconds by what they are made of (RFC 8224, 6.2.1; RFC 7519, 2).
        age_s = int(now) - when
        if abs(age_s) > self._max_age_s:
            where = "in the past" if age_s > 0 else "in the future"
            raise StaleIdentityError(
                f"{name} is {abs(age_s)} s {where}; {self._max_age_s:.0f} s are allowed, "
                "if both clocks are right"
            )

    def _believed(self, candidate: Candidate, trusted: TrustedCertificate) -> VerifiedIdentity:
        now = self._clock()
        if not trusted.valid_from <= now <= trusted.valid_until:
            raise CredentialError("the certificate is not valid now")
        claims = candidate.claims
        self._check_authority(trusted, claims.div or claims.orig)
        for constraint in trusted.constraints:
            constraint.check(candidate.passport.claims)
        if not candidate.passport.is_signed_by(trusted.key):
            raise InvalidIdentityError("the signature does not match")
        return VerifiedIdentity(
            claims=claims,
            ppt=candidate.header.ppt,
            x5u=candidate.header.info,
            certificate=trusted,
        )

    def _check_authority(self, trusted: TrustedCertificate, party: Party) -> None:
        """A number needs a ``TNAuthList`` that covers it, a URI a certificate of its domain."""
        if party.domain is not None:
            if not vouches_for_domain(trusted.certificate, party.domain):
                raise CredentialError(f"the certificate is not one of {party.domain}")
            return
        numbers, number = trusted.numbers, party.tn or ""
        if numbers is None:
            raise CredentialError("the certificate names no telephone numbers (RFC 8226)")
        authorise = self._authorise or (lambda code, number: True)
        for scope, whose in (
            (numbers, "certificate"),
            *((one, "issuer") for one in trusted.scopes),
        ):
            if not scope.names(number) and not any(authorise(code, number) for code in scope.codes):
                raise CredentialError(f"the {whose} does not cover {number}")

    def _load(self, url: str) -> _Checked:
        trusted = self._trust.trusted(self._fetcher.fetch(url), self._clock())
        if self._revocation is None:
            return _Checked(trusted, math.inf)
        return _Checked(trusted, self._revocation.check(trusted.chain))

    async def _aload(self, url: str) -> _Checked:
        trusted = self._trust.trusted(await self._fetcher.afetch(url), self._clock())
        if self._revocation is None:
            return _Checked(trusted, math.inf)
        return _Checked(trusted, await self._revocation.acheck(trusted.chain))


def _put_together(
    header: IdentityHeader, passport: Passport, orig: Party, dest: Party, sent_at: int | None
) -> tuple[Passport, Claims]:
    """Rebuild the parts that a compact token omits from the request (RFC 8224, 4.1.2)."""
    if header.ppt is not None:
        raise InvalidIdentityError(f"a {header.ppt} PASSporT cannot be compact")
    if sent_at is None:
        raise InvalidIdentityError("a compact PASSporT, and no Date header")
    claims = Claims(orig=orig, dest=(dest,), iat=sent_at)
    objects = token_header(header.info, None), claims.as_json()
    return Passport(*objects, signing_input(*objects), passport.signature), claims


def _check_original(claims: Claims, dest: Party) -> None:
    if claims.div is not None:
        # A diverting party is responsible for the number called before, not for the caller.
        raise InvalidIdentityError("a diversion proves no caller; verify_diverted follows it back")
    if dest not in claims.dest:
        raise InvalidIdentityError(f"signed for a call to {claims.dest[0]}, not to {dest}")
