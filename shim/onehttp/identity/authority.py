"""For whom a certificate speaks (RFC 8226): its telephone numbers, and limits to its claims.

The extensions are few and small, and ``cryptography`` hands them over undecoded: a reader for
the DER they are made of is all it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509

from onehttp.identity.errors import CredentialError

TN_AUTH_LIST: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
CLAIM_CONSTRAINTS: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.27")
ENHANCED_CONSTRAINTS: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.33")
"""The OID of the constraints that can also exclude claims (RFC 9118)."""
MAX_EXTENSION_BYTES: Final = 64 * 1024

_INTEGER, _UTF8, _IA5, _SEQUENCE = 0x02, 0x0C, 0x16, 0x30
_FIRST, _SECOND, _THIRD = 0xA0, 0xA1, 0xA2


@dataclass(frozen=True, slots=True)
class NumberAuthority:
    """The content of a ``TNAuthList``."""

    codes: frozenset[str] = frozenset()
    """Service provider codes: which numbers they cover, only a national database knows."""
    ranges: tuple[tuple[str, int], ...] = ()
    """First number, and how many from there."""
    numbers: frozenset[str] = frozenset()

    def names(self, number: str) -> bool:
        """Whether the list names ``number`` itself, alone or within a range."""
        if number in self.numbers:
            return True
        return number.isdecimal() and any(
            len(number) == len(start) and 0 <= int(number) - int(start) < count
            for start, count in self.ranges
        )

    def may_cover(self, below: NumberAuthority) -> bool:
        """Whether ``below``, of a certificate issued under this one, may lie within this list.

        False when it cannot. Where codes stand here, which numbers they cover is not known
        before a number is asked for (`Verifier`'s ``authorise``).
        """
        if not below.codes <= self.codes:
            return False
        if self.codes:
            return True
        return all(map(self.names, below.numbers)) and all(
            self._holds(start, count) for start, count in below.ranges
        )

    def _holds(self, start: str, count: int) -> bool:
        """Whether every number of a range is named here, by any of the ranges and numbers."""
        width, at = len(start), int(start)
        end = at + count
        spans = [(int(one), int(one) + many) for one, many in self.ranges if len(one) == width]
        spans += [(int(one), int(one) + 1) for one in self.numbers
                  if len(one) == width and one.isdecimal()]  # fmt: skip
        for begins, ends in sorted(spans):
            if begins <= at < ends:
                at = ends
        return at >= end


@dataclass(frozen=True, slots=True)
class ClaimConstraints:
    """The claims that tokens under a certificate must, may and must not make."""

    must_include: tuple[str, ...] = ()
    permitted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    must_exclude: tuple[str, ...] = ()

    def check(self, claims: Mapping[str, Any]) -> None:
        """Raises CredentialError when ``claims`` go beyond them."""
        for name in self.must_include:
            if name not in claims:
                raise CredentialError(f"the certificate demands a claim {name!r}")
        for name in self.must_exclude:
            if name in claims:
                raise CredentialError(f"the certificate forbids a claim {name!r}")
        for name, values in self.permitted:
            if name in claims and claims[name] not in values:
                raise CredentialError(f"the certificate does not permit this value of {name!r}")


def number_authority(certificate: x509.Certificate) -> NumberAuthority | None:
    """The ``TNAuthList`` of a certificate; None where it has none.

    Raises:
        CredentialError: malformed.
    """
    raw = _extension(certificate, TN_AUTH_LIST)
    return None if raw is None else parse_number_authority(raw)


def parse_number_authority(der: bytes) -> NumberAuthority:
    """Decode a ``TNAuthList``.

    Raises:
        CredentialError: malformed.
    """
    codes, numbers = set(), set()
    ranges = []
    for tag, content in _items(_only(der, _SEQUENCE)):
        if tag == _FIRST:
            codes.add(_text(_only(content, _IA5)))
        elif tag == _SECOND:
            (start_tag, start), (count_tag, count) = _two(_only(content, _SEQUENCE))
            if (start_tag, count_tag) != (_IA5, _INTEGER):
                raise _malformed()
            ranges.append((_digits(start), int.from_bytes(count, "big", signed=True)))
        elif tag == _THIRD:
            numbers.add(_text(_only(content, _IA5)))
        else:
            raise _malformed()
    return NumberAuthority(frozenset(codes), tuple(ranges), frozenset(numbers))


def claim_constraints(certificate: x509.Certificate) -> tuple[ClaimConstraints, ...]:
    """The constraints of a certificate, plain and enhanced.

    Raises:
        CredentialError: malformed.
    """
    found = (_extension(certificate, oid) for oid in (CLAIM_CONSTRAINTS, ENHANCED_CONSTRAINTS))
    return tuple(parse_claim_constraints(raw) for raw in found if raw is not None)


def parse_claim_constraints(der: bytes) -> ClaimConstraints:
    """Decode ``JWTClaimConstraints`` or ``EnhancedJWTClaimConstraints``.

    Raises:
        CredentialError: malformed.
    """
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    permitted: list[tuple[str, tuple[str, ...]]] = []
    for tag, content in _items(_only(der, _SEQUENCE)):
        inside = _only(content, _SEQUENCE)
        if tag == _FIRST:
            include = _texts(inside, _IA5)
        elif tag == _SECOND:
            for _, one in _items(inside, _SEQUENCE):
                (name_tag, name), (values_tag, values) = _two(one)
                if (name_tag, values_tag) != (_IA5, _SEQUENCE):
                    raise _malformed()
                permitted.append((_text(name), _texts(values, _UTF8)))
        elif tag == _THIRD:
            exclude = _texts(inside, _IA5)
        else:
            raise _malformed()
    return ClaimConstraints(include, tuple(permitted), exclude)


def _extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bytes | None:
    try:
        value = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    assert isinstance(value, x509.UnrecognizedExtension)
    if len(value.value) > MAX_EXTENSION_BYTES:
        raise CredentialError(f"an extension of {len(value.value)} bytes is too large")
    return value.value


def _items(der: bytes, only: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element of ``der``; each of tag ``only``, where that is given."""
    at = 0
    while at < len(der):
        if len(der) - at < 2:
            raise _malformed()
        tag, size = der[at], der[at + 1]
        at += 2
        if size & 0x80:
            width = size & 0x7F
            if not 0 < width <= 3 or at + width > len(der):
                raise _malformed()
            size = int.from_bytes(der[at : at + width], "big")
            at += width
        if at + size > len(der) or (only is not None and tag != only):
            raise _malformed()
        yield tag, der[at : at + size]
        at += size


def _only(der: bytes, tag: int) -> bytes:
    items = list(_items(der, tag))
    if len(items) != 1:
        raise _malformed()
    return items[0][1]


def _two(der: bytes) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    items = list(_items(der))
    if len(items) != 2:
        raise _malformed()
    return items[0], items[1]


def _texts(der: bytes, tag: int) -> tuple[str, ...]:
    return tuple(_text(content) for _, content in _items(der, tag))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _malformed() from None


def _digits(raw: bytes) -> str:
    text = _text(raw)
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise _malformed()
    return text


def _malformed() -> CredentialError:
    return CredentialError("an extension of the certificate (RFC 8226) is malformed")
