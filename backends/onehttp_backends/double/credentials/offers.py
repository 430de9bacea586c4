"""What a server offers in its challenges, read as libcurl reads them (curl 8.23).

It looks for schemes behind every comma, in quotes too, takes the first that says ``Digest``, and
gives up where that one makes no sense.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

HASHES: Final = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
MOST_IN_NAME: Final = 256
MOST_IN_VALUE: Final = 1023
_BLANKS: Final = " \t"
_begins = re.compile(r"(basic|digest)(?![0-9a-z])", re.IGNORECASE).match


@dataclass
class Challenge:
    """One of digest, as far as it is read."""

    texts: dict[str, str] = field(default_factory=dict)
    """``realm``, ``nonce``, ``opaque`` and ``algorithm``, where they are said."""
    qop: str = ""
    is_stale: bool = False
    """The credentials may be right, and the nonce only too old."""
    hides_name: bool = False

    @property
    def is_right(self) -> bool:
        """Whether it can be answered."""
        algorithm = self.texts.get("algorithm", "MD5").upper()
        is_session = algorithm.endswith("-SESS")
        is_known = HASHES.get(algorithm.removesuffix("-SESS")) in hashlib.algorithms_available
        return is_known and "nonce" in self.texts and bool(self.qop or not is_session)

    def take(self, name: str, value: str) -> None:
        """A parameter; of one that comes again the last counts."""
        if name in ("realm", "nonce", "opaque", "algorithm"):
            self.texts[name] = value
        elif name == "qop":
            offered = [each.lstrip(_BLANKS).lower() for each in value.split(",")]
            known = [each for each in ("auth", "auth-int") if each in offered]
            self.qop = known[0] if known else self.qop
        elif name == "stale":
            self.is_stale = value.lower() == "true"
        elif name == "userhash":
            self.hides_name = value.lower() == "true"


@dataclass
class Offers:
    """The challenges in one response."""

    has_basic: bool = False
    has_digest: bool = False
    challenge: Challenge | None = None
    """The digest challenge; None if there is none that can be answered."""


def offers_of(headers: list[bytes]) -> Offers:
    """The challenges in the values of ``WWW-Authenticate``."""
    found = Offers()
    for header in headers:
        rest = header.decode("utf-8", "surrogateescape")
        while rest:
            begun = _begins(rest)
            scheme = begun[1].lower() if begun else ""
            if scheme == "basic":
                found.has_basic = True
            elif scheme == "digest" and not found.has_digest:
                found.has_digest = True
                found.challenge = _challenge(rest[len(scheme) :])
            rest = rest.partition(",")[2].lstrip()
    return found


def _challenge(text: str) -> Challenge | None:
    if text[:1] not in tuple(_BLANKS):
        return None
    made = Challenge()
    rest = text.lstrip(_BLANKS)
    while (pair := _pair(rest)) is not None:
        name, value, rest = pair
        made.take(name.lower(), value)
        rest = rest.lstrip(_BLANKS).removeprefix(",").lstrip(_BLANKS)
    return made if made.is_right else None


def _pair(text: str) -> tuple[str, str, str] | None:
    """A name, its value, and what follows; None: there is no more that is understood."""
    name, equals, rest = text.partition("=")
    if not name or not equals or len(_raw(name)) > MOST_IN_NAME:
        return None
    if rest[:1] != '"':
        value, comma, rest = rest.partition(",")
        is_right = '"' not in value and len(_raw(value)) <= MOST_IN_VALUE
        return (name, value, comma + rest) if is_right else None
    quoted = re.match(r'"((?:[^"\\]|\\.)*)("|$)', rest, re.DOTALL)
    if quoted is None or len(_raw(quoted[1])) > MOST_IN_VALUE:
        return None
    return name, re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), rest[quoted.end() :]


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
