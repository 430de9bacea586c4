"""The digest string of RFC 4474 (section 9): the text that is signed for a request."""

from __future__ import annotations

import re
from typing import Final

from onehttp.identity import InvalidIdentityError
from onehttp_compat.sip.request import SipRequest, addr_spec

MAX_CSEQ: Final = 2**32 - 1
_number = re.compile(r"[0-9]{1,10}").fullmatch
_cseq = re.compile(r"(\S+)\s+([!-~]+)").fullmatch


def digest_string(request: SipRequest, date: str, body: bytes, *, is_lenient: bool) -> bytes:
    """Return the text to sign: addresses, dialogue, date, contact and body.

    Args:
        date: the text of the Date header.
        is_lenient: treat a missing header as empty, as the original does.

    Raises:
        InvalidIdentityError: a header is missing or malformed.
    """
    parts = (
        _uri(request, "From", is_lenient),
        _uri(request, "To", is_lenient),
        _required(request, "Call-ID", is_lenient),
        _cseq_text(request, is_lenient),
        date,
        addr_spec(request.header("Contact") or "") or "",
    )
    return "|".join(parts).encode("utf-8", "surrogateescape") + b"|" + body


def received_body(request: SipRequest) -> bytes:
    """Return the body, whose length must be that of Content-Length.

    Raises:
        InvalidIdentityError: there is a body without Content-Length, or with another length.
    """
    length = request.header("Content-Length")
    if length is None:
        if request.body:
            raise InvalidIdentityError("a body, and no Content-Length")
        return b""
    if not _number(length) or int(length) > len(request.body):
        raise InvalidIdentityError(f"Content-Length {length[:20]!r} of {len(request.body)} bytes")
    return request.body[: int(length)]


def read_cseq(text: str) -> tuple[str, str]:
    """Return the number (its digits as written) and the method of a CSeq header.

    Raises:
        InvalidIdentityError: the header does not consist of two words.
    """
    match = _cseq(text)
    if match is None:
        raise InvalidIdentityError(f"CSeq: {text[:40]!r} is not a number and a method")
    return match[1], match[2]


def cseq_number(digits: str) -> int:
    """Return the number of a CSeq header.

    Raises:
        InvalidIdentityError: it is not a number of 32 bits.
    """
    if not _number(digits) or int(digits) > MAX_CSEQ:
        raise InvalidIdentityError(f"CSeq: {digits[:20]!r} is not a number of 32 bits")
    return int(digits)


def _cseq_text(request: SipRequest, is_lenient: bool) -> str:
    text = _required(request, "CSeq", is_lenient)
    return " ".join(read_cseq(text)) if text else ""


def _uri(request: SipRequest, name: str, is_lenient: bool) -> str:
    text = _required(request, name, is_lenient)
    uri = addr_spec(text)
    if uri is None and text:
        raise InvalidIdentityError(f"{name}: no address in it")
    return uri or ""


def _required(request: SipRequest, name: str, is_lenient: bool) -> str:
    text = request.header(name)
    if text is None and not is_lenient:
        raise InvalidIdentityError(f"no {name} header")
    return text or ""
