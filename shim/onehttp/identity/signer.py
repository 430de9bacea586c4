"""The authentication service: makes ``Identity`` headers (RFC 8224, section 6.1)."""

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
"""A party, a URI, or a telephone number with its country code, in any common format."""
_url = re.compile(r"https?://[!-;=?-~]+").fullmatch


class Signer:
    """Makes ``Identity`` headers with one key.

    Args:
        key: a private key on curve P-256, or its PEM text.
        x5u: the URL from which verifiers can fetch the certificate of the key.
        clock: the time in seconds since 1970; for tests.

    Raises:
        ConfigurationError: the key is of another kind, or ``x5u`` is no such URL.
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
        """A signer with the key of a PEM file.

        Raises:
            ConfigurationError: the file cannot be read, or holds no such key.
        """
        try:
            return cls(Path(path).read_bytes(), x5u)
        except OSError as error:
            raise ConfigurationError(f"cannot be read: {error.strerror}", file=str(path)) from None

    def sign(
        self, orig: Who, dest: Who | Iterable[Who], *, iat: int | None = None, compact: bool = False
    ) -> str:
        """Make the value of an ``Identity`` header, for a token of no special kind.

        Args:
            orig: the caller.
            dest: the called party, or several.
            iat: the time of the ``Date`` header in seconds since 1970; by default, now.
            compact: leave out of the token what the receiver can take from the request.

        Raises:
            SigningError: ``orig`` or ``dest`` is no party.
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
        """As `sign`, for a token of kind ``shaken`` (RFC 8588).

        Args:
            attest: what is vouched for; see `Attestation`.
            origid: a UUID for the origin of the call; by default, a new one.
        """
        origid = origid or str(uuid.uuid4())
        try:
            check_attestation(attest, origid)
        except InvalidIdentityError as error:
            raise SigningError(str(error)) from None
        return self._signed("shaken", orig, dest, iat, attest=attest, origid=origid)

    def sign_diversion(
        self, orig: Who, dest: Who | Iterable[Who], div: Who, *, iat: int | None = None
    ) -> str:
        """As `sign`, for a token of kind ``div`` (RFC 8946).

        Args:
            dest: the party that the call goes to now.
            div: the party that it was for before.
        """
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
