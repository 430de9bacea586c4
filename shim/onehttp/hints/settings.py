"""Arguments that clients of other libraries take, and where to set the same here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_FILE = "of a named connection, or under `defaults:` for all (docs/connections.md)"
_TLS = f"`tls:` {_FILE}"
_HOOKS = "hooks=onehttp.Hooks(...)"
_DOUBLE = 'backend="httpx" with handler=, answers=, app= or wsgi_app= (docs/testing.md)'
_POOL = f"max_idle_connections=, and `limits:` {_FILE}"
_PROXY = f"`proxy:` {_FILE}"
_VERSION = f"`http_version:` {_FILE}"
_METRICS = "metrics.expose() of the package's `observe` (docs/observability.md)"
_SPANS = "otel.instrument(...) of the package's `observe` (docs/observability.md)"
_SHARED = "it is said at the top of the connections file, `shared` (docs/policies.md)"
_LOG = 'what is logged goes to logging.getLogger("onehttp")'
_QUEUES = "submit(..., queue=name); where they are is said by ONEHTTP_QUEUES (docs/queues.md)"

OF_INIT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "timeout": f"`timeout:` {_FILE}; a call takes timeout=",
        "headers": f"`headers:` {_FILE}; a call takes headers=",
        "params": f"`params:` {_FILE}; a call takes params=",
        "auth": f"`auth:` {_FILE}; a call takes auth=",
        "cookies": f"`cookies: true` {_FILE}; a call takes cookies=",
        "base_url": f"`url:` {_FILE}",
        "url": f"`url:` {_FILE}",
        "verify": _TLS,
        "cert": _TLS,
        "ssl": _TLS,
        "tls": _TLS,
        "proxy": _PROXY,
        "proxies": _PROXY,
        "trust_env": f"`proxy: env` {_FILE}",
        "follow_redirects": f"`redirects:` {_FILE}; a call takes follow_redirects=",
        "max_redirects": f"`redirects:` {_FILE}",
        "http1": _VERSION,
        "http2": _VERSION,
        "http_version": _VERSION,
        "retry": f"`retry:` {_FILE}",
        "retries": f"`retry:` {_FILE}",
        "limits": _POOL,
        "max_connections": _POOL,
        "pool_maxsize": _POOL,
        "max_keepalive_connections": _POOL,
        "event_hooks": _HOOKS,
        "middleware": _HOOKS,
        "metrics": _METRICS,
        "prometheus": _METRICS,
        "meter_provider": _SPANS,
        "otel": _SPANS,
        "telemetry": _SPANS,
        "tracer_provider": _SPANS,
        "tracing": _SPANS,
        "redis": _SHARED,
        "shared": _SHARED,
        "logger": _LOG,
        "log_level": _LOG,
        "queue": _QUEUES,
        "queues": _QUEUES,
        "transport": _DOUBLE,
        "mounts": _DOUBLE,
        "config": "the connections are the first argument: a path, or a mapping",
        "path": "the connections are the first argument: a path, or a mapping",
    }
)
OF_TIMEOUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "total": "total_s= is for everything",
        "timeout": "total_s= is for everything",
        "connect": "connect_s= is until connected, TLS included",
        "sock_connect": "connect_s= is until connected, TLS included",
        "read": "idle_s= is how long nothing may move, in either direction",
        "sock_read": "idle_s= is how long nothing may move, in either direction",
        "write": "idle_s= is how long nothing may move, in either direction",
        "idle": "idle_s= is how long nothing may move, in either direction",
        "pool": "total_s= counts the wait for a place, too",
    }
)
OF_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "base_url": "url",
        "baseurl": "url",
        "base": "url",
        "uri": "url",
        "endpoint": "url",
        "address": "url",
        "host": "url",
        "verify": "tls: {verify_peer, verify_host, ca_file}",
        "verify_ssl": "tls: {verify_peer, verify_host, ca_file}",
        "ssl": "tls",
        "ca_bundle": "tls: {ca_file}",
        "cert": "tls: {cert, key}",
        "proxies": "proxy",
        "trust_env": "proxy: env",
        "follow_redirects": "redirects",
        "allow_redirects": "redirects",
        "max_redirects": "redirects: {max}",
        "http2": "http_version",
        "http1": "http_version",
        "retries": "retry",
        "max_retries": "retry",
        "uds": "socket",
        "unix_socket": "socket",
        "breaker": "circuit_breaker",
        "fallback": "failover",
        "connect_timeout": "timeout: {connect}",
        "read_timeout": "timeout: {idle}",
        "max_connections": "limits: {concurrent}",
        "rate_limit": "limits: {per_second}",
        "username": "auth: {username, password}",
        "token": "auth: {type: bearer, token}",
        "compress": "decompress",
    }
)
"""Keys of the connections file by their names in other libraries."""
