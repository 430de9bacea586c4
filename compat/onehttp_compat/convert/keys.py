"""Translates options of the engine and legacy connections to keys of a connections file, and finds
settings that have no key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote

from onehttp import Auth, AuthScheme, Keepalive, Proxy, Tls, TransferOptions
from onehttp_compat.modules.httpcon.definition import LegacyConnection
from onehttp_compat.modules.httpcon.options import connection_options
from onehttp_compat.parameters import ModuleDefaults
from onehttp_compat.wire.transfer import RefusedOptionError
from onehttp_compat.wire.urls import legacy_url

LONGEST_S: Final = 86_400
"""Seconds; the longest time limit that a connections file accepts."""
PLAIN: Final[dict[str, Any]] = {
    "tls": {},
    "redirects": 0,
    "body_policy": "fail",
    "interface": None,
    "keepalive": None,
    "reuse": True,
}
"""The meaning of keys that are not given."""
_PLAIN_TLS: Final[dict[str, Any]] = {
    "ca_file": None,
    "ca_path": None,
    "cert": None,
    "key": None,
    "verify_peer": True,
    "verify_host": True,
    "ciphers": None,
    "min_version": Tls().min_version.value,
}
_AUTH_TYPES: Final = {
    AuthScheme.BASIC: "basic",
    AuthScheme.DIGEST: "digest",
    AuthScheme.BASIC | AuthScheme.DIGEST: "any",
    AuthScheme.NEGOTIATE: "negotiate",
    AuthScheme.NTLM: "ntlm",
}
KEY_OF: Final = {
    "connection_timeout": "timeout",
    "timeout_mode": "timeout",
    "timeout": "timeout",
    "http_query_timeout": "timeout",
    "useragent": "user_agent",
    "username": "auth",
    "password": "auth",
    "authmethod": "auth",
    "maxdatasize": "max_body",
    "query_maxdatasize": "max_body",
    "httpredirect": "redirects",
    "curl_follow_redirect": "redirects",
    "httpproxy": "proxy",
    "httpproxyport": "proxy",
    "keep_connections": "reuse",
    "keepconnections": "reuse",
    "netinterface": "interface",
    "failover": "failover",
    "url": "url",
    "workers": "workers",
    "tcp_keepalive": "keepalive",
    "tcp_ka_idle": "keepalive",
    "tcp_ka_interval": "keepalive",
    **dict.fromkeys(
        (
            *("cacert", "client_cert", "client_key", "cipher_suites", "tlsversion"),
            *("verify_peer", "verify_host", "tls_version", "tls_verify_host", "tls_verify_peer"),
            *("tls_client_cert", "tls_client_key", "tls_ca_path"),
        ),
        "tls",
    ),
}
"""Legacy setting -> the key that replaces it."""
SSL: Final = "a version of SSL, with which every call failed"
Keys: TypeAlias = "dict[str, Any]"
Tell: TypeAlias = Callable[[str, Literal["changed", "lost"], str], None]
"""Takes a setting, its result, and the details."""


def keys_of(connection: LegacyConnection, values: ModuleDefaults, tell: Tell) -> Keys:
    """Return the keys for the same transfers; ``failover`` is the name as it was declared.

    Differences are reported to ``tell``.
    """
    try:
        options = connection_options(connection, values, is_faithful=False)
    except RefusedOptionError:
        tell("tlsversion", "lost", SSL)
        plain = dataclasses.replace(connection, tlsversion=0)
        options = connection_options(plain, values, is_faithful=False)
    url, auth = legacy_url(f"{connection.schema}://{connection.url}")
    if auth is not None and options.auth is not None:
        auth = dataclasses.replace(auth, schemes=options.auth.schemes)
    url, _, query = url.partition("?")
    if query:
        tell("url", "changed", "its query comes after the path of a call, which it came before")
    keys = {
        "url": url,
        "params": _params(query) or None,
        "auth": _auth(auth or options.auth, tell),
        **sending_keys(limited(options, connection.maxdatasize), tell),
        "failover": connection.failover or None,
    }
    return {key: value for key, value in keys.items() if value is not None}


def limited(options: TransferOptions, max_bytes: int) -> TransferOptions:
    """Add the limit that truncates a body after ``max_bytes``; 0 means no limit."""
    if max_bytes <= 0:
        return options
    return dataclasses.replace(options, max_body_bytes=max_bytes, body_policy="truncate")


def sending_keys(options: TransferOptions, tell: Tell) -> Keys:
    """The keys that say how requests are sent, with a connection or without one."""
    keys: Keys = {
        "user_agent": options.user_agent or "",
        "tls": {k: v for k, v in tls_keys(options.tls).items() if v != _PLAIN_TLS[k]},
        "timeout": _timeout(options, tell),
        "max_body": options.max_body_bytes,
        "body_policy": options.body_policy,
        "redirects": options.max_redirects,
        "proxy": _proxy(options.proxy),
        "interface": options.interface or None,
        "keepalive": _keepalive(options.keepalive),
    }
    said = {key: value for key, value in keys.items() if value != PLAIN.get(key, ...)}
    return {**said, "reuse": options.reuse}


def tls_keys(tls: Tls) -> Keys:
    """All keys of ``tls``, including those that have default values."""
    # libcurl reads the key from the file of the certificate if no key file is given.
    key_file = tls.key_file or tls.cert_file if tls.cert_file else None
    return {
        "ca_file": tls.ca_file or None,
        "ca_path": tls.ca_path or None,
        "cert": tls.cert_file or None,
        "key": key_file or None,
        "verify_peer": tls.verify_peer,
        "verify_host": tls.verify_host,
        "ciphers": tls.ciphers,
        "min_version": tls.min_version.value,
    }


def over(keys: Keys, below: Keys) -> Keys:
    """The keys that have to be written if the values in ``below`` already apply."""
    said: Keys = {}
    for key in dict.fromkeys((*below, *keys)):
        value, other = keys.get(key, PLAIN.get(key)), below.get(key, PLAIN.get(key))
        if isinstance(value, dict) and isinstance(other, dict) and key in ("tls", "timeout"):
            plain = _PLAIN_TLS if key == "tls" else {"idle": None}
            inner = {
                name: value.get(name, plain.get(name))
                for name in dict.fromkeys((*value, *other))
                if value.get(name, plain.get(name)) != other.get(name, plain.get(name))
            }
            if inner:
                said[key] = inner
        elif value != other:
            said[key] = value
    return said


def escaped(value: Any) -> Any:
    """Escape text that would otherwise be a reference to a secret."""
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escaped(item) for item in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def _params(query: str) -> dict[str, str | list[str]]:
    """Convert a query to the ``params`` of a connection. A name that repeats gets a list of
    values."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _auth(auth: Auth | None, tell: Tell) -> dict[str, str] | None:
    if auth is None:
        return None
    if not auth.schemes:
        tell("authmethod", "changed", "0 sends no credentials, so they are left out")
        return None
    kind = _AUTH_TYPES.get(auth.schemes)
    if kind is None:
        kind = "any"
        tell("authmethod", "changed", "basic or digest, whichever the server asks for")
    return {"type": kind, "username": auth.username, "password": auth.secret}


def _timeout(options: TransferOptions, tell: Tell) -> dict[str, float]:
    total_s = options.total_timeout_s
    if not 0 < total_s <= LONGEST_S:
        tell("timeout", "changed", f"no limit there, {LONGEST_S} s here")
        total_s = LONGEST_S
    limits = {"total": _plain_number(total_s), "connect": _plain_number(total_s)}
    if options.idle_timeout_s:
        limits["idle"] = _plain_number(min(options.idle_timeout_s, LONGEST_S))
    return limits


def _plain_number(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds


def _proxy(proxy: Proxy | None) -> dict[str, str] | str:
    if proxy is None or not proxy.url:
        return "env"
    scheme, _, rest = proxy.url.rpartition("://")
    credentials, mark, host = rest.rpartition("@")
    if not mark:
        return {"url": proxy.url}
    user, _, password = credentials.partition(":")
    return {
        "url": f"{scheme}://{host}" if scheme else host,
        "username": unquote(user),
        "password": unquote(password),
    }


def _keepalive(keepalive: Keepalive | None) -> dict[str, int] | None:
    if keepalive is None:
        return None
    return {"idle": keepalive.idle_s, "interval": keepalive.interval_s}
