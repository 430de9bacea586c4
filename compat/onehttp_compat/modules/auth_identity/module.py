"""Module ``auth_identity`` (until 5.7): SIP Identity by RFC 4474.

Light until one of its functions is called or it is configured; then it needs the extra
``identity``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from onehttp import ConfigurationError, OnehttpError
from onehttp_compat.parameters import AuthIdentityParameters, set_parameter
from onehttp_compat.process import LegacyProcess
from onehttp_compat.sip.request import SipRequest

if TYPE_CHECKING:
    from onehttp_compat.modules.auth_identity.signing import AuthenticationService
    from onehttp_compat.modules.auth_identity.verification import VerificationService

RECOMMENDED_REPLIES: Final = {
    "auth_date_proc": (403, "Forbidden"),
    "auth_add_identity": (480, "Temporarily Unavailable"),
    "vrfy_check_date": (403, "Outdated Date header"),
    "vrfy_get_certificate": (436, "Bad Identity-Info"),
    "vrfy_check_certificate": (437, "Unsupported Certificate"),
    "vrfy_check_msgvalidity": (438, "Invalid Identity Header"),
    "vrfy_check_callid": (403, "Message is replayed"),
}
"""What scripts reply when a function fails. The module itself never replied."""
WITHOUT_IDENTITY: Final = (428, "Use Identity Header")

_FORBIDS_SHA1: Final = (
    "RFC 4474 signs with SHA-1, which is off unless allow_sha1 is 1; "
    "RFC 8224 (onehttp.identity) is the way out"
)
_AT_LEAST_ONE: Final = (
    *("msg_timeout", "auth_validity_time", "callid_cache_limit", "certificate_cache_limit"),
    "download_timeout",
)
_log = logging.getLogger("onehttp_compat.auth_identity")


class NoRequestError(OnehttpError, RuntimeError):
    """A function was called, and there is no SIP request for it to work on."""


class AuthIdentity:
    """The module's state in one server process. The clock is seconds since 1970."""

    counter_group = None

    def __init__(self, server: LegacyProcess, clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self.clock = clock
        self.parameters = AuthIdentityParameters()
        self._signer: AuthenticationService | None = None
        self._verifier: VerificationService | None = None
        self._making = threading.Lock()  # guards _verifier: all threads share its tables

    def set(self, name: str, value: object) -> None:
        """One ``modparam("auth_identity", name, value)``."""
        bugs = self._server.legacy_bugs
        self.parameters = set_parameter(self.parameters, "auth_identity", name, value, bugs)
        # Seconds on a slow disk: now, and not in each process of a server at its first message.
        from onehttp_compat.modules.auth_identity import signing, verification  # noqa: F401 - loaded

    def start(self) -> None:
        """Read key, certificate and authorities.

        Raises:
            ConfigurationError: one of them cannot be used, a limit allows nothing; (fixed)
                signing without ``allow_sha1``.
        """
        parameters = self.parameters
        if parameters == AuthIdentityParameters():
            return  # not configured: most scripts do without
        for name in _AT_LEAST_ONE:
            if getattr(parameters, name) < 1:
                raise ConfigurationError("at least 1", key=f'modparam("auth_identity", "{name}")')
        verifier = self.verifier  # now, and not while the first message waits
        if parameters.cainfo_path:
            _ = verifier.trust
        pair = (parameters.privatekey_path, parameters.certificate_path)
        if not all(pair) or not parameters.certificate_url:
            _log.warning(
                "auth_identity: key, certificate and its URL are not all given: no signing"
            )
            return
        if not self._allows_sha1:
            raise ConfigurationError(_FORBIDS_SHA1, key='modparam("auth_identity", "allow_sha1")')
        from onehttp_compat.modules.auth_identity.signing import AuthenticationService

        self._signer = AuthenticationService(parameters, self._server.is_faithful, self._now)

    @property
    def verifier(self) -> VerificationService:
        """The verifier's state, made when first needed."""
        with self._making:
            if self._verifier is None:
                from onehttp_compat.modules.auth_identity.verification import VerificationService

                self._verifier = VerificationService(
                    self.parameters, self._server.is_faithful, self._now
                )
            return self._verifier

    def auth_date_proc(self, *, is_kemi: bool = False) -> int:
        """1, or -1 to -8: see the migration page."""
        return self._signed("auth_date_proc", lambda signer: signer.process_date(self._request()))

    def auth_add_identity(self, *, is_kemi: bool = False) -> int:
        """1, or -1 to -10."""
        return self._signed(
            "auth_add_identity", lambda signer: signer.add_identity(self._request())
        )

    def vrfy_check_date(self, *, is_kemi: bool = False) -> int:
        """1; -1 no date, -4 outdated."""
        return self.verifier.check_date(self._request())

    def vrfy_get_certificate(self, *, is_kemi: bool = False) -> int:
        """1; -3 no Identity-Info, -5 algorithm, -6 no answer, -7 no certificate."""
        if not self._allows_sha1:
            _log.error("vrfy_get_certificate: %s", _FORBIDS_SHA1)
            return -5
        return self.verifier.get_certificate(self._request())

    def vrfy_check_certificate(self, *, is_kemi: bool = False) -> int:
        """1; -1 none, -2 From, -3 not trusted, -4 of another domain."""
        return self.verifier.check_certificate(self._request())

    def vrfy_check_msgvalidity(self, *, is_kemi: bool = False) -> int:
        """1; -1 no certificate or Identity, -2 too long, -3 forged, -5 request malformed."""
        return self.verifier.check_message(self._request())

    def vrfy_check_callid(self, *, is_kemi: bool = False) -> int:
        """1; -1 Call-ID, -2 CSeq, -3 its number, -4 From, -6 replayed."""
        return self.verifier.check_callid(self._request())

    @property
    def _allows_sha1(self) -> bool:
        return self._server.is_faithful or bool(self.parameters.allow_sha1)

    def _now(self) -> float:
        return self.clock()

    def _signed(self, name: str, work: Callable[[AuthenticationService], int]) -> int:
        if self._signer is None:
            _log.warning("%s: signing is not configured", name)
            return -1
        return work(self._signer)

    def _request(self) -> SipRequest:
        request = self._server.pv.request
        if request is None:
            raise NoRequestError(
                "no SIP request to work on; hand it over by onehttp_compat.auth_identity.receive()"
            )
        return request
