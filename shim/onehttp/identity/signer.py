"""The authentication service: makes ``Identity`` headers (RFC 8224, 6.1)."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from onehttp.errors import ConfigurationError
from onehttp.identity.claims import Attestation, Claims, check_attestation, token_header
from onehttp.identity.errors import InvalidIdentityError, SigningError
from onehttp.identity.header import IdentityHeader
from onehttp.identity.parties import Party, as_party
from onehttp.identity.passport import sign, signing_input, token

Who: TypeAlias = "Party | str"
"""A party, a URI, or a telephone number in any spelling with its country code."""
_url = re.compile(r"https?://[!-;=?-~]+").fullmatch


class Signer:
    """Signs with one key; the certificate of it is published at ``x5u``.

    Args:
        key: a private key of curve P-256, or its PEM text.
        x5u: where verifiers fetch the certificate.

    Raises:
        ConfigurationError: not such a key, or not such a URL.
    """

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey | bytes,
        x5u: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = _private_key(key) if isinstance(key, bytes) else key
        if self._key.curve.name != "secp256r1":
            raise ConfigurationError("ES256 needs a key of curve P-256")
        if not _url(x5u):
            raise ConfigurationError(f"x5u: {x5u!r} is not the URL of a certificate")
        self.x5u = x5u
        self._clock = clock

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], x5u: str) -> Signer:
        """With the key of a PEM file.

        Raises:
            ConfigurationError: unreadable, or not such a key.
        """
        try:
            return cls(Path(path).read_bytes(), x5u)
        except OSError as error:
            raise ConfigurationError(f"cannot be read: {error.strerror}", file=str(path)) from None

    def sign(
        self, orig: Who, dest: Who | Iterable[Who], *, iat: int | None = None, compact: bool = False
    ) -> str:
        """The value of an ``Identity`` header, of no special kind.

        Args:
            iat: seconds since 1970, the time of the ``Date`` header; now unless given.
            compact: leave out what the receiver can put together from the request.

        Raises:
            SigningError: a party is not one.
        """
        return self._signed(None, orig, dest, iat, compact=compact)

    def sign_shaken(
        self,
        orig: Who,
        dest: Who | Iterable[Who],
        attest: Attestation,
        *,
        origid: str | None = None,
        iat: int | None = None,
    ) -> str:
        """The same of kind ``shaken`` (RFC 8588); ``origid`` is a UUID, a new one unless given."""
        origid = origid or str(uuid.uuid4())
        try:
            check_attestation(attest, origid)
        except InvalidIdentityError as error:
            raise SigningError(str(error)) from None
        return self._signed("shaken", orig, dest, iat, attest=attest, origid=origid)

    def sign_diversion(
        self, orig: Who, dest: Who | Iterable[Who], div: Who, *, iat: int | None = None
    ) -> str:
        """The same of kind ``div`` (RFC 8946): a call for ``div`` goes on to ``dest``."""
        return self._signed("div", orig, dest, iat, div=div)

    def _signed(
        self,
        ppt: str | None,
        orig: Who,
        dest: Who | Iterable[Who],
        iat: int | None,
        *,
        attest: Attestation | None = None,
        origid: str | None = None,
        div: Who | None = None,
        compact: bool = False,
    ) -> str:
        listed = [dest] if isinstance(dest, (Party, str)) else list(dest)
        if not listed:
            raise SigningError("dest names nobody")
        try:
            claims = Claims(
                orig=as_party(orig),
                dest=tuple(as_party(one) for one in listed),
                iat=int(self._clock()) if iat is None else iat,
                attest=attest,
                origid=origid,
                div=None if div is None else as_party(div),
            )
        except InvalidIdentityError as error:
            raise SigningError(str(error)) from None
        signed = signing_input(token_header(self.x5u, ppt), claims.as_json())
        text = token(signed, sign(signed, self._key), is_compact=compact)
        return str(IdentityHeader(text, self.x5u, ppt=ppt))


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise ConfigurationError("not a private key in PEM form without password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError("ES256 needs a key of curve P-256")
    return key
