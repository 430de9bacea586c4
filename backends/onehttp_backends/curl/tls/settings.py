"""`Tls` in libcurl's terms: what is trusted and shown, as bytes rather than as paths.

libcurl opens paths at each new connection and compares paths, never contents, when it looks for a
kept one: a renewal under the same name would meet the sockets of before. What it is given as blobs
it compares byte by byte, kept connections and TLS sessions alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pycurl

from onehttp_backends.certificates.pem import Pem
from onehttp_backends.contract import Proxy, Tls, TlsVersion

Setopt: TypeAlias = Callable[[int, Any], None]

LARGE_BYTES: Final = 16 * 1024
"""libcurl reads a blob of trusted certificates anew for each connection, which for the usual bundle
of 140 takes 5 ms, and keeps for a day what it has read of a path."""

_lasting: Final[dict[Pem, Pem]] = {}
"""A path for libcurl whose file will not change."""
_OF_SERVER: Final = (pycurl.CAINFO_BLOB, pycurl.CAINFO, pycurl.CAPATH)
_OF_PROXY: Final = (pycurl.PROXY_CAINFO_BLOB, pycurl.PROXY_CAINFO, pycurl.PROXY_CAPATH)
_MIN_TLS: Final = {
    TlsVersion.TLS_1_0: pycurl.SSLVERSION_TLSv1_0,
    TlsVersion.TLS_1_1: pycurl.SSLVERSION_TLSv1_1,
    TlsVersion.TLS_1_2: pycurl.SSLVERSION_TLSv1_2,
    TlsVersion.TLS_1_3: pycurl.SSLVERSION_TLSv1_3,
}
_MAX_TLS: Final = {
    None: 0,
    TlsVersion.TLS_1_0: pycurl.SSLVERSION_MAX_TLSv1_0,
    TlsVersion.TLS_1_1: pycurl.SSLVERSION_MAX_TLSv1_1,
    TlsVersion.TLS_1_2: pycurl.SSLVERSION_MAX_TLSv1_2,
    TlsVersion.TLS_1_3: pycurl.SSLVERSION_MAX_TLSv1_3,
}


def apply_tls(setopt: Setopt, tls: Tls, *, as_libcurl: bool = False) -> None:
    """Set a fresh handle to ``tls``.

    Args:
        as_libcurl: below TLS 1.2 leave the security level of OpenSSL alone, which forbids that.
    """
    setopt(pycurl.SSL_VERIFYPEER, int(tls.verify_peer))
    setopt(pycurl.SSL_VERIFYHOST, 2 if tls.verify_host else 0)
    setopt(pycurl.SSLVERSION, _MIN_TLS[tls.min_version] | _MAX_TLS[tls.max_version])
    # Without a password OpenSSL would ask for one on the terminal, and hold everything up.
    setopt(pycurl.KEYPASSWD, tls.key_password or "")
    _apply_trust(setopt, tls, _OF_SERVER)
    for option, value in (
        _content_or_path(pycurl.SSLCERT_BLOB, tls.cert_pem, pycurl.SSLCERT, tls.cert_file),
        _content_or_path(pycurl.SSLKEY_BLOB, tls.key_pem, pycurl.SSLKEY, tls.key_file),
        (pycurl.SSL_CIPHER_LIST, tls.ciphers if as_libcurl else tls.usable_ciphers),
        (pycurl.SSL_EC_CURVES, tls.curves),
        (pycurl.CRLFILE, _crl_path(tls)),
        (pycurl.PINNEDPUBLICKEY, tls.pinned_public_key),
    ):
        if value is not None:
            setopt(option, value)
    if tls.verify_status:
        setopt(pycurl.SSL_VERIFYSTATUS, 1)


def apply_proxy_tls(setopt: Setopt, proxy: Proxy, tls: Tls) -> None:
    """Verify an ``https://`` proxy. This is always done, since it is sent passwords."""
    trusted = proxy if proxy.ca_pem or proxy.ca_file else tls
    whole = Tls(ca_pem=trusted.ca_pem, ca_file=trusted.ca_file, ca_path=tls.ca_path)
    _apply_trust(setopt, whole, _OF_PROXY)


def _apply_trust(setopt: Setopt, tls: Tls, options: tuple[int, int, int]) -> None:
    blob, file, folder = options
    pem = tls.ca_pem
    if pem is None:
        if tls.ca_file is not None:
            setopt(file, tls.ca_file)
        if tls.ca_path is not None:
            setopt(folder, tls.ca_path)
    elif tls.crl_pem is not None:
        # The list has a path, which another may have later: what stands beside a certificate in
        # a blob means nothing, and tells connections apart.
        setopt(blob, pem.content + b"\n" + tls.crl_pem.digest.encode())
    elif len(pem.content) > LARGE_BYTES:
        setopt(file, _for_ever(pem).path)
    else:
        setopt(blob, pem.content)


def _crl_path(tls: Tls) -> str | None:
    if tls.crl_pem is None:
        return tls.crl_file
    # Its path lasts as long as the options of its handle do; see `_apply_trust` for connections.
    return tls.crl_pem.path if tls.ca_pem else _for_ever(tls.crl_pem).path


def _for_ever(pem: Pem) -> Pem:
    return _lasting.setdefault(pem, pem)


def _content_or_path(
    blob: int, pem: Pem | None, option: int, path: str | None
) -> tuple[int, bytes | str | None]:
    return (option, path) if pem is None else (blob, pem.content)
