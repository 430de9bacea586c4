"""Names that a value has in other libraries: whoever asks for one is told what it is called here.

Nothing else pays. What stands here is found only where a class has no such attribute, whereas a
``__getattr__`` makes every attribute of the class dearer before Python 3.12. Type checkers do not
see it, so that to them such a name stays a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn

_STATUS = "it is `status`"
_BODY = "it is `body`, which is bytes; `text` and `json()` decode it"
_PIECES = "the body is here whole, as `body`; onehttp.stream(...) reads one piece by piece"
_ITER_BYTES = f"{_PIECES}, by `iter_bytes`"
_ITER_LINES = f"{_PIECES}, by `iter_lines`"
_ITER_TEXT = f"{_PIECES}, by `iter_text`"
_COOKIES = (
    "`connection.cookies` keeps them where the connection says `cookies: true`; those of this "
    "answer are headers.get_all('Set-Cookie')"
)
_CHARSET = "`text` goes by the charset of the Content-Type; decode `body` for another"
_ERROR = "compare `status`: 400 and above is an error, as it is for raise_for_status()"
_REQUEST = "a response does not keep it; hooks see both (docs/services.md), `url` is here"
_REDIRECT = "`is_redirect` says whether it leads on; `history` has what was followed"
_TYPE = "it is headers['Content-Type']"

OF_RESPONSE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "status_code": _STATUS,
        "code": _STATUS,
        "content": _BODY,
        "data": _BODY,
        "raw": _PIECES,
        "ok": "it is `is_success` for 200 to 299; the `ok` of others is status < 400",
        "is_ok": "it is `is_success`",
        "is_error": _ERROR,
        "is_client_error": _ERROR,
        "is_server_error": _ERROR,
        "reason_phrase": "it is `reason`",
        "cookies": _COOKIES,
        "encoding": _CHARSET,
        "charset": _CHARSET,
        "charset_encoding": _CHARSET,
        "apparent_encoding": _CHARSET,
        "content_type": _TYPE,
        "content_length": "it is headers['Content-Length']; len(body) is what came",
        "num_bytes_downloaded": "it is len(body)",
        "request": _REQUEST,
        "request_info": _REQUEST,
        "method": _REQUEST,
        "next": _REDIRECT,
        "next_request": _REDIRECT,
        "has_redirect_location": _REDIRECT,
        "is_permanent_redirect": _REDIRECT,
        "raw_headers": "it is headers.pairs; `head` is the bytes of all",
        "getheader": "it is headers.get(name)",
        "version": "it is `http_version`",
        "extensions": "there are none; `http_version`, `reason`, `peer` and `timings` are here",
        "read": _PIECES,
        "aread": f"{_PIECES}, in a coroutine onehttp.astream(...), by `await response.read()`",
        "close": "there is nothing to close: the body is here whole",
        "aclose": "there is nothing to close: the body is here whole",
        "release": "there is nothing to release: the body is here whole",
        "iter_content": _ITER_BYTES,
        "iter_bytes": _ITER_BYTES,
        "iter_raw": _ITER_BYTES,
        "aiter_bytes": f"{_ITER_BYTES}, of onehttp.astream(...) too",
        "aiter_raw": f"{_ITER_BYTES}, of onehttp.astream(...) too",
        "iter_text": _ITER_TEXT,
        "aiter_text": f"{_ITER_TEXT}, of onehttp.astream(...) too",
        "iter_lines": _ITER_LINES,
        "aiter_lines": f"{_ITER_LINES}, of onehttp.astream(...) too",
    }
)
OF_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "get_list": "it is get_all(name)",
        "getlist": "it is get_all(name)",
        "getall": "it is get_all(name)",
        "getone": "it is headers[name], which joins those of one name; get_all(name)[0] is one",
        "multi_items": "it is `pairs`: names and values in the order received",
        "raw": "it is `pairs`, as text; `head` of the response is the bytes",
        "update": "the headers of a response are as they came: dict(headers) makes a copy",
        "setdefault": "the headers of a response are as they came: dict(headers) makes a copy",
        "copy": "the headers of a response are as they came: dict(headers) makes a copy",
    }
)


class _Elsewhere:
    """Stands in a class for a name that it does not have."""

    __slots__ = ("_hint", "_name")

    def __init__(self, name: str, hint: str) -> None:
        self._name = name
        self._hint = hint

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(
            f"{owner.__name__!r} object has no attribute {self._name!r}: {self._hint}"
        )


def tell(owner: type, hints: Mapping[str, str]) -> None:
    """Have ``owner`` say how is called what others call by the names of ``hints``.

    Raises:
        ValueError: it has one of them.
    """
    for name, hint in hints.items():
        if hasattr(owner, name):
            raise ValueError(f"{owner.__name__} has {name}")
        setattr(owner, name, _Elsewhere(name, hint))
    setattr(owner, "__dir__", _own_names)  # noqa: B010 - a checker would have it be a method


def _own_names(value: Any) -> Iterable[str]:
    """What ``dir`` lists: no name that there is not."""
    kind: type = type(value)
    for name in object.__dir__(value):
        found = next((vars(each)[name] for each in kind.__mro__ if name in vars(each)), None)
        if not isinstance(found, _Elsewhere):
            yield name
