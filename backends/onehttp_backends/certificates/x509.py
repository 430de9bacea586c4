"""The few things we read of certificates and public keys.

The standard library tells them of the peer of a handshake only, or not at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Final

_CERTIFICATE: Final = re.compile(b"-----BEGIN CERTIFICATE-----(.+?)-----END", re.DOTALL)
_PUBLIC_KEY: Final = re.compile(b"-----BEGIN PUBLIC KEY-----(.+?)-----END", re.DOTALL)
_REVOKED: Final = re.compile(b"-----BEGIN X509 CRL-----(.+?)-----END", re.DOTALL)
_UTC_TIME: Final = 0x17
_TIME: Final = 0x18
_SEQUENCE: Final = 0x30
_BIT_STRING: Final = 0x03


def has_certificate(pem: bytes) -> bool:
    """Whether there is one in it."""
    return _CERTIFICATE.search(pem) is not None


def not_after(pem: bytes) -> datetime:
    """When the first certificate of a PEM file ends.

    Raises:
        ValueError: there is no certificate in it.

    Source: RFC 5280, 4.1 (``TBSCertificate``, ``Validity``).
    """
    block = _CERTIFICATE.search(pem)
    if block is None:
        raise ValueError("no PEM certificate")
    fields = _fields_to_be_signed(base64.b64decode(block[1]))
    _, validity = fields[3]
    (_, _), end = _elements(validity)
    return _time(*end)


def _time(tag: int, text: bytes) -> datetime:
    century = "" if tag == _TIME else "20" if text < b"50" else "19"
    found = datetime.strptime(century + text.decode("ascii"), "%Y%m%d%H%M%SZ")
    return found.replace(tzinfo=timezone.utc)


def next_update(pem: bytes) -> datetime | None:
    """When the first list of revoked certificates that is to be replaced is; None: none says so.

    Raises:
        ValueError: there is no such list in it.

    Source: RFC 5280, 5.1 (``TBSCertList``).
    """
    blocks = _REVOKED.findall(pem)
    if not blocks:
        raise ValueError("no PEM list of revoked certificates")
    ends = [_next_update(base64.b64decode(block)) for block in blocks]
    return min((end for end in ends if end), default=None)


def _next_update(der: bytes) -> datetime | None:
    ((_, signed),) = _elements(der)
    (_, fields), *_ = _elements(signed)
    times = [(tag, text) for tag, text in _elements(fields) if tag in (_UTC_TIME, _TIME)]
    return _time(*times[1]) if len(times) > 1 else None


def pin_of_certificate(der: bytes) -> str:
    """The pin of a certificate's public key, ``sha256//BASE64``.

    Source: RFC 7469, 2.4: the SHA-256 of the ``SubjectPublicKeyInfo``, its tag and length
    included.
    """
    tag, key = _fields_to_be_signed(der)[5]
    return _pin(_element_around(tag, key))


def pin_of_file(content: bytes) -> str:
    """The pin of a public key, in PEM or DER.

    Raises:
        ValueError: it is no public key.
    """
    block = _PUBLIC_KEY.search(content)
    try:
        der = base64.b64decode(block[1]) if block else content
        ((tag, key),) = _elements(der)
        (algorithm, _), (bits, _) = _elements(key)
    except (binascii.Error, ValueError):
        raise ValueError("no public key") from None
    if (tag, algorithm, bits) != (_SEQUENCE, _SEQUENCE, _BIT_STRING):
        raise ValueError("no public key")
    return _pin(der)


def _pin(key_info: bytes) -> str:
    return "sha256//" + base64.b64encode(hashlib.sha256(key_info).digest()).decode()


def _fields_to_be_signed(certificate: bytes) -> list[tuple[int, bytes]]:
    """Serial number, signature, issuer, validity, subject, public key, ..."""
    ((_, signed),) = _elements(certificate)
    (_, fields), *_ = _elements(signed)
    found = list(_elements(fields))
    return found[1:] if found[0][0] == 0xA0 else found  # the version, absent in the first


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER element."""
    while der:
        if len(der) < 2:
            raise ValueError("cut short")
        size, start = der[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(der[2:start], "big")
        if len(der) < start + size:
            raise ValueError("cut short")
        yield der[0], der[start : start + size]
        der = der[start + size :]


def _element_around(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
