"""The bytes of a body that is given as text, JSON or a form, and its Content-Type."""

from __future__ import annotations

from typing import Final

from onehttp.urls import ParamSource, encoded_pairs
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError
from onehttp_backends.headers import HeaderPairs

NO_TYPE: Final = ("Content-Type", "")
_TEXT_TYPE: Final = ("Content-Type", "text/plain; charset=utf-8")
_JSON_TYPE: Final = ("Content-Type", "application/json")
_FORM_TYPE: Final = ("Content-Type", "application/x-www-form-urlencoded")


def with_type(pairs: HeaderPairs, type_header: tuple[str, str]) -> HeaderPairs:
    """``pairs`` with a Content-Type, unless they have one."""
    if not pairs:
        return (type_header,)
    for name, _ in pairs:
        if isinstance(name, str) and name.lower() == "content-type":
            return pairs
    return (*pairs, type_header)


def encode_body(
    body: bytes | str | None, json: object, form: ParamSource
) -> tuple[bytes, tuple[str, str]]:
    """The bytes of a body, and the Content-Type they imply."""
    if (body is not None) + (json is not None) + (form is not None) > 1:
        raise RequestError(
            CurlCode.BAD_FUNCTION_ARGUMENT, "give only one of body=, json= and form="
        )
    if form is not None:
        return encoded_pairs(form, "form").encode(), _FORM_TYPE
    if json is not None:
        return _encode_json(json), _JSON_TYPE
    if isinstance(body, str):
        try:
            return body.encode(), _TEXT_TYPE
        except UnicodeEncodeError as error:
            raise RequestError(
                CurlCode.BAD_FUNCTION_ARGUMENT, f"body: character {error.start} is not encodable"
            ) from None
    if isinstance(body, bytes):
        return body, NO_TYPE
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body), NO_TYPE
    raise RequestTypeError(
        f"body: expected bytes or str, got {type(body).__name__}; files and iterators are sent by "
        "request(), arequest(), stream() and astream(), and not by submit()"
    )


def _encode_json(json: object) -> bytes:
    from json import dumps

    try:
        return dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise RequestTypeError(CurlCode.BAD_FUNCTION_ARGUMENT, f"json: {error}") from None
