"""Stores the queries of `submit` in a queue, or gives the caller the reason why not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from onehttp.calls.arguments import (
    CallArguments,
    build_request,
    header_pairs,
    seconds_of,
)
from onehttp.calls.carrier import Asked
from onehttp.calls.named_call import request_on
from onehttp.calls.parts.bodies import encode_body, with_type
from onehttp.durable.message import Message
from onehttp.errors import ConfigurationError, CurlCode, RequestError, RequestTypeError
from onehttp.queries.query import Query
from onehttp.runtime import Runtime
from onehttp.urls import plain_value, query_pairs
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.request_rules import check_message, check_request

if TYPE_CHECKING:
    from pathlib import Path

    from onehttp.durable.store import Store

VARIABLE: Final = "ONEHTTP_QUEUES"
_KINDS: Final = "sqlite:///path/of/file.db or nats://host:4222"
_IN_MEMORY: Final = ":memory:"
"""SQLite's name for a database in memory, which no other process sees."""
KEPT: Final = frozenset(
    {"headers", "path", "params", "body", "json", "form", "timeout", "max_body", "follow_redirects"}
)


def taken(
    runtime: Runtime,
    asked: Asked,
    route: object,
    xdata: object,
    queue: str | None,
    key: str | None,
) -> Query | None:
    """The query, if a worker of ``queue`` or the `Carrier` of this process will send it.

    None if this process sends it itself.
    """
    if queue is not None:
        return _stored(runtime, asked, route, xdata, queue, key)
    if key is not None:
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, "key: can be used only together with queue="
        )
    carrier: Any = runtime.carrier
    if carrier is not None and carrier(asked.settled(), route, xdata):
        return runtime.queries.handed_over(xdata)
    return None


def _stored(
    runtime: Runtime,
    asked: Asked,
    route: object,
    xdata: object,
    queue: str,
    key: str | None,
) -> Query:
    if route is not None:
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            "route: cannot be used with queue=, because another process sends the query",
        )
    message = message_for(runtime, asked.settled(), queue, key)
    current_store().put(message)
    return runtime.queries.handed_over(xdata, message.id)


def message_for(runtime: Runtime, asked: Asked, queue: str, key: str | None) -> Message:
    """The message for a query.

    Raises:
        RequestError, TypeError: an argument cannot be sent, or cannot be stored.
        UnknownConnectionError: there is no such connection.
    """
    from uuid import uuid4

    for what, value in (("queue", queue), ("key", key)):
        if value is not None and (not isinstance(value, str) or not value):
            raise RequestTypeError(
                CurlCode.BAD_FUNCTION_ARGUMENT, f"{what}: expected non-empty text"
            )
        try:
            (value or "").encode()
        except UnicodeEncodeError:
            raise RequestError(
                CurlCode.BAD_FUNCTION_ARGUMENT, f"{what}: cannot be encoded as UTF-8"
            ) from None
    call = asked.call
    _check_kept(call)
    if asked.connection:
        ready = runtime.revision[asked.connection]
        request = request_on(ready, asked.method, asked.url, call)
        has_type = bool(ready.spec.content_type)
    else:
        options = runtime.adhoc.queries.options
        request = build_request(asked.method, asked.url, options, (), call)
        has_type = False
    check_request(request)
    check_message(request)
    headers, body = _content(call, has_type)
    total_s, connect_s = seconds_of(call.get("timeout"))
    params = call.get("params")
    return Message(
        id=str(uuid4()),
        queue=queue,
        key=key,
        connection=asked.connection,
        method=request.method,
        url=asked.url,
        headers=headers,
        body=body,
        params=_text_pairs(params),
        path=_plain(call.get("path")),
        total_s=total_s,
        connect_s=connect_s,
        max_body=call.get("max_body"),
        follow_redirects=call.get("follow_redirects"),
    )


def _check_kept(call: CallArguments) -> None:
    """Refuse arguments that cannot be stored, and unknown keywords."""
    for keyword in call:
        if keyword not in KEPT and keyword in CallArguments.__annotations__:
            raise RequestTypeError(
                CurlCode.BAD_FUNCTION_ARGUMENT,
                f"{keyword}: cannot be used with queue=, because another process sends the query",
            )
    body = call.get("body")
    if body is not None and not isinstance(body, (str, bytes, bytearray, memoryview)):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"body: expected bytes or str, got {type(body).__name__}; a streamed body cannot be "
            "queued",
        )


def _content(call: CallArguments, has_type: bool) -> tuple[HeaderPairs, bytes | None]:
    """Return headers and body as they will be sent, without those of the connection."""
    headers = header_pairs(call.get("headers"))
    body: Any = call.get("body")
    json, form = call.get("json"), call.get("form")
    if body is None and json is None and form is None:
        return headers, None
    data, type_header = encode_body(body, json, form)
    if type_header[1] and not (isinstance(body, str) and has_type):
        headers = with_type(headers, type_header)
    return headers, data


def _plain(values: Any) -> dict[str, str] | None:
    """Return the values in a path as text."""
    if values is None:
        return None
    return {
        name: _text(plain_value(value, f"path: {name!r}", further=""), "path")
        for name, value in values.items()
    }


def _text_pairs(params: Any) -> HeaderPairs:
    if params is None:
        return ()
    pairs: Any = query_pairs(params, "params")
    return tuple((_text(name, "params"), _text(value, "params")) for name, value in pairs)


def _text(value: str | bytes, what: str) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT, f"{what}: bytes that are not UTF-8 cannot be queued"
        ) from None


class _Current:
    store: Store | None = None
    url: str | None = None
    opening = reentrant_lock()  # a signal handler may submit, too
    """Held while the store is opened: threads that begin at once would have one each."""


def current_store() -> Store:
    """Return the store of this process: that in ``ONEHTTP_QUEUES``, or the default file.

    Raises:
        ConfigurationError: the variable names no valid store.
        QueueStoreError: the store cannot be opened.
    """
    url = os.environ.get(VARIABLE, "")
    store = _Current.store
    if store is not None and _Current.url == url:
        return store
    with _Current.opening:
        store = _Current.store
        if store is None or _Current.url != url:
            if store is not None:
                store.close()
            store = store_at(url)
            _Current.store, _Current.url = store, url
        return store


def store_at(url: str) -> Store:
    """Return the store of a URL: ``sqlite:///var/lib/onehttp/queues.db``, a path, or
    ``nats://host:4222``. Empty text means the default file.

    Raises:
        ConfigurationError: the kind of store is unknown, or the URL names no file or no server.
        QueueStoreError: it cannot be opened.
    """
    scheme, colon, rest = url.partition("://")
    if not url or not colon:
        path = url
    elif scheme in ("nats", "tls"):
        return _on_nats(url, rest)
    elif scheme == "sqlite":
        path = rest if rest.startswith("/") else ""
    else:
        raise ConfigurationError(
            f"{VARIABLE}: unknown kind of store {scheme!r}; there are {_KINDS}"
        )
    is_file = path.strip("/ ") and not path.endswith("/") and not path.startswith("sqlite:")
    if url and (not is_file or path == _IN_MEMORY):
        raise ConfigurationError(f"{VARIABLE}: {url!r} names no file; write {_KINDS}")
    from onehttp.durable.sqlite_store import SqliteStore

    return SqliteStore(path or default_file())


def _on_nats(url: str, rest: str) -> Store:
    if not rest.rpartition("@")[2].strip("/"):
        raise ConfigurationError(f"{VARIABLE}: it names no server; write {_KINDS}")
    from onehttp.durable.nats_store import NatsStore

    return NatsStore(url)


def default_file() -> Path:
    """Return the default file: one for the machine if this user is root, otherwise the user's
    own."""
    from pathlib import Path

    if os.geteuid() == 0:
        return Path("/var/lib/onehttp/queues.db")
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "onehttp", "queues.db")
