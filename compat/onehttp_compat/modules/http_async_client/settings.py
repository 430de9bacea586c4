"""The settings of a script for its next asynchronous query, by ``$http_req(key)`` or by functions.

A query uses all settings once; then the module's defaults apply again. They belong to the message
for which they were made. The real module kept them for any later message, as faithful mode does.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from onehttp import (
    Auth,
    AuthScheme,
    ConfigurationError,
    HttpVersion,
    Keepalive,
    Proxy,
    Tls,
    TransferOptions,
)
from onehttp.lowlevel import MAX_SECONDS, HeaderPairs
from onehttp_compat.parameters import AsyncParameters, refusal
from onehttp_compat.pv import RefusedValueError, UnknownVariableError, Value, as_bytes
from onehttp_compat.wire.header_blob import HeaderBlobError, parse_blob
from onehttp_compat.wire.transfer import MAX_BODY_BYTES, MAX_REDIRECTS, tls_version

TimeoutMeaning = Literal["idle", "total"]
"""What ``timeout`` limits: each wait for the network, as in the real module, or the whole query."""

MEMORY_MANAGERS: Final = ("shm", "sys")
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH")
_HTTP_VERSIONS: Final = (HttpVersion.AUTO, HttpVersion.HTTP_2, HttpVersion.HTTP_2_PRIOR_KNOWLEDGE)
_log = logging.getLogger("onehttp_compat.http_async_client")


def refusals(parameters: AsyncParameters) -> Iterator[ConfigurationError]:
    """Reasons why the real server does not start with these values, or, for a negative timeout,
    ends at its first query."""
    group = "http_async_client"
    if parameters.workers < 1:
        yield refusal(group, "workers", f"expected 1 or more, got {parameters.workers}")
    manager = parameters.memory_manager
    if manager[:3] not in MEMORY_MANAGERS:
        yield refusal(group, "memory_manager", f"expected shm or sys: {manager!r}")
    timeout = parameters.connection_timeout
    if timeout < 0:
        yield refusal(group, "connection_timeout", f"expected milliseconds, got {timeout}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncSettings:
    """The settings of one query."""

    headers: HeaderPairs = field(default=(), repr=False)
    method: str = ""
    """Empty: GET, or POST where there is a body."""
    body: bytes | None = field(default=None, repr=False)
    timeout_ms: int = 500
    is_suspending: bool = True
    tls_version: int = 0
    verify_host: bool = True
    verify_peer: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    authmethod: int = 3
    keepalive: int = 0
    ka_idle: int = 0
    ka_interval: int = 0
    follow_redirect: bool = False
    http_version: int = 0

    def __hash__(self) -> int:
        # only the settings that differ from the defaults
        return hash((self.timeout_ms, self.headers, self.body))

    @classmethod
    def of(cls, parameters: AsyncParameters) -> AsyncSettings:
        """The settings of a query for which the script has set nothing."""
        return cls(
            timeout_ms=parameters.connection_timeout,
            tls_version=parameters.tls_version,
            verify_host=bool(parameters.tls_verify_host),
            verify_peer=bool(parameters.tls_verify_peer),
            ca_path=parameters.tls_ca_path or None,
            client_cert=parameters.tls_client_cert or None,
            client_key=parameters.tls_client_key or None,
            authmethod=parameters.authmethod,
            keepalive=parameters.tcp_keepalive,
            ka_idle=parameters.tcp_ka_idle,
            ka_interval=parameters.tcp_ka_interval,
            follow_redirect=bool(parameters.curl_follow_redirect & 1),
        )

    def options(
        self, meaning: TimeoutMeaning, cap_s: float, is_faithful: bool = False
    ) -> TransferOptions:
        """Return the transfer options of the query. Equal settings give the same object.

        Raises:
            RefusedOptionError: libcurl does not have this TLS version.
        """
        return _options_of(self, meaning, cap_s, is_faithful)


@functools.lru_cache(maxsize=256)
def _options_of(
    settings: AsyncSettings, meaning: TimeoutMeaning, cap_s: float, is_faithful: bool
) -> TransferOptions:
    # There are two steps. Most queries need only the first. The second finds one object for all
    # settings that differ only in what each request says itself.
    plain = dataclasses.replace(
        settings,
        headers=(),
        body=None,
        method="*" if settings.method and settings.follow_redirect else "",
        is_suspending=True,
    )
    return _options(plain, meaning, cap_s, is_faithful)


@functools.lru_cache(maxsize=256)
def _options(
    settings: AsyncSettings, meaning: TimeoutMeaning, cap_s: float, is_faithful: bool
) -> TransferOptions:
    timeout_s = min(settings.timeout_ms / 1000, MAX_SECONDS)
    auth = None
    if settings.username is not None:
        auth = Auth(
            schemes=AuthScheme(settings.authmethod & 31),
            username=settings.username,
            secret=settings.password or "",
            each_time=True,
        )
    keepalive = None
    if settings.keepalive:
        keepalive = Keepalive(
            idle_s=settings.ka_idle if settings.ka_idle > 0 else Keepalive().idle_s,
            interval_s=settings.ka_interval if settings.ka_interval > 0 else Keepalive().interval_s,
        )
    return TransferOptions(
        as_libcurl=True,
        total_timeout_s=cap_s if meaning == "idle" else timeout_s,
        connect_timeout_s=0,
        idle_timeout_s=timeout_s if meaning == "idle" else 0,
        max_body_bytes=MAX_BODY_BYTES,
        max_redirects=MAX_REDIRECTS if settings.follow_redirect else 0,
        redirects_keep_method=bool(settings.method),
        tls=Tls(
            verify_peer=settings.verify_peer,
            verify_host=settings.verify_host,
            ca_path=settings.ca_path,
            cert_file=settings.client_cert,
            key_file=settings.client_key,
            min_version=tls_version(settings.tls_version),
        ),
        proxy=Proxy(from_environment=True),
        auth=auth,
        http_version=_HTTP_VERSIONS[settings.http_version],
        keepalive=keepalive,
        unsafe_resend=is_faithful,
    )


class Key(NamedTuple):
    """One key of ``$http_req``."""

    field: str
    kind: type[int] | type[str]
    change: Callable[[AsyncSettings, Any], Any]
    """Returns the settings with the new value. Raises `RefusedValueError` for a value that is
    refused."""
    null_resets: bool = False
    """Whether ``= $null`` restores the default. Otherwise it does nothing."""


def method_of(text: str) -> str | None:
    """The method that starts with ``text``, which is how the module compares; None if there is
    none."""
    return next((known for known in METHODS if known.startswith(text.upper())), None)


def _method(settings: AsyncSettings, text: str) -> str:
    method = method_of(text)
    if method is None:
        _log.error("$http_req(method): %r is none; it stays as it was", text)
        return settings.method
    return method


def _header(settings: AsyncSettings, line: str) -> HeaderPairs:
    try:
        return (*settings.headers, *parse_blob(line))
    except HeaderBlobError as error:
        raise RefusedValueError(str(error)) from None


def _timeout(_: AsyncSettings, milliseconds: int) -> int:
    # a negative number would end the real server
    if milliseconds < 0:
        raise RefusedValueError(f"expected milliseconds, got {milliseconds}")
    return milliseconds


def _http_version(_: AsyncSettings, number: int) -> int:
    if number not in range(len(_HTTP_VERSIONS)):
        raise RefusedValueError(f"expected 0, 1 or 2, got {number}")
    return number


def _as_is(_: AsyncSettings, value: Any) -> Any:
    return value


def _flag(_: AsyncSettings, value: int) -> bool:
    return bool(value)


def _or_none(_: AsyncSettings, text: str) -> str | None:
    return text or None


def _body(_: AsyncSettings, text: str) -> bytes | None:
    return as_bytes(text) or None


KEYS: Final = {
    "hdr": Key("headers", str, _header),
    "method": Key("method", str, _method, null_resets=True),
    "timeout": Key("timeout_ms", int, _timeout, null_resets=True),
    "suspend": Key("is_suspending", int, _flag, null_resets=True),
    "body": Key("body", str, _body),
    "tls_ca_path": Key("ca_path", str, _or_none),
    "tls_client_key": Key("client_key", str, _or_none),
    "tls_client_cert": Key("client_cert", str, _or_none),
    "username": Key("username", str, _or_none),
    "password": Key("password", str, _or_none),
    "authmethod": Key("authmethod", int, _as_is, null_resets=True),
    "keepalive": Key("keepalive", int, _as_is, null_resets=True),
    "ka-idle": Key("ka_idle", int, _as_is, null_resets=True),
    "ka-interval": Key("ka_interval", int, _as_is, null_resets=True),
    "follow_redirect": Key("follow_redirect", int, _flag, null_resets=True),
    "http_version": Key("http_version", int, _http_version, null_resets=True),
}
DOCUMENTED: Final = {
    "tcp_keepalive": "keepalive",
    "tcp_ka_idle": "ka-idle",
    "tcp_ka_interval": "ka-interval",
}
"""Keys of the module's README that the real module does not know."""


def known_key(name: str, is_faithful: bool) -> str:
    """Return ``name`` if it is a key of ``$http_req``. ``all`` is one, too.

    Raises:
        UnknownVariableError: it is not. The real server would refuse to start.
    """
    if not is_faithful:
        name = DOCUMENTED.get(name, name)
    if name != "all" and name not in KEYS:
        raise UnknownVariableError(f"$http_req({name}): no such key; there are: {', '.join(KEYS)}")
    return name


_OTHER_KIND: Final = {
    int: "expected a number, got text; write it without quotes, in Python by KSR.pv.seti",
    str: "expected text, got a number; write it in quotes, in Python by KSR.pv.sets",
}


def changed(
    settings: AsyncSettings, defaults: AsyncSettings, key: str, value: Value
) -> AsyncSettings:
    """Return ``settings`` after ``$http_req(key) = value``.

    Raises:
        RefusedValueError: the value has not the type of the key (it is not converted), or is out of
            its range.
    """
    if key == "all":
        return defaults if value is None else settings
    known = KEYS[key]
    if value is None:
        if not known.null_resets:
            return settings
        return dataclasses.replace(settings, **{known.field: getattr(defaults, known.field)})
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if not isinstance(value, known.kind):
        raise RefusedValueError(f"$http_req({key}): {_OTHER_KIND[known.kind]}")
    try:
        new = known.change(settings, value)
    except RefusedValueError as error:
        raise RefusedValueError(f"$http_req({key}): {error}") from None
    if isinstance(value, int):  # scripts set few different values, again and again
        return _with_number(settings, known.field, new)
    return dataclasses.replace(settings, **{known.field: new})


@functools.lru_cache(maxsize=64)
def _with_number(settings: AsyncSettings, field: str, value: object) -> AsyncSettings:
    changes: dict[str, Any] = {field: value}
    return dataclasses.replace(settings, **changes)
