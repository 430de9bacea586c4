"""Parses the headers ``Identity`` and ``Identity-Info`` of RFC 4474 as the module does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from onehttp.identity import InvalidIdentityError

ALGORITHM: Final = "rsa-sha1"
_folding = re.compile(r"[ \t\r\n]+")
_base64 = re.compile(r'"?([A-Za-z0-9+/=]+)(?:"|\Z)').match
_info = re.compile(
    r"<(https?://(?:\[[0-9A-Fa-f:.]+\]|[^/:\[\]<>;\s]+(?=[/:]))[^<>;\[\]\s]*)>"
    r"(?:\s*;\s*alg\s*=\s*([A-Za-z0-9.!%*_+`'~-]+))?",
    re.IGNORECASE,
).fullmatch


@dataclass(frozen=True, slots=True)
class IdentityInfo:
    """Address of the certificate, and the algorithm in lower case, or the default if none is
    named."""

    url: str
    algorithm: str = ALGORITHM

    def __str__(self) -> str:
        return f"<{self.url}>;alg={self.algorithm}"


def parse_identity(text: str) -> str:
    """Return the base64 text of an ``Identity`` header, without folding.

    Raises:
        InvalidIdentityError: the value is something else.
    """
    match = _base64(_folding.sub("", text))
    if match is None:
        raise InvalidIdentityError("Identity: expected base64 text in quotes")
    return match[1]


def parse_identity_info(text: str) -> IdentityInfo:
    """Parse the value of an ``Identity-Info`` header.

    Raises:
        InvalidIdentityError: the value is not ``<http(s)://HOST/...>``, or has another parameter
            than ``alg``.
    """
    match = _info(text.strip())
    if match is None:
        raise InvalidIdentityError("Identity-Info: expected <https://HOST/...>;alg=rsa-sha1")
    return IdentityInfo(match[1], (match[2] or ALGORITHM).lower())
