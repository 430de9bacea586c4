"""From the arguments of a call to a `Request`: headers, parameters, bodies, time limits."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final, NoReturn, TypeAlias, TypedDict

from onehttp.calls.auth.credentials import AuthSource, with_auth
from onehttp.calls.call_options import check_size, with_idle, with_max_body
from onehttp.calls.parts.bodies import NO_TYPE, encode_body, with_type
from onehttp.calls.parts.call_cookies import with_call_cookies
from onehttp.calls.parts.form_files import FileSource, with_whole_form
from onehttp.calls.parts.path_values import PathValues, with_path_values
from onehttp.hints.keywords import CALL_HINTS
from onehttp.hints.settings import OF_TIMEOUT
from onehttp.urls import ParamSource, ascii_url, with_params
from onehttp_backends.bodies.progress import Progress
from onehttp_backends.bodies.upload import Upload
from onehttp_backends.contract import Request, TransferOptions, plain_request
from onehttp_backends.errors import CurlCode, RequestTypeError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.hints.keywords import unexpected
from onehttp_backends.rules.plain_calls import (
    KNOWN_METHODS,
    METHODS_WITH_BODY,
    METHODS_WITHOUT_BODY,
    NO_HEADERS,
    merge_headers,
    plain_pairs,
)
from onehttp_backends.rules.plain_text import plain_text

HeaderSource: TypeAlias = "Iterable[tuple[str, str]] | Mapping[str, str] | None"
TimeoutSource: TypeAlias = "float | Timeout | None"
BodySource: TypeAlias = "IO[bytes] | Iterable[bytes] | AsyncIterable[bytes]"

PLAIN: Final = frozenset({"headers", "timeout"})
"""The keywords of the simplest calls: one exchange, no body, nothing around it."""
_PLAIN_REQUEST: Final = PLAIN | {"follow_redirects", "body"}
_PLAIN_BODIES: Final[Mapping[type, frozenset[str]]] = {
    bytes: KNOWN_METHODS,
    type(None): METHODS_WITHOUT_BODY,
}
"""By the type of a body: methods with which it is sent as it is."""


@dataclass(frozen=True, slots=True, init=False)
class Timeout:
    """Time limits of one call in seconds. None keeps the connection's limit, 0 means no limit.

    Raises:
        TypeError: unknown keyword; the message suggests the right one.
    """

    total_s: float | None = None
    """The limit of the whole call: attempts, redirects and the waits between them."""
    connect_s: float | None = None
    """Until connected, TLS included."""
    idle_s: float | None = None
    """The limit of a time without progress, in any phase."""

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
    """The keywords that every call takes.

    Use it to type your own wrappers: ``def look_up(n: str, **call: Unpack[CallArguments])``.
    """

    headers: HeaderSource
    """Pairs, sent in this order, or a mapping."""
    path: PathValues
    """Values for each ``{name}`` in the URL's path, quoted so that none leaves its segment; a value
    that would (``..``) is refused."""
    params: ParamSource
    """Query parameters, added to the URL percent-encoded: text, numbers, or bools (``true``,
    ``false``). A list gives a parameter for each item, None is left out, nesting is refused."""
    body: bytes | str | BodySource | None
    """Give at most one of ``body``, ``json`` and ``form``. Binary files and iterators of bytes are
    read while they are sent; see docs/streaming.md."""
    json: object
    form: ParamSource
    files: FileSource
    """Files by field name, sent with the fields of ``form`` as ``multipart/form-data``, and read
    while they are sent; see docs/services.md."""
    auth: AuthSource
    """Credentials for this call, instead of the connection's: a pair of name and password, `Basic`,
    `Bearer`, `Digest`, or a `TokenSource` for tokens that expire. Not sent to other origins."""
    cookies: ParamSource
    """Cookies for this call, by name, which replace kept ones of the same name. Not sent to other
    origins."""
    timeout: TimeoutSource
    """Seconds for the whole call, or a `Timeout`; 0 = no limit. Default (None): the connection's
    limits, or 4 s in all and 1 s to connect for calls without a connection."""
    max_upload: int | None
    """Largest request body in bytes; a larger one raises `UploadError`."""
    progress: Callable[[Progress], object] | None
    """Called while bodies are sent and received, in the thread or task of the call."""
    max_body: int | None
    """Largest response body in bytes, after decoding; 0 = no limit. Default (None): the
    connection's, or 10 MiB. A larger body is an error or cut off, as the connection says."""
    follow_redirects: bool | None
    """Default (None): as the connection says, or no. At most as many as the connection says, or 10,
    within the time limit of the call."""


NO_ARGUMENTS: Final[CallArguments] = {}


def build_request(
    method: str,
    url: str,
    options: TransferOptions,
    own_headers: HeaderPairs,
    call: CallArguments,
    content_type: str | None = None,
) -> Request:
    """The request of one call. Its headers replace the connection's ``own_headers`` by name.

    Raises:
        TypeError: unknown keyword; the message suggests the right one.
        RequestError, RequestTypeError: an argument cannot be sent.
    """
    get: Callable[[str], Any] = call.get
    body, timeout = get("body"), get("timeout")
    if (
        _PLAIN_REQUEST.issuperset(call)
        and type(method) is type(url) is str
        and method in _PLAIN_BODIES.get(type(body), ())
        and url.isascii()
        and not isinstance(timeout, Timeout)
    ):  # the short way for most calls: none of their arguments needs more work than this
        pairs, headers = own_headers, get("headers")
        if headers is not None:
            pairs = header_pairs(headers)
            if own_headers:
                pairs = merge_headers(own_headers, pairs)
        if body is not None:
            pairs = with_type(pairs, ("Content-Type", content_type) if content_type else NO_TYPE)
        return plain_request(method, url, pairs, options, timeout, body)
    return _request_of_any(method, url, options, own_headers, call, content_type)


def _request_of_any(
    method: str,
    url: str,
    options: TransferOptions,
    own_headers: HeaderPairs,
    call: CallArguments,
    content_type: str | None,
) -> Request:
    """The request of a call with whatever arguments.

    It is one function because parts of it would hand a dozen values on in each call.
    """
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
    given: Any = call  # one pass over the few given costs less than a lookup for each keyword
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
    url = _url(url, path, params)
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
        data, upload, type_header = _body(body, json, form)
        if content_type and json is None and form is None:
            type_header = ("Content-Type", content_type)
        pairs = with_type(pairs, type_header)
    elif method in METHODS_WITH_BODY:
        data, pairs = b"", with_type(pairs, NO_TYPE)
    if max_body is not None:
        options = with_max_body(options, max_body)
    total_s = connect_s = None
    if timeout is not None:
        total_s, connect_s = seconds_of(timeout)
        if isinstance(timeout, Timeout) and timeout.idle_s is not None:
            options = with_idle(options, timeout.idle_s)
    if max_upload is not None and data is not None:
        check_size(data, max_upload)
    return plain_request(method, url, pairs, options, total_s, data, connect_s, upload)


def _url(url: str, path: PathValues, params: ParamSource) -> str:
    if type(url) is not str and isinstance(url, str):
        url = plain_text(url)
    if path is not None and isinstance(url, str):
        url = with_path_values(url, path)
    if params is not None:
        url = with_params(url, params)
    if not isinstance(url, str) or not url.isascii():
        url = ascii_url(url)
    return url


def _body(
    body: bytes | str | Upload | None, json: object, form: ParamSource
) -> tuple[bytes | None, Upload | None, tuple[str, str]]:
    """What is sent at once, or read meanwhile, and its type."""
    if type(body) is bytes and json is None and form is None:
        return body, None, NO_TYPE
    # None and str are the usual ones: `isinstance` with an abstract class is slow.
    if body is not None and type(body) is not str and isinstance(body, Upload):
        _, type_header = encode_body(b"", json, form)
        return None, body, type_header
    data, type_header = encode_body(body, json, form)
    return data, None, type_header


def _method(method: object) -> str:
    if not isinstance(method, str):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"method: expected str, got {type(method).__name__}"
        )
    known = method.upper()
    return known if known in KNOWN_METHODS else plain_text(method)


def header_pairs(headers: HeaderSource) -> HeaderPairs:
    """Headers as pairs, in their order. A tuple of pairs is taken as it is."""
    if headers is None:
        return NO_HEADERS
    if (plain := plain_pairs(headers)) is not None:
        return plain
    items = headers.items() if isinstance(headers, Mapping) else headers
    try:
        return tuple((name, value) for name, value in items)
    except (TypeError, ValueError):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            "headers: expected pairs of name and value, or a mapping of them",
        ) from None


def seconds_of(timeout: TimeoutSource) -> tuple[float | None, float | None]:
    """(total, connect) of a call's ``timeout``; the engine checks that they are seconds."""
    if isinstance(timeout, Timeout):
        return timeout.total_s, timeout.connect_s
    return timeout, None
