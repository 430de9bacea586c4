"""Caller and called party, in the canonical form that is signed (RFC 8224, section 8)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from onehttp.identity.errors import InvalidIdentityError, check_text

ToE164: TypeAlias = Callable[[str], str]
"""A function that makes a global number (digits, country code first) of a dialled one."""

MAX_URI_LENGTH = 1024
LONGEST_SERVICE_NUMBER = 3
MAX_HEADER_LENGTH = 4096
_name_addr = re.compile(r'(?:"(?:[^"\\]|\\.)*"[^"<]*|[^"<]*)<([^<>]*)>').match
_sip = re.compile(
    r"(sips?):(?:([!-9;->A-~]*)(?::[!-?A-~]*)?@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?::[0-9]+)?(?:;([!->@-~]*))?(?:\?[!-~]*)?",
    re.IGNORECASE | re.ASCII,
).fullmatch
_tel = re.compile(r"tel:([!-:<-~]+(?:;[!-~]*)?)", re.IGNORECASE).fullmatch
_context = re.compile(r";phone-context=([^;]+)", re.IGNORECASE).search
_printable = re.compile(r"[!-~]{1,1024}").fullmatch
_escape = re.compile(r"%([0-9A-Fa-f]{2})")
_dialable = re.compile(r"\+?[0-9*#(). -]*").fullmatch
_separators = re.compile(r"[^0-9*#]")
_canonical_number = re.compile(r"[0-9*#]{1,32}").fullmatch
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a call: a telephone number (digits, ``*`` and ``#`` only) or a URI.

    Either ``tn`` or ``uri`` is given, in canonical form. `from_header` and `from_uri` bring other
    forms into it.
    """

    tn: str | None = None
    uri: str | None = None

    def __post_init__(self) -> None:
        if (self.tn is None) == (self.uri is None):
            raise InvalidIdentityError("a party is either a telephone number or a URI")
        if self.tn is not None and not _canonical_number(self.tn):
            raise InvalidIdentityError(f"{self.tn[:40]!r} is not a telephone number")
        if self.uri is not None and not _printable(self.uri):
            raise InvalidIdentityError(f"{self.uri[:80]!r} is not a URI")

    @classmethod
    def from_header(cls, value: str, to_e164: ToE164 | None = None) -> Party:
        """The party in a ``From``, ``To`` or ``P-Asserted-Identity`` header.

        Args:
            value: the value of the header.
            to_e164: makes a global number of a local one; without it, numbers are left as they are.

        Raises:
            InvalidIdentityError: there is no SIP, SIPS or tel URI in it.
        """
        check_text("a party", value)
        value = value.strip()
        match = _name_addr(value) if len(value) <= MAX_HEADER_LENGTH else None
        return cls.from_uri(match[1] if match else value.partition(";")[0].rstrip(), to_e164)

    @classmethod
    def from_uri(cls, uri: str, to_e164: ToE164 | None = None) -> Party:
        """The party in a URI.

        A URI stands for a telephone number if it is a ``tel:`` URI, has ``user=phone``, or begins
        with ``+`` (RFC 8224, 8.1), however its characters are escaped. Any other stays a URI,
        without port, password, parameters and headers (8.5). A ``phone-context`` of digits makes a
        local number global; a local number within a domain belongs to that domain (RFC 3966,
        5.1.5).

        Args:
            uri: the URI.
            to_e164: makes a global number of a local one; without it, numbers are left as they are.

        Raises:
            InvalidIdentityError: it is not a SIP, SIPS or tel URI.
        """
        check_text("a party", uri)
        if len(uri) <= MAX_URI_LENGTH:
            if tel := _tel(uri):
                return cls._of_number(unquote(tel[1]), to_e164)
            if sip := _sip(uri):
                scheme, user, host, parameters = sip.groups()
                # RFC 3261, 19.1.4: an escaped character is the character.
                if user and _is_number(unquote(user), parameters or ""):
                    return cls._of_number(unquote(user), to_e164)
                name = f"{_normal_escapes(user)}@" if user else ""
                return cls(uri=f"{scheme.lower()}:{name}{host.lower()}")
        raise InvalidIdentityError(f"{uri[:80]!r} is not a SIP or telephone URI")

    @classmethod
    def _of_number(cls, text: str, to_e164: ToE164 | None) -> Party:
        """``text`` is a number, and what RFC 3966 lets follow it."""
        number = text.partition(";")[0]
        context = _context(text)
        # Service numbers such as 911 are the same with a context and without (RFC 8224, 8.3).
        if context is None or number[:1] == "+" or len(number) <= LONGEST_SERVICE_NUMBER:
            return cls(tn=_number(number, to_e164))
        where = context[1].lower()
        if where[0] == "+":
            return cls(tn=_number(where, None) + _number(number, None))
        if to_e164 is not None:
            return cls(tn=_number(number, to_e164))
        return cls(uri=f"tel:{_number(number, None)};phone-context={where}")

    @property
    def domain(self) -> str | None:
        """The host of the URI, in lower case; of a local number, the domain it is local to."""
        if self.uri is None:
            return None
        if self.uri.startswith("tel:"):
            return self.uri.rpartition("=")[2].lower()
        return self.uri.partition(":")[2].rpartition("@")[2].lower()

    def __str__(self) -> str:
        return self.tn or self.uri or ""


def as_party(who: Party | str) -> Party:
    """Make a party of text: a URI or, if it has no scheme, a telephone number."""
    if isinstance(who, Party):
        return who
    check_text("a party", who)
    return Party.from_uri(who) if ":" in who else Party(tn=_number(who, None))


def _is_number(user: str, parameters: str) -> bool:
    names_phone = "user=phone" in parameters.lower().split(";")
    return bool((names_phone or user[0] == "+") and _dialable(user.partition(";")[0]))


def _number(text: str, to_e164: ToE164 | None) -> str:
    digits = _separators.sub("", text) if _dialable(text) else ""
    if not digits:
        raise InvalidIdentityError(f"{text[:40]!r} is not a telephone number")
    return digits if to_e164 is None or text.startswith("+") else to_e164(digits)


def _normal_escapes(user: str) -> str:
    """Percent-escapes as RFC 3986 (6.2.2) wants them: none where none is needed, else capitals."""

    def normal(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else match[0].upper()

    return _escape.sub(normal, user)
