"""Credentials of digest authentication, as headers have them."""

from __future__ import annotations

import re

from onehttp_compat.sip.message import SipMessage

_parameter = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def digests(message: SipMessage, header: str) -> list[tuple[str, dict[str, str]]]:
    """The credentials in headers of that name: as they are written, and what they say, by
    lower-case name."""
    return [
        (text, {name.lower(): one or other for name, one, other in _parameter.findall(text[7:])})
        for text in message.all(header)
        if text[:7].lower() == "digest "
    ]
