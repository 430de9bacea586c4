"""From a connections file, or a mapping of its shape, to a `ConnectionSet`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onehttp.connections.document import Document, KeyPath, read_document
from onehttp.connections.model import ConnectionSet, ConnectionSpec
from onehttp.connections.secrets import Secrets
from onehttp.errors import ConfigurationError, RequestError
from onehttp.policies import failover
from onehttp.version import USER_AGENT
from onehttp_backends.contract import (
    Auth,
    AuthScheme,
    HttpVersion,
    Keepalive,
    LowSpeed,
    Proxy,
    Tls,
    TlsVersion,
    TransferOptions,
)
from onehttp_backends.request_rules import check_headers, check_options, check_url

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from onehttp.connections.schema import AuthModel, ConnectionModel, ProxyModel

_AUTH_SCHEMES = {
    "basic": AuthScheme.BASIC,
    "digest": AuthScheme.DIGEST,
    "bearer": AuthScheme.BEARER,
    "negotiate": AuthScheme.NEGOTIATE,
    "ntlm": AuthScheme.NTLM,
    "any": AuthScheme.BASIC | AuthScheme.DIGEST,
}


class ConfigurationFaultsError(ConfigurationError):
    """Several things are wrong; ``errors`` holds them all, the text is a line for each."""

    def __init__(self, errors: list[ConfigurationError]) -> None:
        first = errors[0]
        super().__init__(
            first.message, file=first.file, line=first.line, column=first.column, key=first.key
        )
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def load_connections(source: str | os.PathLike[str] | Mapping[str, Any]) -> ConnectionSet:
    """Read, check and resolve a configuration whole.

    Raises:
        ConfigurationError: anything is wrong; all of it is named, each with file and line.
    """
    if isinstance(source, Mapping):
        document = Document(_plain(source))
    elif isinstance(source, (str, os.PathLike)):
        document = read_document(os.fspath(source))
    else:
        raise ConfigurationError(
            f"expected the path of a file or a mapping, got {type(source).__name__}"
        )
    return _checked(document)


def _checked(document: Document) -> ConnectionSet:
    from pydantic import ValidationError

    from onehttp.connections.schema import FileModel

    errors: list[ConfigurationError] = []
    values = document.values
    if not isinstance(values, dict):
        raise document.error((), "expected 'version: 1' and 'connections:'")
    defaults = values.get("defaults")
    connections = values.get("connections")
    resolved = Secrets().resolve(_with_defaults(values, defaults, connections), document, errors)
    specs: dict[str, ConnectionSpec] = {}
    try:
        model = FileModel.model_validate(resolved)
    except ValidationError as invalid:
        errors += _describe(invalid, document)
    else:
        for name, connection in model.connections.items():
            try:
                specs[name] = _spec(name, connection, document)
            except RequestError as error:
                errors.append(document.error(("connections", name), error.message))
            except ConfigurationError as error:
                errors.append(error)
        written = {name: each.failover for name, each in model.connections.items()}
        for fault in failover.faults(written):
            path = ("connections", fault.name, "failover", fault.at)
            errors.append(document.error(path, fault.message))
    if errors:
        errors.sort(key=lambda error: (error.line or 0, error.column or 0))
        raise errors[0] if len(errors) == 1 else ConfigurationFaultsError(errors)
    return ConnectionSet(specs)


def _with_defaults(values: dict[str, Any], defaults: Any, connections: Any) -> dict[str, Any]:
    """Each connection over ``defaults``: nested mappings are merged key by key."""
    if not isinstance(defaults, dict) or not isinstance(connections, dict):
        return values
    merged = {
        name: _over(defaults, given) if isinstance(given, dict) else given
        for name, given in connections.items()
    }
    return {**values, "connections": merged}


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict) and key != "headers":
            merged[key] = _over(below[key], above[key])
    return merged


def _spec(name: str, model: ConnectionModel, document: Document) -> ConnectionSpec:
    path = ("connections", name)
    if model.url is None:
        raise document.error(path, "has no url; give url: http(s)://host[:port][/prefix]")
    try:
        check_url(model.url)
    except RequestError as error:
        raise document.error((*path, "url"), error.message) from None
    if "#" in model.url:
        raise document.error((*path, "url"), "a fragment ('#') has no meaning here")
    try:
        check_headers(model.headers)
    except RequestError as error:
        raise document.error((*path, "headers"), error.message) from None
    tls = model.tls
    if bool(tls.cert) != bool(tls.key):
        raise document.error((*path, "tls"), "cert and key belong together; give both or none")
    options = _options(model)
    check_options(options)
    line, _ = document.place(path)
    return ConnectionSpec(
        name=name,
        url=model.url,
        headers=model.headers,
        params=tuple((key, str(value)) for key, value in model.params.items()),
        content_type=model.content_type,
        max_redirects=model.redirects.max,
        options=options,
        attempt_timeout_s=model.timeout.attempt,
        failover=model.failover,
        retry=model.retry.policy() if model.retry else None,
        breaker=model.circuit_breaker.policy() if model.circuit_breaker else None,
        limits=model.limits.policy() if model.limits else None,
        file=document.file,
        line=line,
    )


def _options(model: ConnectionModel) -> TransferOptions:
    tls = model.tls
    return TransferOptions(
        total_timeout_s=model.timeout.total,
        connect_timeout_s=min(model.timeout.connect, model.timeout.total),
        low_speed=LowSpeed(
            bytes_per_s=model.low_speed.bytes_per_second, time_s=model.low_speed.seconds
        )
        if model.low_speed
        else None,
        max_body_bytes=model.max_body,
        body_policy=model.body_policy,
        tls=Tls(
            verify_peer=tls.verify_peer,
            verify_host=tls.verify_host,
            ca_file=tls.ca_file,
            ca_path=tls.ca_path,
            cert_file=tls.cert,
            key_file=tls.key,
            key_password=tls.key_password,
            ciphers=tls.ciphers,
            min_version=TlsVersion(tls.min_version),
            max_version=TlsVersion(tls.max_version) if tls.max_version else None,
            pinned_public_key=tls.pinned_public_key,
        ),
        proxy=_proxy(model.proxy),
        auth=_auth(model.auth) if model.auth else None,
        http_version=HttpVersion(model.http_version),
        interface=model.interface,
        ip_version=model.ip,
        keepalive=Keepalive(idle_s=model.keepalive.idle, interval_s=model.keepalive.interval)
        if model.keepalive
        else None,
        reuse=model.reuse,
        decompress=model.decompress,
        user_agent=USER_AGENT if model.user_agent is None else model.user_agent,
        unsafe_resend=model.unsafe_resend,
    )


def _auth(model: AuthModel) -> Auth:
    return Auth(
        schemes=_AUTH_SCHEMES[model.type],
        username=model.username,
        secret=model.token or model.password,
    )


def _proxy(model: ProxyModel | str) -> Proxy | None:
    if model == "none":
        return None
    if isinstance(model, str):
        return Proxy(from_environment=True)
    return Proxy(url=model.url, username=model.username, secret=model.password)


def _plain(source: Any) -> Any:
    if isinstance(source, Mapping):
        return {key: _plain(value) for key, value in source.items()}
    return list(source) if isinstance(source, tuple) else source


def _describe(invalid: ValidationError, document: Document) -> list[ConfigurationError]:
    """pydantic's findings as one line each. Union members are folded into one finding."""
    found: dict[KeyPath, ConfigurationError] = {}
    for detail in invalid.errors(include_url=False, include_context=False):
        path = tuple(part for part in detail["loc"] if not (isinstance(part, str) and "[" in part))
        while path and path[-1] in ("ProxyModel", "str", "int", "float", "bool"):
            path = path[:-1]
        found.setdefault(path, document.error(path, _sentence(detail, path)))
    return list(found.values())


_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list or a mapping",
}


def _sentence(detail: ErrorDetails, path: KeyPath) -> str:
    from onehttp.connections import schema

    kind = detail["type"]
    if kind == "extra_forbidden":
        known = _keys_beside(path, schema.FileModel)
        near = difflib.get_close_matches(str(path[-1]), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"unknown key; {hint}"
    if kind == "missing":
        return "missing; add it" if path != ("version",) else "missing; add 'version: 1'"
    is_time = (len(path) > 1 and path[-2:-1] == ("timeout",)) or path[-1:] == ("timeout",)
    expected = "seconds > 0" if is_time else _EXPECTED.get(kind)
    given = detail["input"]
    if (
        isinstance(given, (str, int, float, bool))
        and "password" not in path
        and "token" not in path
    ):
        shown = f', got "{given}"' if isinstance(given, str) else f", got {given}"
    else:
        shown = ""
    if expected:
        return f"expected {expected}{shown}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]}{shown}"


def _keys_beside(path: KeyPath, model: type[BaseModel]) -> list[str]:
    from onehttp.connections import policy_schema, schema

    models: dict[str, type[BaseModel]] = {
        "auth": schema.AuthModel,
        "tls": schema.TlsModel,
        "timeout": schema.TimeoutModel,
        "low_speed": schema.LowSpeedModel,
        "redirects": schema.RedirectsModel,
        "proxy": schema.ProxyModel,
        "keepalive": schema.KeepaliveModel,
        "retry": policy_schema.RetryModel,
        "backoff": policy_schema.BackoffModel,
        "circuit_breaker": policy_schema.CircuitBreakerModel,
        "limits": policy_schema.LimitsModel,
    }
    parent = path[-2] if len(path) > 1 else None
    if parent is None:
        chosen = model
    elif parent in models and len(path) > 2:
        chosen = models[str(parent)]
    else:
        chosen = schema.ConnectionModel
    return list(chosen.model_fields)
