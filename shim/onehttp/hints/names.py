"""Names that other libraries have in their module, clients and streams, and the names here."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType, MappingProxyType
from typing import Final

_PAGE = "docs/from-httpx.md"
_VERBS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
_CLIENT = (
    "a client is a named connection here: onehttp.init(...) once per process, then "
    f"onehttp.connection(name) ({_PAGE})"
)
_ASYNC_CLIENT = f"{_CLIENT}; in a coroutine await its aget, apost, arequest"
_POOL = f"onehttp.init(max_idle_connections=...), and `limits:` of a connection ({_PAGE})"
_DOUBLE = 'tests: init(backend="httpx", handler=function), or app=, wsgi_app= (docs/testing.md)'
_TRANSPORT = f"the engine is chosen by init(backend=...); {_DOUBLE}"
_RETRY = "`retry:` of a named connection (docs/policies.md)"
_TIMEOUT_ERROR = "it is onehttp.TimeoutError, whose `phase` says waiting for what"
_CONNECT = "it is onehttp.ConnectError"
_TRANSFER = "it is onehttp.TransferError; onehttp.OnehttpError has HTTPStatusError in it, too"
_STATUS = "it is onehttp.HTTPStatusError, of raise_for_status()"
_BASE = "it is onehttp.OnehttpError"
_HTTP_ERROR = "that of httpx is onehttp.OnehttpError, that of requests onehttp.HTTPStatusError"
_URL = "URLs are plain text here: params= adds a query, path= fills in {names}"
_DOES_NOT_END = "no connection is closed by hand: onehttp.shutdown() ends the engine of the process"
_OPTIONS = "`spec.options` has how it is set; the method is request('OPTIONS', target)"
_OF_SPEC = "what it sends and how stands in `spec`, and comes from init(...)"
_ITER_BYTES = "it is iter_bytes(); `for` of stream(...), `async for` of astream(...)"
_ITER_LINES = "it is iter_lines(); `for` of stream(...), `async for` of astream(...)"
_ITER_TEXT = "it is iter_text(); `for` of stream(...), `async for` of astream(...)"
_READ = "it is read(); its outcome is `body` afterwards"

OF_MODULE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            verb: f"it is onehttp.request({verb.upper()!r}, url), or {verb}(path) of a "
            "named connection"
            for verb in _VERBS[:-2]
        },
        **{verb: f"it is onehttp.request({verb.upper()!r}, url)" for verb in _VERBS[-2:]},
        **{
            f"a{verb}": f"it is onehttp.arequest({verb.upper()!r}, url), or a{verb}(path) of a "
            "named connection"
            for verb in _VERBS[:-2]
        },
        "Client": _CLIENT,
        "Session": _CLIENT,
        "session": _CLIENT,
        "AsyncClient": _ASYNC_CLIENT,
        "ClientSession": _ASYNC_CLIENT,
        "AsyncSession": _ASYNC_CLIENT,
        "PoolManager": _CLIENT,
        "HTTPConnectionPool": _CLIENT,
        "Limits": _POOL,
        "TCPConnector": _POOL,
        "HTTPAdapter": _TRANSPORT,
        "BaseTransport": _TRANSPORT,
        "HTTPTransport": _TRANSPORT,
        "AsyncHTTPTransport": _TRANSPORT,
        "MockTransport": _DOUBLE,
        "ASGITransport": _DOUBLE,
        "WSGITransport": _DOUBLE,
        "Retry": _RETRY,
        "ClientTimeout": "it is onehttp.Timeout(total_s=..., connect_s=..., idle_s=...)",
        "BasicAuth": "it is onehttp.Basic(name, password), or auth=(name, password)",
        "HTTPBasicAuth": "it is onehttp.Basic(name, password), or auth=(name, password)",
        "DigestAuth": "it is onehttp.Digest(name, password)",
        "HTTPDigestAuth": "it is onehttp.Digest(name, password)",
        "Cookies": "cookies={name: value} of a call; a connection's jar is onehttp.CookieJar",
        "URL": _URL,
        "QueryParams": _URL,
        "FormData": "give form={...}, and files= beside it",
        "codes": "statuses are plain numbers here; http.HTTPStatus has their names",
        "HTTPError": _HTTP_ERROR,
        "RequestException": _BASE,
        "ClientError": _BASE,
        "ClientResponseError": _STATUS,
        "TransportError": _TRANSFER,
        "NetworkError": _TRANSFER,
        "ConnectionError": _CONNECT,
        "ClientConnectorError": _CONNECT,
        "SSLError": "it is onehttp.TLSError",
        "Timeouts": "it is onehttp.Timeout",
        "TimeoutException": _TIMEOUT_ERROR,
        "ConnectTimeout": _TIMEOUT_ERROR,
        "ReadTimeout": _TIMEOUT_ERROR,
        "WriteTimeout": _TIMEOUT_ERROR,
        "PoolTimeout": "it is onehttp.LimitReachedError",
        "ReadError": "it is onehttp.DisconnectedError",
        "RemoteProtocolError": "it is onehttp.ProtocolError, or onehttp.DisconnectedError",
        "LocalProtocolError": "it is onehttp.RequestError",
        "InvalidURL": "it is onehttp.RequestError",
        "TooManyRedirects": "it is onehttp.TooManyRedirectsError",
        "DecodingError": "it is onehttp.ProtocolError",
    }
)
OF_CONNECTION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "options": _OPTIONS,
        "aoptions": "it is arequest('OPTIONS', target)",
        "base_url": "it is `spec.url`",
        "url": "it is `spec.url`",
        "headers": _OF_SPEC,
        "params": _OF_SPEC,
        "auth": _OF_SPEC,
        "timeout": _OF_SPEC,
        "verify": _OF_SPEC,
        "proxies": _OF_SPEC,
        "max_redirects": _OF_SPEC,
        "trust_env": _OF_SPEC,
        "event_hooks": "it is onehttp.init(hooks=onehttp.Hooks(..., connection=name))",
        "hooks": "it is onehttp.init(hooks=onehttp.Hooks(..., connection=name))",
        "mount": _TRANSPORT,
        "adapters": _TRANSPORT,
        "build_request": "it is build(method, target)",
        "close": _DOES_NOT_END,
        "aclose": _DOES_NOT_END,
    }
)
_SETS: Final = "its servers set them; cookies={name: value} of a call sends one with that call"
_ITERATES: Final = "iterate over the jar: each is a Cookie with name, value, domain and path"
_CLEARS: Final = "clear() removes all of them"
OF_JAR: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("set", "set_cookie", "setdefault", "update", "__setitem__"), _SETS),
        **dict.fromkeys(("items", "keys", "values", "get_dict", "jar"), _ITERATES),
        **dict.fromkeys(("delete", "pop", "__delitem__"), _CLEARS),
    }
)
OF_STREAM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "content": "it is `body`, after read()",
        "data": "it is `body`, after read()",
        "raw": _ITER_BYTES,
        "iter_content": _ITER_BYTES,
        "iter_raw": _ITER_BYTES,
        "aiter_raw": _ITER_BYTES,
        "aiter_bytes": _ITER_BYTES,
        "iter_chunked": _ITER_BYTES,
        "iter_any": _ITER_BYTES,
        "aiter_text": _ITER_TEXT,
        "aiter_lines": _ITER_LINES,
        "aread": _READ,
        "aclose": "it is close(), which the end of `async with` calls",
        "release": "it is close(), which the end of `with` calls",
        "num_bytes_downloaded": "it is `received`",
        "content_length": "it is `announced`, codings included",
    }
)
_OF_OPEN: Final = (
    "read",
    "iter_bytes",
    "iter_text",
    "iter_lines",
    "save",
    "body",
    "text",
    "json",
    "status",
    "headers",
    "raise_for_status",
    "close",
)
_BY_WITH: Final = "it is opened by `with onehttp.stream(...) as response:`"
_BY_ASYNC_WITH: Final = "it is opened by `async with onehttp.astream(...) as response:`"
OF_STREAM_CONTEXT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(_OF_OPEN, _BY_WITH),
        **dict.fromkeys(("__aenter__", "__aexit__"), f"{_BY_WITH}; in a coroutine take astream()"),
    }
)
OF_ASYNC_STREAM_CONTEXT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(_OF_OPEN, _BY_ASYNC_WITH),
        **dict.fromkeys(("__enter__", "__exit__"), f"{_BY_ASYNC_WITH}; in a thread take stream()"),
    }
)


def no_such_name(name: str, asking: FrameType) -> Exception:
    """Return the error for an unknown attribute ``name`` of this library.

    ``from onehttp import name`` would replace the text of an AttributeError by its own, so an
    import gets an ImportError.
    """
    hint = OF_MODULE.get(name)
    if hint is None:
        return AttributeError(f"module 'onehttp' has no attribute {name!r}")
    if asking.f_code.co_name == "_handle_fromlist":  # importlib asks for the attribute first
        return ImportError(f"cannot import name {name!r} from 'onehttp': {hint}", name="onehttp")
    return AttributeError(f"module 'onehttp' has no attribute {name!r}: {hint}")
