"""From the arguments of a call to a `Request`: headers, parameters, bodies, time limits."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any, Final, NoReturn, TypeAlias, TypedDict

from onehttp.calls.auth.credentials import AuthSource, with_auth
from onehttp.calls.call_options import check_size, with_idle, with_max_body
from onehttp.calls.parts.call_cookies import with_call_cookies
from onehttp.calls.parts.form_files import FileSource, with_whole_form
from onehttp.calls.parts.path_values import PathValues, with_path_values
from onehttp.hints.keywords import CALL_HINTS
from onehttp.hints.settings import OF_TIMEOUT
from onehttp.urls import ParamSource, ascii_url, encoded_pairs, with_params
from onehttp_backends.bodies.progress import Progress
from onehttp_backends.bodies.upload import Upload
from onehttp_backends.contract import Request, TransferOptions, plain_request
from onehttp_backends.errors import CurlCode, RequestError, RequestTypeError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.hints.keywords import unexpected

HeaderSource: TypeAlias = "Iterable[tuple[str, str]] | Mapping[str, str] | None"
TimeoutSource: TypeAlias = "float | Timeout | None"
BodySource: TypeAlias = "IO[bytes] | Iterable[bytes] | AsyncIterable[bytes]"

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
METHODS_WITHOUT_BODY = KNOWN_METHODS - METHODS_WITH_BODY
NO_HEADERS: HeaderPairs = ()
PLAIN = frozenset({"headers", "timeout"})
"""What a call may be given that is one exchange, with no body and nothing around it."""
_PLAIN_REQUEST = PLAIN | {"follow_redirects"}
_NO_TYPE = ("Content-Type", "")
_TEXT_TYPE = ("Content-Type", "text/plain; charset=utf-8")
_JSON_TYPE = ("Content-Type", "application/json")
_FORM_TYPE = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True, init=False)
class Timeout:
    """Limits of one call in seconds; None keeps the connection's, 0 is no limit.

    Raises:
        TypeError: another keyword; says which is meant.
    """

    total_s: float | None = None
    connect_s: float | None = None
    idle_s: float | None = None
    """How long nothing may move in any phase; 0 = no limit."""

    def __init__(
        self,
        total_s: float | None = None,
        connect_s: float | None = None,
        idle_s: float | None = None,
        **unknown: NoReturn,
    ) -> None:
        for keyword in unknown:
            raise unexpected(keyword, ("total_s", "connect_s", "idle_s"), OF_TIMEOUT)
        object.__setattr__(self, "total_s", total_s)
        object.__setattr__(self, "connect_s", connect_s)
        object.__setattr__(self, "idle_s", idle_s)


class CallArguments(TypedDict, total=False):
    """The keywords of every call, whatever makes it.

    It types a wrapper of one's own, too: ``def look_up(n: str, **call: Unpack[CallArguments])``.
    """

    headers: HeaderSource
    """Pairs in wire order, or a mapping."""
    path: PathValues
    """For each ``{name}`` in the path of the URL its value, quoted so that none leaves its segment;
    what would do so however it is quoted (``..``) is refused."""
    params: ParamSource
    """Query parameters, added to the URL percent-encoded: text, numbers, ``true`` and ``false``; a
    list gives a parameter for each item, None is left out, anything nested is refused."""
    body: bytes | str | BodySource | None
    """At most one of ``body``, ``json`` and ``form``. A file opened in binary mode, and what gives
    bytes piece by piece, is read while it is sent; see docs/streaming.md."""
    json: object
    form: ParamSource
    files: FileSource
    """Files of a form, by name, beside the fields of ``form``: sent as ``multipart/form-data``, and
    read from where they are while they are sent; see docs/services.md."""
    auth: AuthSource
    """Credentials instead of the connection's, for this call and its origin: a name and a password
    as a pair, `Basic`, `Bearer`, `Digest`, or a `TokenSource` for tokens that run out."""
    cookies: ParamSource
    """For this call and its origin, by name; before those that the connection keeps, of which it
    takes the place of any of the same name."""
    timeout: TimeoutSource
    """Seconds for everything, or a `Timeout`; None, or not given, is what the connection says
    (4 s in all, 1 s to connect where there is none), and 0 is no limit."""
    max_upload: int | None
    """Bytes of the request's body; a larger one is an `UploadError`."""
    progress: Callable[[Progress], object] | None
    """Is called while bodies pass, in the thread or task of the call."""
    max_body: int | None
    """Bytes of the response, decoded; 0 is no limit. What the connection says (10 MiB where there
    is none) unless given; what is larger is an error, or cut off, as the connection says."""
    follow_redirects: bool | None
    """What the connection says (no, where there is none) unless given; at most 10, or as many as
    the connection says, under the one time limit."""


NO_ARGUMENTS: Final[CallArguments] = {}


def build_request(
    method: str,
    url: str,
    options: TransferOptions,
    own_headers: HeaderPairs,
    call: CallArguments,
    content_type: str | None = None,
) -> Request:
    """The request of one call. ``own_headers`` are the connection's; a call's replace them by name.

    Raises:
        TypeError: a keyword that no call has; says which is meant.
        RequestError, RequestTypeError: an argument is not fit to be sent.
    """
    if (
        call.keys() <= _PLAIN_REQUEST
        and type(method) is type(url) is str
        and method in METHODS_WITHOUT_BODY
        and url.isascii()
        and not isinstance(call.get("timeout"), Timeout)
    ):  # as most calls are: nothing is asked of it that it cannot have
        plain: Any = call
        pairs = own_headers
        if plain.get("headers") is not None:
            pairs = header_pairs(plain["headers"])
            if own_headers:
                pairs = merge_headers(own_headers, pairs)
        return plain_request(method, url, pairs, options, plain.get("timeout"))
    headers: HeaderSource = None
    params: ParamSource = None
    form: ParamSource = None
    timeout: TimeoutSource = None
    body: bytes | str | Upload | None = None
    json: object = None
    path: PathValues = None
    max_body: int | None = None
    max_upload: int | None = None
    upload: Upload | None = None
    auth: AuthSource = None
    cookies: ParamSource = None
    given: Any = call  # one pass over the few that are given costs less than asking for each
    for keyword, value in given.items():
        if keyword == "headers":
            headers = value
        elif keyword == "timeout":
            timeout = value
        elif keyword == "params":
            params = value
        elif keyword == "json":
            json = value
        elif keyword == "body":
            body = value
        elif keyword == "form":
            form = value
        elif keyword == "path":
            path = value
        elif keyword == "max_body":
            max_body = value
        elif keyword == "max_upload":
            max_upload = value
        elif keyword == "auth":
            auth = value
        elif keyword == "cookies":
            cookies = value
        elif keyword == "files":
            if value is not None:
                whole: Any = with_whole_form(call)
                return build_request(method, url, options, own_headers, whole, content_type)
        elif keyword == "progress":
            if value is not None:
                raise RequestTypeError("progress: of calls that are waited for, not of submit()")
        elif keyword != "follow_redirects":
            raise unexpected(keyword, CallArguments.__annotations__, CALL_HINTS)
    if type(method) is not str or method not in KNOWN_METHODS:
        method = _method(method)
    if path is not None and isinstance(url, str):
        url = with_path_values(url, path)
    if params is not None:
        url = with_params(url, params)
    if not isinstance(url, str) or not url.isascii():
        url = ascii_url(url)
    pairs = own_headers
    if headers is not None or auth is not None or cookies is not None:
        pairs = header_pairs(headers)
        if cookies is not None:
            pairs = with_call_cookies(pairs, cookies)
        if auth is not None:
            own_headers, pairs, options = with_auth(own_headers, pairs, options, auth)
        if own_headers:
            pairs = merge_headers(own_headers, pairs)
    data = None
    if body is not None or json is not None or form is not None:
        if type(body) is bytes and json is None and form is None:
            data, type_header = body, _NO_TYPE
        else:
            # The first two are the usual ones, and no abstract class is asked about them.
            if body is not None and type(body) is not str and isinstance(body, Upload):
                upload, body = body, b""
            data, type_header = encode_body(body, json, form)
        if content_type and json is None and form is None:
            type_header = ("Content-Type", content_type)
        pairs = with_type(pairs, type_header)
    elif method in METHODS_WITH_BODY:
        data, pairs = b"", with_type(pairs, _NO_TYPE)
    if max_body is not None:
        options = with_max_body(options, max_body)
    total_s = connect_s = None
    if timeout is not None:
        total_s, connect_s = seconds_of(timeout)
        if isinstance(timeout, Timeout) and timeout.idle_s is not None:
            if not isinstance(timeout.idle_s, int | float):
                raise RequestTypeError(
                    CurlCode.BAD_FUNCTION_ARGUMENT,
                    f"timeout: idle_s: expected seconds, got {type(timeout.idle_s).__name__}",
                )
            options = with_idle(options, timeout.idle_s)
    if upload is not None:
        data = None
    elif max_upload is not None and data is not None:
        check_size(data, max_upload)
    return plain_request(method, url, pairs, options, total_s, data, connect_s, upload)


def _method(method: object) -> str:
    if not isinstance(method, str):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"method: expected str, got {type(method).__name__}"
        )
    known = method.upper()
    return known if known in KNOWN_METHODS else method


def header_pairs(headers: HeaderSource) -> HeaderPairs:
    """Headers as pairs, in their order. A tuple of pairs is taken as it is."""
    if headers is None:
        return NO_HEADERS
    if type(headers) is tuple:
        for pair in headers:
            if type(pair) is not tuple or len(pair) != 2:
                break
        else:
            return headers  # the same object again lets an engine skip its checks
    if type(headers) is dict:
        return tuple(headers.items())
    items = headers.items() if isinstance(headers, Mapping) else headers
    try:
        return tuple((name, value) for name, value in items)
    except (TypeError, ValueError):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            "headers: expected pairs of name and value, or a mapping of them",
        ) from None


def merge_headers(own: HeaderPairs, given: HeaderPairs) -> HeaderPairs:
    """A connection's headers, less those that the call names, then the call's."""
    own_names = _lowered_names(own)
    for name, _ in given:
        if isinstance(name, str) and name.lower() in own_names:
            break
    else:
        return own + given
    named = {name.lower() for name, _ in given if isinstance(name, str)}
    return (*(pair for pair in own if pair[0].lower() not in named), *given)


@lru_cache(maxsize=256)
def _lowered_names(own: HeaderPairs) -> frozenset[str]:
    """Of a connection's headers, which are the same for each of its calls."""
    return frozenset(name.lower() for name, _ in own)


def with_type(pairs: HeaderPairs, type_header: tuple[str, str]) -> HeaderPairs:
    """``pairs`` with a Content-Type, unless they have one."""
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
        return body, _NO_TYPE
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body), _NO_TYPE
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


def seconds_of(timeout: TimeoutSource) -> tuple[float | None, float | None]:
    """(total, connect) of a call's ``timeout``; the engine checks that they are seconds."""
    if isinstance(timeout, Timeout):
        return timeout.total_s, timeout.connect_s
    return timeout, None
