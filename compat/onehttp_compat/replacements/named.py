"""Options that a call cannot have as arguments, but a connection can: TLS, credentials, HTTP
versions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import yaml

from onehttp_compat.calls.observed_call import shown_url
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.replacements.call_site import Given
from onehttp_compat.replacements.texts import Code, code_for, code_of

_HTTP_VERSIONS: Final = {1: "2", 2: "2-prior-knowledge"}
_AUTHENTICATION: Final = {1: "basic", 2: "digest", 4: "negotiate", 8: "ntlm"}

Options: TypeAlias = Mapping[str, object]
"""The options of an entry in ``connections.yaml``."""


@dataclass(frozen=True, slots=True)
class Named:
    """A connection for the server of a URL."""

    entry: str
    """Its entry in ``connections.yaml``, as a comment."""
    connection: str
    """Code for the connection."""
    path: str
    """Code for the rest of the URL."""


def named(url: Given, options: Options) -> Named:
    """Return a connection with these ``options``, and the path for the call."""
    parts = urlsplit(shown_url(str(url.seen)))
    name = re.sub(r"\W+", "_", parts.hostname or "server")
    if not name[:1].isalpha():
        name = f"at_{name.strip('_')}"  # YAML reads text of digits as a number
    said = {"url": f"{parts.scheme}://{parts.netloc}", **options}
    entry = yaml.safe_dump({name: said}, default_flow_style=True, sort_keys=False, width=math.inf)
    return Named(
        f"# connections.yaml: {entry.strip()[1:-1]}",
        f"onehttp.connection({code_of(name)})",
        _path(url),
    )


def options_of(settings: AsyncSettings) -> Options:
    """Return the options of a connection for a query with these settings."""
    options: dict[str, object] = {
        "tls": _of_tls(settings),
        "auth": _of_auth(settings),
        "http_version": _HTTP_VERSIONS.get(settings.http_version, ""),
    }
    said = {key: value for key, value in options.items() if value}
    return {**said, "keepalive": _of_keepalive(settings)} if settings.keepalive else said


def _of_tls(settings: AsyncSettings) -> Options:
    said = {
        "cert": settings.client_cert,
        "key": settings.client_key,
        "ca_path": settings.ca_path,
        "verify_peer": None if settings.verify_peer else False,
        "verify_host": None if settings.verify_host else False,
    }
    return {key: value for key, value in said.items() if value is not None}


def _of_auth(settings: AsyncSettings) -> Options:
    if settings.username is None:
        return {}
    kind = _AUTHENTICATION.get(settings.authmethod & 31, "any")
    return {"type": kind, "username": settings.username, "password": "${env:PASSWORD}"}


def _of_keepalive(settings: AsyncSettings) -> Options:
    said = {"idle": settings.ka_idle, "interval": settings.ka_interval}
    return {key: value for key, value in said.items() if value > 0}


def _path(url: Given) -> str:
    if isinstance(url.literal, str):
        return code_of(_after_host(shown_url(url.literal)))
    pieces = list(url.pieces)
    while pieces and isinstance(pieces[0], Code):
        pieces.pop(0)  # the address of the server
    first = pieces[0] if pieces else ""
    assert isinstance(first, str)
    if len(pieces) == len(url.pieces):
        first = _after_host(first) if "/" in first.partition("://")[2] else ""
    if first.startswith("/"):
        return code_for((first, *pieces[1:]))
    return f'"/" + ({url.code}).partition("://")[2].partition("/")[2]'


def _after_host(url: str) -> str:
    return "/" + url.partition("://")[2].partition("/")[2]
