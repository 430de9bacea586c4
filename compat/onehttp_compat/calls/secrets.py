"""Removes secrets from the source code of scripts, before it is shown."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = (
    r"[\w-]*(?:token|key|secret|passw|pass|pwd|auth|sig|credential|session|cookie)[\w-]*|pw|tok"
)
_QUOTE: Final = r"\\?[\"']"
_userinfo = re.compile(r"(://)[^/\s\"'@{}]*@")
_parameter = re.compile(rf"(?i)((?:[?&]|{_QUOTE})(?:{_NAME})=)[^&#\s\"'{{}}\\]+")
# A header in a text, the pair of its name and value, or a key of JSON: the value is all its text.
_header = re.compile(
    rf"(?i)((?:{_QUOTE}|[\r\n]|\\n)(?:{_NAME})(?:\s*:\s*|{_QUOTE}\s*[:,]\s*{_QUOTE})"
    rf"(?:(?:basic|bearer|digest|negotiate|token)\s+)?)[^\s\"'\\{{}}][^\"'\\{{}}\r\n]*"
)
# What has no telling name, but a shape that nothing else has: a JSON Web Token (its two objects
# begin with `{"`), the value of an Authorization header by itself, a long number as parameter.
_token = re.compile(r"\beyJ[\w-]{6,}\.eyJ[\w-]{6,}\.[\w-]*")
_scheme = re.compile(r"(?i)((?:\"|')(?:basic|bearer)\s+)[\w.~+/=-]{8,}(?=\"|')")
_number = re.compile(r"([?&][\w.-]+=)[0-9a-fA-F]{32,}(?![\w{])")


def without_secrets(code: str) -> str:
    """Return source code without text that looks like credentials in URLs, headers, parameters,
    forms and JSON: by their names, or by a shape that nothing else has."""
    code = _header.sub(r"\1...", _parameter.sub(r"\1...", _userinfo.sub(r"\1...@", code)))
    return _number.sub(r"\1...", _scheme.sub(r"\1...", _token.sub("...", code)))
