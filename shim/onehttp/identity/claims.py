"""The claims of a PASSporT, and those each kind needs: RFC 8225, 8588 (shaken), 8946 (div)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from onehttp.identity.errors import InvalidIdentityError
from onehttp.identity.parties import Party

Attestation: TypeAlias = Literal["A", "B", "C"]
"""What the signer vouches for (RFC 8588): A, the caller and its right to the number; B, the caller
only; C, neither (the call came through a gateway)."""

KINDS = frozenset({None, "shaken", "div"})
_ATTESTATIONS = frozenset("ABC")
_uuid = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_TYPE = "passport"
_MAX_DESTINATIONS = 64
_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, the latest time that is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of a token: the caller, the called party, and the time.

    Attributes:
        orig: the caller.
        dest: the called parties.
        iat: when the token was made, in seconds since 1970.
        attest: what the signer vouches for; in tokens of kind ``shaken`` only.
        origid: a UUID for the origin of the call; in tokens of kind ``shaken`` only.
        div: the party that was called before the diversion; in tokens of kind ``div`` only.
    """

    orig: Party
    dest: tuple[Party, ...]
    iat: int
    attest: Attestation | None = None
    origid: str | None = None
    div: Party | None = None

    def as_json(self) -> dict[str, Any]:
        """The claims object of the token, as it is signed."""
        claims: dict[str, Any] = {
            "dest": _destinations(self.dest),
            "iat": self.iat,
            "orig": _one(self.orig),
        }
        if self.attest is not None:
            claims |= {"attest": self.attest, "origid": self.origid}
        if self.div is not None:
            claims["div"] = _one(self.div)
        return claims


def token_header(x5u: str, ppt: str | None) -> dict[str, str]:
    """The header object of a token, as it is signed."""
    header = {"alg": "ES256", "typ": _TYPE, "x5u": x5u}
    return header | {"ppt": ppt} if ppt else header


def check_token_header(header: Mapping[str, Any], info: str, ppt: str | None) -> None:
    """The header object of a received token against the ``Identity`` header it came in.

    Raises:
        InvalidIdentityError: no PASSporT, another algorithm, URL or kind than announced, or
            an extension that must be understood and is not.
    """
    if header.get("typ") != _TYPE or header.get("alg") != "ES256":
        raise InvalidIdentityError("PASSporT: expected typ 'passport' and alg 'ES256'")
    if header.get("x5u") != info:
        raise InvalidIdentityError("PASSporT: its x5u is not the info of the Identity header")
    if header.get("ppt") != ppt:
        raise InvalidIdentityError("PASSporT: its ppt is not that of the Identity header")
    if "crit" in header:
        raise InvalidIdentityError("PASSporT: crit names an extension that is not known here")


def read_claims(claims: Mapping[str, Any], ppt: str | None) -> Claims:
    """The claims of a received token of kind ``ppt``.

    Raises:
        InvalidIdentityError: one is missing or malformed.
    """
    iat = claims.get("iat")
    if type(iat) is not int or not 0 <= iat <= _LAST_SECOND:
        raise InvalidIdentityError("PASSporT: iat is not a whole number of seconds")
    attest = origid = div = None
    if ppt == "shaken":
        attest, origid = claims.get("attest"), claims.get("origid")
        check_attestation(attest, origid)
    elif ppt == "div":
        div = _party(claims.get("div"), "div")
    return Claims(
        orig=_party(claims.get("orig"), "orig"),
        dest=_parties(claims.get("dest")),
        iat=iat,
        attest=attest,
        origid=origid,
        div=div,
    )


def check_attestation(attest: object, origid: object) -> None:
    """Raises InvalidIdentityError unless they are what RFC 8588 says."""
    if not isinstance(attest, str) or attest not in _ATTESTATIONS:
        raise InvalidIdentityError("shaken: attest is not A, B or C")
    if not isinstance(origid, str) or not _uuid(origid):
        raise InvalidIdentityError("shaken: origid is not a UUID")


def _one(party: Party) -> dict[str, str]:
    return {"tn": party.tn} if party.tn is not None else {"uri": str(party)}


def _destinations(parties: Sequence[Party]) -> dict[str, list[str]]:
    numbers = [party.tn for party in parties if party.tn is not None]
    uris = [party.uri for party in parties if party.uri is not None]
    return {name: found for name, found in (("tn", numbers), ("uri", uris)) if found}


def _party(value: object, name: str) -> Party:
    if isinstance(value, dict):
        tn, uri = value.get("tn"), value.get("uri")
        if isinstance(tn, str) and uri is None:
            return Party(tn=tn)
        if isinstance(uri, str) and tn is None:
            return _of_uri(uri)
    raise InvalidIdentityError(f"PASSporT: {name} names neither one tn nor one uri")


def _of_uri(uri: str) -> Party:
    """The party in a URI of a claim, however its signer has spelled it (RFC 3261, 19.1.4).

    A telephone number in a URI is a number, so that only its own certificate vouches for it.
    """
    try:
        return Party.from_uri(uri)
    except InvalidIdentityError:
        return Party(uri=uri)  # of another scheme


def _parties(value: object) -> tuple[Party, ...]:
    parties: list[Party] = []
    if isinstance(value, dict):
        for kind in ("tn", "uri"):
            listed = value.get(kind, [])
            if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
                raise InvalidIdentityError(f"PASSporT: dest.{kind} is not a list of texts")
            parties += [Party(tn=one) if kind == "tn" else _of_uri(one) for one in listed]
    if not 0 < len(parties) <= _MAX_DESTINATIONS:
        raise InvalidIdentityError(f"PASSporT: dest names none, or more than {_MAX_DESTINATIONS}")
    return tuple(parties)
