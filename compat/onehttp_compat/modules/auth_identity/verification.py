"""The verifier: gets and checks the certificate, verifies the signature and detects replays."""

from __future__ import annotations

import base64
import binascii
import functools
import logging
import re
import threading
from collections.abc import Callable
from typing import Final

from cachetools import TLRUCache, TTLCache
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1

import onehttp
from onehttp import ConfigurationError
from onehttp.identity import (
    PEM_MARK,
    UNREADABLE,
    CertificateFetcher,
    CredentialError,
    FetchRules,
    IdentityError,
    InvalidIdentityError,
    SingleFlight,
    TrustStore,
    parse_date,
    read_certificates,
    vouches_for_domain,
)
from onehttp_compat.modules.auth_identity.digest import (
    cseq_number,
    digest_string,
    read_cseq,
    received_body,
)
from onehttp_compat.modules.auth_identity.headers import (
    ALGORITHM,
    parse_identity,
    parse_identity_info,
)
from onehttp_compat.parameters import AuthIdentityParameters
from onehttp_compat.sip.request import SipRequest, addr_spec, from_tag

MAX_CERTIFICATE_BYTES: Final = 8191
MAX_IDENTITY_LENGTH: Final = 1024
_sip_host = re.compile(
    r"sips?:(?:[^@\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^:;?@\[\]\s]+)", re.IGNORECASE
).match
_log = logging.getLogger("onehttp_compat.auth_identity")


class _VerificationData(threading.local):
    """Data that one process of the server (here: one thread) keeps between the steps."""

    certificate: x509.Certificate | None = None
    url = ""
    was_checked = False
    """It comes from the table of checked certificates."""


class VerificationService:
    """Verifies requests one after the other, and holds the certificate between the steps."""

    def __init__(
        self, parameters: AuthIdentityParameters, is_faithful: bool, clock: Callable[[], float]
    ) -> None:
        self._parameters = parameters
        self._is_faithful = is_faithful
        self._clock = clock
        self._fetcher = CertificateFetcher(_rules(parameters, is_faithful), headers=())
        self._fetched: SingleFlight[bytes] = SingleFlight(
            self._fetch,
            self._fetcher.afetch,
            lambda _: 0.0,
            max_items=parameters.certificate_cache_limit,
            keep_s=0.0,  # checked certificates, which are kept
            keep_failures_s=0 if is_faithful else parameters.failure_cache_time,
            clock=clock,
        )
        self._checked: TLRUCache[str, x509.Certificate] = TLRUCache(
            parameters.certificate_cache_limit,
            lambda _, certificate, __: certificate.not_valid_after_utc.timestamp(),
            clock,
        )
        self._dialogs: TTLCache[tuple[str, str], list[int]] = TTLCache(
            parameters.callid_cache_limit, parameters.auth_validity_time, clock
        )
        self._tables = threading.Lock()  # guards _checked and _dialogs, which all threads share
        self._held = _VerificationData()

    @functools.cached_property
    def trust(self) -> TrustStore:
        """The certificate authorities of the system, and those of ``cainfo_path``.

        Raises:
            ConfigurationError: there are none.
        """
        path = self._parameters.cainfo_path
        return TrustStore.from_system(*([path] if path else []))

    def check_date(self, request: SipRequest) -> int:
        """``vrfy_check_date``: the date is not too old and, in fixed mode, not in the future."""
        try:
            when = parse_date(_present(request, "Date"))
        except InvalidIdentityError as error:
            _log.error("vrfy_check_date: %s", error)
            return -1
        now = self._clock()
        is_ahead = when > now + self._parameters.msg_timeout and not self._is_faithful
        if now > when + self._parameters.auth_validity_time or is_ahead:
            _log.info("vrfy_check_date: Date is %d s from now", abs(now - when))
            return -4
        return 1

    def get_certificate(self, request: SipRequest) -> int:
        """``vrfy_get_certificate``: take the certificate from the table, or fetch it from the
        address in Identity-Info."""
        held = self._held
        held.certificate = None
        try:
            info = parse_identity_info(_present(request, "Identity-Info"))
        except InvalidIdentityError as error:
            _log.error("vrfy_get_certificate: %s", error)
            return -3
        if info.algorithm != ALGORITHM:
            _log.error("vrfy_get_certificate: algorithm %s is not known", info.algorithm)
            return -5
        with self._tables:
            known = self._checked.get(info.url)
        if known is not None:
            held.certificate, held.url, held.was_checked = known, info.url, True
            return 1
        try:
            data = self._fetched.get(info.url)
        except IdentityError as error:
            _log.error("vrfy_get_certificate: %s", error)
            return -6
        try:
            held.certificate = self._read(data)
        except CredentialError as error:
            _log.error("vrfy_get_certificate: %s", error)
            return -7
        held.url, held.was_checked = info.url, False
        return 1

    def check_certificate(self, request: SipRequest) -> int:
        """``vrfy_check_certificate``: it is trusted, valid, and belongs to the caller's domain.

        In faithful mode a certificate from the table is not checked again. So it counts for every
        domain, even if it was checked for another one.
        """
        certificate = self._held.certificate
        sender = request.header("From")
        if certificate is None or sender is None:
            _log.error("vrfy_check_certificate: no %s", "From" if certificate else "certificate")
            return -1
        host = _sip_host(addr_spec(sender) or "")
        if host is None:
            _log.error("vrfy_check_certificate: From: no SIP address")
            return -2
        if self._held.was_checked and self._is_faithful:
            return 1
        try:
            self.trust.chain(certificate, [], self._clock())
        except (CredentialError, ConfigurationError) as error:
            _log.error("vrfy_check_certificate: %s", error)
            return -3
        if not vouches_for_domain(certificate, host[1]):
            _log.info("vrfy_check_certificate: the certificate is not one of %s", host[1])
            return -4
        with self._tables:
            self._checked[self._held.url] = certificate
        return 1

    def check_message(self, request: SipRequest) -> int:
        """``vrfy_check_msgvalidity``: verify the signature, and then release the certificate."""
        certificate, self._held.certificate = self._held.certificate, None
        if certificate is None:
            _log.error("vrfy_check_msgvalidity: no certificate")
            return -1
        try:
            identity = parse_identity(_present(request, "Identity"))
        except InvalidIdentityError as error:
            _log.error("vrfy_check_msgvalidity: %s", error)
            return -1
        if len(identity) > MAX_IDENTITY_LENGTH:
            _log.error("vrfy_check_msgvalidity: Identity of %d characters", len(identity))
            return -2
        try:
            date, body = _present(request, "Date"), received_body(request)
            digest = digest_string(request, date, body, is_lenient=self._is_faithful)
        except InvalidIdentityError as error:
            _log.error("vrfy_check_msgvalidity: %s", error)
            return -5
        if not _is_signed(digest, identity, certificate):
            _log.info("vrfy_check_msgvalidity: the signature does not match")
            return -3
        return 1

    def check_callid(self, request: SipRequest) -> int:
        """``vrfy_check_callid``: no earlier request of this dialogue had this CSeq number or a
        higher one."""
        call_id, cseq, sender = (request.header(name) for name in ("Call-ID", "CSeq", "From"))
        if not call_id:
            return _missing("vrfy_check_callid", "Call-ID", -1)
        try:
            digits, _ = read_cseq(cseq or "")
        except InvalidIdentityError:
            return _missing("vrfy_check_callid", "CSeq", -2)
        try:
            number = cseq_number(digits)
        except InvalidIdentityError:
            return _missing("vrfy_check_callid", "CSeq number", -3)
        if sender is None:
            return _missing("vrfy_check_callid", "From", -4)
        if self._note_dialog((call_id, from_tag(sender)), number):
            return 1
        _log.info("vrfy_check_callid: replayed: CSeq %d of %s", number, call_id)
        return -6

    def _note_dialog(self, dialog: tuple[str, str], number: int) -> bool:
        """Whether ``number`` is new in its dialogue."""
        with self._tables:
            highest = self._dialogs.get(dialog)
            if highest is not None and number <= highest[0]:
                return False
            if highest is not None and self._is_faithful:
                highest[0] = number  # the lifetime of the entry does not start again
            else:
                self._dialogs[dialog] = [number]
        return True

    def _fetch(self, url: str) -> bytes:
        try:
            onehttp.backend()
        except onehttp.NotInitialisedError:
            onehttp.init()
        return self._fetcher.fetch(url)

    def _read(self, data: bytes) -> x509.Certificate:
        if PEM_MARK in data and not self._parameters.accept_pem_certs:
            raise CredentialError("a certificate in PEM form, and accept_pem_certs is 0")
        return read_certificates(data)[0]


def _rules(parameters: AuthIdentityParameters, is_faithful: bool) -> FetchRules:
    return FetchRules(
        timeout_s=float(parameters.download_timeout),
        connect_timeout_s=0.0,
        max_bytes=MAX_CERTIFICATE_BYTES,
        allow_http=True,
        allow_private=is_faithful or bool(parameters.allow_private),
        ca_file=parameters.cainfo_path or None,
        user_agent=parameters.user_agent,
    )


def _is_signed(digest: bytes, identity: str, certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(base64.b64decode(identity), digest, PKCS1v15(), SHA1())
    except (InvalidSignature, binascii.Error, *UNREADABLE):
        return False
    return True


def _present(request: SipRequest, name: str) -> str:
    text = request.header(name)
    if text is None:
        raise InvalidIdentityError(f"no {name} header")
    return text


def _missing(function: str, what: str, code: int) -> int:
    _log.error("%s: %s missing or malformed", function, what)
    return code
