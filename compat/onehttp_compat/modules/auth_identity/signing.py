"""The authentication service: adds Date, Identity and Identity-Info."""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from onehttp import ConfigurationError
from onehttp.identity import InvalidIdentityError, format_date, parse_date
from onehttp_compat.modules.auth_identity.digest import digest_string, received_body
from onehttp_compat.modules.auth_identity.headers import IdentityInfo
from onehttp_compat.parameters import AuthIdentityParameters
from onehttp_compat.sip.request import SipRequest

_log = logging.getLogger("onehttp_compat.auth_identity")
_one_line = re.compile(r"[!-~]+").fullmatch


class _Generated(threading.local):
    """A request without Date, and the date that was added to it. Each thread has its own."""

    of: tuple[bytes, str] | None = None


class AuthenticationService:
    """Signs requests with the key of this server.

    Raises:
        ConfigurationError: the key or certificate cannot be used, or the certificate is not valid
            now.
    """

    def __init__(
        self, parameters: AuthIdentityParameters, is_faithful: bool, clock: Callable[[], float]
    ) -> None:
        self._key = _private_key(parameters.privatekey_path)
        self._certificate = _certificate(parameters.certificate_path)
        self._msg_timeout_s = parameters.msg_timeout
        self._is_faithful = is_faithful
        self._clock = clock
        if not _one_line(parameters.certificate_url):
            raise ConfigurationError("not a URL", key="certificate_url")
        self._info = IdentityInfo(parameters.certificate_url)
        self._generated = _Generated()
        self._expires_at = self._certificate.not_valid_after_utc.timestamp()
        starts_at = self._certificate.not_valid_before_utc.timestamp()
        if not starts_at <= clock() <= self._expires_at:
            raise ConfigurationError("the certificate is not valid now", key="certificate_path")

    def process_date(self, request: SipRequest) -> int:
        """``auth_date_proc``: check that the request's date is current and that the certificate is
        valid at that date."""
        self._generated.of = None
        now = self._clock()
        text = request.header("Date")
        when = now
        if text is not None:
            try:
                when = parse_date(text)
            except InvalidIdentityError as error:
                _log.error("auth_date_proc: %s", error)
                return -1
            if abs(now - when) > self._msg_timeout_s:
                _log.info("auth_date_proc: Date is %d s from now", abs(now - when))
                return -6
        if when > self._expires_at:
            _log.info("auth_date_proc: the certificate expires before the request's date")
            return -8
        if text is None:
            date = format_date(now)
            self._generated.of = (request.received, date)
            request.add("Date", date)
        return 1

    def add_identity(self, request: SipRequest) -> int:
        """``auth_add_identity``: sign the request and add both headers."""
        date, is_received = request.header("Date"), True
        if date is None:
            date, is_received = self._date_given_to(request), False
            if date is None:
                _log.error("auth_add_identity: no Date header, and auth_date_proc added none")
                return -2
        try:
            parse_date(date)
        except InvalidIdentityError as error:
            _log.error("auth_add_identity: %s", error)
            return -1
        try:
            body = self._outgoing_body(request)
            digest = digest_string(request, date, body, is_lenient=self._is_faithful)
        except InvalidIdentityError as error:
            _log.error("auth_add_identity: %s", error)
            return -4 if is_received else -3
        signature = base64.b64encode(self._key.sign(digest, PKCS1v15(), SHA1())).decode()
        if request.header("Content-Length") is None and request.transport == "udp":
            request.add("Content-Length", str(len(body)))
        request.add("Identity", f'"{signature}"')
        request.add("Identity-Info", str(self._info))
        return 1

    def _date_given_to(self, request: SipRequest) -> str | None:
        if self._generated.of is None:
            return None
        of, date = self._generated.of
        return date if self._is_faithful or of == request.received else None

    def _outgoing_body(self, request: SipRequest) -> bytes:
        has_length = request.header("Content-Length") is not None
        return received_body(request) if has_length else request.body


def _private_key(path: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except OSError as error:
        raise _unusable("privatekey_path", f"cannot be read: {error.strerror}", path) from None
    except (ValueError, TypeError):
        reason = "not a private key in PEM form without password"
        raise _unusable("privatekey_path", reason, path) from None
    if not isinstance(key, RSAPrivateKey):
        raise _unusable("privatekey_path", "not an RSA key", path)
    return key


def _certificate(path: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(Path(path).read_bytes())
    except OSError as error:
        raise _unusable("certificate_path", f"cannot be read: {error.strerror}", path) from None
    except ValueError:
        raise _unusable("certificate_path", "not a certificate in PEM form", path) from None


def _unusable(key: str, reason: str, path: str) -> ConfigurationError:
    return ConfigurationError(reason, file=path, key=key)
