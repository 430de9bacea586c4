"""The ``Identity`` header of RFC 8224: a token, where its certificate is, which kind it is."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from onehttp.identity.errors import InvalidIdentityError, MissingIdentityError, check_text
from onehttp_backends.hints.keywords import explained

MAX_HEADER_LENGTH = 32 * 1024
_url = re.compile("<[^<>]+>").fullmatch
_parameter = re.compile(
    r";\s*([A-Za-z0-9._~!%*+-]+)\s*(?:=\s*(<[^<>\s]*>|\"[^\"]*\"|[^;\s\"<>]+))?\s*"
)


@dataclass(frozen=True, slots=True)
class IdentityHeader:
    """One header, taken apart."""

    token: str
    info: str
    """URL of the certificate."""
    alg: str = "ES256"
    ppt: str | None = None
    """Kind of PASSporT: None, ``shaken``, ``div``, ..."""

    def __str__(self) -> str:
        ppt = f";ppt={self.ppt}" if self.ppt else ""
        return f"{self.token};info=<{self.info}>;alg={self.alg}{ppt}"


@explained
def parse_header(value: str) -> IdentityHeader:
    """Take the value of an ``Identity`` header apart.

    Raises:
        MissingIdentityError: there is none.
        InvalidIdentityError: malformed, no ``info``, or a parameter that stands twice.
    """
    check_text("Identity", value, MissingIdentityError)
    text, semicolon, rest = value.partition(";")
    if len(value) > MAX_HEADER_LENGTH or not semicolon:
        raise InvalidIdentityError("Identity: expected TOKEN;info=<URL>")
    info, alg, ppt = _parameters(semicolon + rest)
    if info is None or not _url(info):
        raise InvalidIdentityError("Identity: no info=<URL>")
    return IdentityHeader(text.strip(), info[1:-1], alg or "ES256", ppt)


@functools.lru_cache(maxsize=1024)
def _parameters(text: str) -> tuple[str | None, str | None, str | None]:
    # Kept: few certificates sign many calls, and the same text comes again.
    parameters: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _parameter.match(text, at)
        if match is None:
            raise InvalidIdentityError(f"Identity: malformed at {text[at : at + 40]!r}")
        name = match[1].lower()
        if name in parameters:
            raise InvalidIdentityError(f"Identity: {name} stands twice")
        parameters[name] = match[2] or ""
        at = match.end()
    alg, ppt = (
        parameters[name].strip('"') if parameters.get(name) else None for name in ("alg", "ppt")
    )
    return parameters.get("info"), alg, ppt
