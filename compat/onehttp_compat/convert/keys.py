"""One legacy connection as keys of a connections file, and what cannot be said there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl

from onehttp import Auth, AuthScheme, Proxy, Tls, TransferOptions
from onehttp_compat.modules.httpcon.options import connection_options
from onehttp_compat.modules.httpcon.value import LegacyConnection
from onehttp_compat.parameters import ModuleDefaults
from onehttp_compat.wire.transfer import RefusedOptionError
from onehttp_compat.wire.urls import legacy_url

LONGEST_S: Final = 86_400
"""The longest time limit of a connections file."""
_AUTH_TYPES: Final = {
    AuthScheme.BASIC: "basic",
    AuthScheme.DIGEST: "digest",
    AuthScheme.BASIC | AuthScheme.DIGEST: "any",
    AuthScheme.NEGOTIATE: "negotiate",
    AuthScheme.NTLM: "ntlm",
}
Tell: TypeAlias = Callable[[str, Literal["changed", "lost"], str], None]
"""Takes a setting, what became of it, and how."""


def keys_of(connection: LegacyConnection, values: ModuleDefaults, tell: Tell) -> dict[str, Any]:
    """The keys that make the same transfers; ``failover`` is the name as it was declared.

    What differs is told to ``tell``.
    """
    options = _options(connection, values, tell)
    url, auth = legacy_url(f"{connection.schema}://{connection.url}")
    if auth is not None and options.auth is not None:
        auth = dataclasses.replace(auth, schemes=options.auth.schemes)
    url, _, query = url.partition("?")
    if query:
        tell("url", "changed", "its query comes after the path of a call, which it came before")
    keys = {
        "url": url,
        "params": _params(query),
        "user_agent": options.user_agent or "",
        "auth": _auth(auth or options.auth, tell),
        "tls": _tls(options.tls),
        "timeout": _timeout(options.total_timeout_s, tell),
        "max_body": connection.maxdatasize or options.max_body_bytes,
        "body_policy": "truncate" if connection.maxdatasize else None,
        "redirects": options.max_redirects or None,
        "proxy": _proxy(options.proxy),
        "interface": options.interface,
        "reuse": options.reuse,
        "failover": connection.failover or None,
    }
    return {key: value for key, value in keys.items() if value is not None and value != {}}


def _params(query: str) -> dict[str, str | list[str]]:
    """A query as the ``params`` of a connection: a list of values for a name that repeats."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _options(connection: LegacyConnection, values: ModuleDefaults, tell: Tell) -> TransferOptions:
    try:
        return connection_options(connection, values, is_faithful=False)
    except RefusedOptionError:
        tell("tlsversion", "lost", "a version of SSL, with which every call failed")
        plain = dataclasses.replace(connection, tlsversion=0)
        return connection_options(plain, values, is_faithful=False)


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


def _tls(tls: Tls) -> dict[str, Any]:
    plain = Tls()
    keys = {
        "ca_file": tls.ca_file,
        "cert": tls.cert_file,
        "key": tls.key_file,
        "verify_peer": tls.verify_peer,
        "verify_host": tls.verify_host,
        "ciphers": tls.ciphers,
        "min_version": tls.min_version.value,
    }
    usual = {"verify_peer": True, "verify_host": True, "min_version": plain.min_version.value}
    return {key: value for key, value in keys.items() if value not in (None, usual.get(key))}


def _timeout(total_s: float, tell: Tell) -> dict[str, float]:
    if not 0 < total_s <= LONGEST_S:
        tell("timeout", "changed", f"no limit there, {LONGEST_S} s here")
        total_s = LONGEST_S
    seconds = int(total_s) if total_s == int(total_s) else total_s
    return {"total": seconds, "connect": seconds}


def _proxy(proxy: Proxy | None) -> dict[str, str] | str | None:
    if proxy is None:
        return None
    return {"url": proxy.url} if proxy.url else "env"
