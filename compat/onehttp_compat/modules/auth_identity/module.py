"""Module ``auth_identity`` (until 5.7): SIP Identity by RFC 4474.

The import is cheap. The extra ``identity`` is needed once the module is configured or one of its
functions is called.
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
"""The replies that scripts should send when a function fails. The module itself never replied."""
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
    """A function was called, but there is no SIP request that it could work on."""


class AuthIdentity:
    """The state of the module in one server process. ``clock`` gives seconds since 1970."""

    counter_group = None

    def __init__(self, server: LegacyProcess, clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self.clock = clock
        self.parameters = AuthIdentityParameters()
        self._signer: AuthenticationService | None = None
        self._verifier: VerificationService | None = None
        self._making = threading.Lock()  # guards _verifier: its tables are shared by all threads

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam("auth_identity", name, value)`` does."""
        bugs = self._server.legacy_bugs
        self.parameters = set_parameter(self.parameters, "auth_identity", name, value, bugs)
        # This import takes seconds on a slow disk, so it is done before the first message of a
        # process.
        from onehttp_compat.modules.auth_identity import signing, verification  # noqa: F401 - loaded

    def start(self) -> None:
        """Read the key, the certificate and the certificate authorities.

        Raises:
            ConfigurationError: one of them cannot be used, or a limit would refuse everything;
                (fixed) the module is to sign, but ``allow_sha1`` is not set.
        """
        parameters = self.parameters
        if parameters == AuthIdentityParameters():
            return  # not configured, as in most scripts
        for name in _AT_LEAST_ONE:
            if getattr(parameters, name) < 1:
                raise ConfigurationError("at least 1", key=f'modparam("auth_identity", "{name}")')
        verifier = self.verifier  # now, so that the first message does not wait
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
        """The state of the verifier, which is made at its first use."""
        with self._making:
            if self._verifier is None:
                from onehttp_compat.modules.auth_identity.verification import VerificationService

                self._verifier = VerificationService(
                    self.parameters, self._server.is_faithful, self._now
                )
            return self._verifier

    def auth_date_proc(self, *, is_kemi: bool = False) -> int:
        """1 on success, or -1 to -8: see the migration page."""
        return self._signed("auth_date_proc", lambda signer: signer.process_date(self._request()))

    def auth_add_identity(self, *, is_kemi: bool = False) -> int:
        """1 on success, or -1 to -10: see the migration page."""
        return self._signed(
            "auth_add_identity", lambda signer: signer.add_identity(self._request())
        )

    def vrfy_check_date(self, *, is_kemi: bool = False) -> int:
        """1 on success; -1 if there is no date, -4 if it is outdated."""
        return self.verifier.check_date(self._request())

    def vrfy_get_certificate(self, *, is_kemi: bool = False) -> int:
        """1 on success; -3 without Identity-Info, -5 for an unknown algorithm, -6 without an
        answer, -7 if the answer is no certificate."""
        if not self._allows_sha1:
            _log.error("vrfy_get_certificate: %s", _FORBIDS_SHA1)
            return -5
        return self.verifier.get_certificate(self._request())

    def vrfy_check_certificate(self, *, is_kemi: bool = False) -> int:
        """1 on success; -1 without a certificate, -2 for a bad From, -3 if it is not trusted, -4 if
        it belongs to another domain."""
        return self.verifier.check_certificate(self._request())

    def vrfy_check_msgvalidity(self, *, is_kemi: bool = False) -> int:
        """1 on success; -1 without a certificate or Identity, -2 if Identity is too long, -3 for a
        wrong signature, -5 for a malformed request."""
        return self.verifier.check_message(self._request())

    def vrfy_check_callid(self, *, is_kemi: bool = False) -> int:
        """1 on success; -1 for a bad Call-ID, -2 for a bad CSeq, -3 for its number, -4 for a bad
        From, -6 for a replay."""
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
