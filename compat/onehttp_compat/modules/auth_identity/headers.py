"""The headers ``Identity`` and ``Identity-Info`` of RFC 4474, as the module's parser reads them."""

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
    """Where the certificate is; the algorithm in lower case, the default where none is named."""

    url: str
    algorithm: str = ALGORITHM

    def __str__(self) -> str:
        return f"<{self.url}>;alg={self.algorithm}"


def parse_identity(text: str) -> str:
    """The base64 text of an ``Identity`` header, folding removed.

    Raises:
        InvalidIdentityError: something else.
    """
    match = _base64(_folding.sub("", text))
    if match is None:
        raise InvalidIdentityError("Identity: expected base64 text in quotes")
    return match[1]


def parse_identity_info(text: str) -> IdentityInfo:
    """The value of an ``Identity-Info`` header.

    Raises:
        InvalidIdentityError: not ``<http(s)://HOST/...>``, or another parameter than ``alg``.
    """
    match = _info(text.strip())
    if match is None:
        raise InvalidIdentityError("Identity-Info: expected <https://HOST/...>;alg=rsa-sha1")
    return IdentityInfo(match[1], (match[2] or ALGORITHM).lower())
