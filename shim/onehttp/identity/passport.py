"""PASSporT (RFC 8225): a JSON Web Signature in its one canonical spelling, signed by ES256."""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from onehttp.identity.errors import InvalidIdentityError

Object: TypeAlias = "dict[str, Any]"

MAX_TOKEN_LENGTH = 16 * 1024
_HALF_BYTES = 32
_ES256 = ec.ECDSA(SHA256())
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_segments = re.compile(r"([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)").fullmatch


@dataclass(frozen=True, slots=True)
class Passport:
    """A token taken apart. ``signed`` is the text under the signature, as it was received."""

    header: Object
    claims: Object
    signed: bytes
    signature: bytes

    def is_signed_by(self, key: ec.EllipticCurvePublicKey) -> bool:
        """Whether ``key`` (of curve P-256) made the signature."""
        der = encode_dss_signature(
            int.from_bytes(self.signature[:_HALF_BYTES], "big"),
            int.from_bytes(self.signature[_HALF_BYTES:], "big"),
        )
        try:
            key.verify(der, self.signed, _ES256)
        except InvalidSignature:
            return False
        return True


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Keys in order, no blanks, UTF-8 (RFC 8225, section 9)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signing_input(header: Mapping[str, Any], claims: Mapping[str, Any]) -> bytes:
    """The text that is signed: header and claims, each in base64url."""
    return _encoded(canonical_json(header)) + b"." + _encoded(canonical_json(claims))


def sign(signed: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The ES256 signature over ``signed``: 64 bytes, r and s."""
    r, s = decode_dss_signature(key.sign(signed, _ES256))
    return r.to_bytes(_HALF_BYTES, "big") + s.to_bytes(_HALF_BYTES, "big")


def token(signed: bytes, signature: bytes, *, is_compact: bool = False) -> str:
    """The text of a token; compact: the signature alone, after two dots (section 7)."""
    head = b"." if is_compact else signed
    return (head + b"." + _encoded(signature)).decode()


def parse(text: str) -> Passport:
    """Take a token apart. A compact one comes out with no header, no claims, nothing signed.

    Raises:
        InvalidIdentityError: not a token, not JSON objects, a name twice in one object, a
            signature that is not 64 bytes.
    """
    match = _segments(text) if len(text) <= MAX_TOKEN_LENGTH else None
    if match is None:
        raise InvalidIdentityError("not a PASSporT: expected HEADER.CLAIMS.SIGNATURE in base64url")
    head, claims, signature = match.groups()
    raw = _decoded(signature)
    if len(raw) != 2 * _HALF_BYTES:
        raise InvalidIdentityError(f"an ES256 signature has 64 bytes, not {len(raw)}")
    if not head and not claims:
        return Passport({}, {}, b"", raw)
    return Passport(_header(head), _object(claims), f"{head}.{claims}".encode(), raw)


@functools.lru_cache(maxsize=1024)
def _header(segment: str) -> Object:
    # Kept: every token of a signer has the same, and it is only read.
    return _object(segment)


def _object(segment: str) -> Object:
    try:
        value = _decoder.decode(_decoded(segment).decode())
    except (ValueError, RecursionError) as error:
        raise InvalidIdentityError(f"PASSporT: a part is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidIdentityError("PASSporT: a part is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Object:
    value = dict(pairs)
    if len(value) != len(pairs):
        # One reader may take the first, another the last: what was signed is then unclear.
        raise ValueError("a name stands twice in one object")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(segment: str) -> bytes:
    try:
        padded = segment.encode().translate(_URL_SAFE) + b"=" * (-len(segment) % 4)
        return binascii.a2b_base64(padded)
    except binascii.Error:
        raise InvalidIdentityError("PASSporT: a part is not base64url") from None
