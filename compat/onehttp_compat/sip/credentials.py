"""Parses the credentials of digest authentication in headers."""

from __future__ import annotations

import re

from onehttp_compat.sip.message import SipMessage

_parameter = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def digests(message: SipMessage, header: str) -> list[tuple[str, dict[str, str]]]:
    """Return the credentials in headers of that name: the text of each, and its fields by
    lower-case name."""
    return [
        (text, {name.lower(): one or other for name, one, other in _parameter.findall(text[7:])})
        for text in message.all(header)
        if text[:7].lower() == "digest "
    ]
