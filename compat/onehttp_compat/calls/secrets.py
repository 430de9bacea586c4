"""Removes secrets from the source code of scripts, before it is shown."""

from __future__ import annotations

import re

_userinfo = re.compile(r"(://)[^/\s\"'@{}]*@")
_query = re.compile(r"(?i)([?&][\w-]*(?:token|key|secret|pass|pwd|auth|sig)\w*=)[^&#\s\"'{}]+")
_header = re.compile(r"(?i)(authorization\W+\w+\s+|x-api-key\W+)[^\s\"'\\{}]+")


def without_secrets(code: str) -> str:
    """Return source code without text that looks like credentials in URLs, headers and
    parameters."""
    return _header.sub(r"\1...", _query.sub(r"\1...", _userinfo.sub(r"\1...@", code)))
