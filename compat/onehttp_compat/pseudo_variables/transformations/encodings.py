"""``{s.encode.*}``, ``{s.escape.*}``, their inverses, and quoting for SQL."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from onehttp_compat.pseudo_variables.transformations.rule import NoValueError, TransformationRule

_BASE58: Final = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ALNUM: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Characters that are not escaped: RFC 3261, user-unreserved and param-unreserved.
_IN_USER: Final = frozenset(_ALNUM + b"-_.!~*'()&=+$,;?/")
_IN_PARAM: Final = frozenset(_ALNUM + b"-_.!~*'()[]/:&+$")
_IN_QUERY: Final = frozenset(_ALNUM + b"-_.~")


def _escaped(data: bytes, plain: frozenset[int]) -> bytes:
    return b"".join(bytes((char,)) if char in plain else b"%%%02x" % char for char in data)


def _escape_sip(data: bytes, plain: frozenset[int]) -> bytes:
    if any(char < 0x20 or char > 0x7E for char in data):
        raise NoValueError("only printable ASCII is escaped so")
    return _escaped(data, plain)


def _unescape_sip(data: bytes) -> bytes:
    if re.search(rb"%(?![0-9A-Fa-f]{2})", data):
        raise NoValueError("a % without two hexadecimal digits")
    plain = unquote_to_bytes(data)
    if any(char < 0x20 or char > 0x7E for char in plain):
        raise NoValueError("only printable ASCII is escaped so")
    return plain


def _unhexed(data: bytes) -> bytes:
    try:
        return binascii.unhexlify(data)
    except ValueError as error:
        raise NoValueError(str(error)) from None


def _from_base64(data: bytes, is_padded: bool, is_url: bool) -> bytes:
    if is_padded and len(data) % 4:
        raise NoValueError("not a multiple of four characters")
    padded = data.rstrip(b"=") + b"=" * (-len(data.rstrip(b"=")) % 4)
    try:
        return base64.b64decode(padded, b"-_" if is_url else b"+/", validate=True)
    except ValueError as error:
        raise NoValueError(str(error)) from None


def _to_base58(data: bytes) -> bytes:
    value, digits = int.from_bytes(data, "big"), bytearray()
    while value:
        value, digit = divmod(value, 58)
        digits.append(_BASE58[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return _BASE58[:1] * zeros + bytes(reversed(digits))


def _from_base58(data: bytes) -> bytes:
    value = 0
    for char in data:
        digit = _BASE58.find(bytes((char,)))
        if digit < 0:
            raise NoValueError(f"{chr(char)!r} is no digit of base58")
        value = value * 58 + digit
    zeros = len(data) - len(data.lstrip(_BASE58[:1]))
    return b"\0" * zeros + value.to_bytes((value.bit_length() + 7) // 8, "big")


def _to_7bit(data: bytes) -> str:
    """Pack seven bits of each character, as in short messages, and write them in hexadecimal."""
    packed = sum((char & 0x7F) << (7 * place) for place, char in enumerate(data))
    return packed.to_bytes((len(data) * 7 + 7) // 8, "little").hex().upper()


def _from_7bit(data: bytes) -> bytes:
    raw = _unhexed(data)
    packed = int.from_bytes(raw, "little")
    return bytes((packed >> (7 * place)) & 0x7F for place in range(len(raw) * 8 // 7))


def _sql(data: bytes) -> bytes:
    return data if re.fullmatch(rb"-?\d+", data) else _sql_text(data)


def _sql_text(data: bytes) -> bytes:
    return b"'" + re.sub(rb"(['\"\\])", rb"\\\1", data) + b"'"


RULES: Final = {
    "s.encode.hexa": TransformationRule(lambda data: data.hex()),
    "s.decode.hexa": TransformationRule(_unhexed),
    "s.encode.7bit": TransformationRule(_to_7bit),
    "s.decode.7bit": TransformationRule(_from_7bit),
    "s.encode.base58": TransformationRule(_to_base58),
    "s.decode.base58": TransformationRule(_from_base58),
    "s.encode.base64": TransformationRule(base64.b64encode),
    "s.encode.base64t": TransformationRule(lambda data: base64.b64encode(data).rstrip(b"=")),
    "s.encode.base64url": TransformationRule(base64.urlsafe_b64encode),
    "s.encode.base64urlt": TransformationRule(
        lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
    ),
    "s.decode.base64": TransformationRule(lambda data: _from_base64(data, True, False)),
    "s.decode.base64t": TransformationRule(lambda data: _from_base64(data, False, False)),
    "s.decode.base64url": TransformationRule(lambda data: _from_base64(data, False, True)),
    "s.decode.base64urlt": TransformationRule(lambda data: _from_base64(data, False, True)),
    "s.escape.common": TransformationRule(lambda data: re.sub(rb"(['\"\\\0])", rb"\\\1", data)),
    "s.unescape.common": TransformationRule(lambda data: re.sub(rb"\\(['\"\\0])", rb"\1", data)),
    "s.escape.user": TransformationRule(lambda data: _escape_sip(data, _IN_USER)),
    "s.unescape.user": TransformationRule(_unescape_sip),
    "s.escape.param": TransformationRule(lambda data: _escape_sip(data, _IN_PARAM)),
    "s.unescape.param": TransformationRule(_unescape_sip),
    "s.escape.csv": TransformationRule(lambda data: b'"' + data.replace(b'"', b'""') + b'"'),
    "s.urlencode.param": TransformationRule(lambda data: _escaped(data, _IN_QUERY)),
    "s.urldecode.param": TransformationRule(
        lambda data: unquote_to_bytes(data.replace(b"+", b" "))
    ),
    "sql.val": TransformationRule(_sql),
    "sql.val.int": TransformationRule(lambda data: data or b"0"),
    "sql.val.str": TransformationRule(_sql_text),
}
