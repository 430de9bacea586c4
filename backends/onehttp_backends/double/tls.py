"""`Tls` as an SSL context of the standard library, and what that does not check by itself."""

from __future__ import annotations

import ssl
from typing import Any, Final

from onehttp_backends.certificates.pem import Pem
from onehttp_backends.certificates.x509 import pin_of_certificate, pin_of_file
from onehttp_backends.contract import Proxy, Tls, TlsVersion
from onehttp_backends.errors import CurlCode, Phase, transfer_error

_VERSIONS: Final = {
    TlsVersion.TLS_1_0: ssl.TLSVersion.TLSv1,
    TlsVersion.TLS_1_1: ssl.TLSVersion.TLSv1_1,
    TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3,
}

_CURVE_NAMES: Final = {"P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1"}


def tls_context(tls: Tls, *, as_libcurl: bool = False) -> ssl.SSLContext:
    """An SSL context.

    Args:
        as_libcurl: believe a certificate that names its host in the common name alone.

    Raises:
        TLSError: a file or a cipher cannot be used; the code is libcurl's.
    """
    names_trust = tls.ca_pem or tls.ca_file or tls.ca_path
    context = (ssl.SSLContext if names_trust else _OfMachine)(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = tls.verify_host and tls.verify_peer
    context.hostname_checks_common_name = as_libcurl
    context.verify_mode = ssl.CERT_REQUIRED if tls.verify_peer else ssl.CERT_NONE
    context.minimum_version = _VERSIONS[tls.min_version]
    if tls.max_version:
        context.maximum_version = _VERSIONS[tls.max_version]
    _load_trust(context, tls)
    _load_identity(context, tls)
    _load_crl(context, tls)
    if tls.verify_status:
        raise transfer_error(
            CurlCode.NOT_BUILT_IN, "the httpx double cannot see what is stapled to a handshake"
        )
    _set_curve(context, tls)
    ciphers = tls.ciphers if as_libcurl else tls.usable_ciphers
    try:
        if ciphers:
            context.set_ciphers(ciphers)
    except ssl.SSLError:
        raise transfer_error(CurlCode.SSL_CIPHER, "no usable cipher in the list") from None
    return context


class _OfMachine(ssl.SSLContext):
    """Trusts whom the machine trusts: read for the first handshake, since that takes longer than
    most tests, and most have none."""

    _is_read = False

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        if not self._is_read:
            self._is_read = True
            self.load_default_certs()
        return super().wrap_bio(*args, **named)


def proxy_context(proxy: Proxy, tls: Tls) -> ssl.SSLContext:
    """For the way to a proxy: who it is is always checked, for it is told the password.

    Raises:
        TLSError: a file cannot be used.
    """
    is_own = proxy.ca_pem or proxy.ca_file
    trusted = proxy if is_own else tls
    return tls_context(Tls(ca_pem=trusted.ca_pem, ca_file=trusted.ca_file, ca_path=tls.ca_path))


def _load_trust(context: ssl.SSLContext, tls: Tls) -> None:
    try:
        if tls.ca_pem:
            context.load_verify_locations(tls.ca_pem.path)
        elif tls.ca_file or tls.ca_path:
            context.load_verify_locations(tls.ca_file, tls.ca_path)
    except (OSError, ssl.SSLError) as error:
        raise transfer_error(
            CurlCode.SSL_CACERT_BADFILE, f"CA file {tls.ca_file or tls.ca_path}: {error}"
        ) from None


def _load_crl(context: ssl.SSLContext, tls: Tls) -> None:
    path = _path(tls.crl_pem, tls.crl_file)
    if path is None:
        return
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        message = f"CRL file {tls.crl_file}: {error}"
        raise transfer_error(CurlCode.SSL_CRL_BADFILE, message) from None
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN


def _set_curve(context: ssl.SSLContext, tls: Tls) -> None:
    if tls.curves is None:
        return
    name = _CURVE_NAMES.get(tls.curves.upper(), tls.curves)
    try:
        context.set_ecdh_curve(name)
    except (ValueError, ssl.SSLError):  # Python 3.10 knows no X25519
        message = f"the httpx double can be given one curve that it knows, not {tls.curves!r}"
        raise transfer_error(CurlCode.SSL_CIPHER, message) from None


def _load_identity(context: ssl.SSLContext, tls: Tls) -> None:
    cert, key = _path(tls.cert_pem, tls.cert_file), _path(tls.key_pem, tls.key_file)
    if not cert:
        return
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(cert, key, lambda: (tls.key_password or "-").encode())
    except (OSError, ssl.SSLError) as error:
        raise transfer_error(
            CurlCode.SSL_CERTPROBLEM, f"client certificate {tls.cert_file or ''}: {error}"
        ) from None


def _path(pem: Pem | None, path: str | None) -> str | None:
    return pem.path if pem else path


def check_pin(pinned: str, connected: ssl.SSLObject, place: str) -> None:
    """Compare the key of the server's certificate with those that are pinned.

    Raises:
        TLSError: it is none of them (90).
    """
    certificate = connected.getpeercert(binary_form=True)
    if certificate is None or pin_of_certificate(certificate) not in _pins(pinned):
        raise transfer_error(
            CurlCode.SSL_PINNEDPUBKEYNOTMATCH,
            f"{place}: the server's public key is not the pinned one",
            phase=Phase.TLS,
        )


def _pins(pinned: str) -> list[str]:
    if pinned.startswith("sha256//"):
        return pinned.split(";")
    try:
        with open(pinned, "rb") as file:
            return [pin_of_file(file.read())]
    except (OSError, ValueError):
        return []


def was_closed_cleanly(connected: ssl.SSLObject) -> bool:
    """Whether a TLS stream that has ended was ended by its peer, rather than cut off.

    The standard library keeps what the last read has met, and tells it at the next.
    """
    try:
        connected.read(1)
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False
    return True


def has_unread(connected: ssl.SSLObject) -> bool:
    """Whether more has arrived over TLS than was read; some of it is lost by that."""
    try:
        return bool(connected.read(1))
    except ssl.SSLError:  # there is nothing, or the end
        return False
