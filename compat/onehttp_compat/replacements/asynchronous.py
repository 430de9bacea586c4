"""Replacements of queries whose answer goes to a route, and of what is set for them before."""

from __future__ import annotations

import textwrap
from typing import Final

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.replacements.call_site import Given, code_of
from onehttp_compat.replacements.headers_code import FORM, call_code, list_code
from onehttp_compat.replacements.synchronous import url_code

ASYNCHRONOUS: Final = frozenset({"http_async_client", "async_http"})
_QUERIES: Final = frozenset({"query", "query_post", "send", "send_xdata"})
_KEYWORDS: Final = {
    "set_timeout": "timeout={seconds:g}",
    "append_header": "headers=[...]",
    "set_method": "its method",
    "suspend": "`with onehttp.transaction(None)` around it where it does not suspend",
    "set_client_cert": "tls: {{cert: {value}}}",
    "set_client_key": "tls: {{key: {value}}}",
    "set_ca_path": "tls: {{ca_path: {value}}}",
    "verify_host": "tls: {{verify_host: {flag}}}",
    "verify_peer": "tls: {{verify_peer: {flag}}}",
}


def asynchronous(call: LegacyCall, arguments: dict[str, Given]) -> str:
    """The ``onehttp.submit`` of a query, with all that was set for it."""
    if call.function.method not in _QUERIES:
        return _setting(call)
    settings = call.settings if isinstance(call.settings, AsyncSettings) else AsyncSettings()
    body = _body(call, arguments, settings)
    method = settings.method or ("POST" if body else "GET")
    headers = list(settings.headers)
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(FORM)
    xdata = arguments.get("xdata")
    sent = call_code(
        "onehttp.submit",
        code_of(method),
        url_code(arguments["url"]),
        route=arguments["route"].code,
        body=body,
        headers=list_code(headers),
        xdata=xdata.code if xdata else "",
        timeout=f"{settings.timeout_ms / 1000:g}",
    )
    lines = _of_connection(settings)
    if call.code == 0:
        return "\n".join([*lines, "# suspends the transaction at hand", sent])
    if call.code < 0:
        return "\n".join([*lines, sent])
    return "\n".join([*lines, "with onehttp.transaction(None):", textwrap.indent(sent, "    ")])


def _body(call: LegacyCall, arguments: dict[str, Given], settings: AsyncSettings) -> str:
    if call.function.method == "query_post":
        return arguments["body"].code
    if settings.body is None:
        return ""
    try:
        return code_of(settings.body.decode())
    except UnicodeDecodeError:
        return repr(settings.body)


def _of_connection(settings: AsyncSettings) -> list[str]:
    """What only a connection can say; a comment for each."""
    tls = {
        "cert": settings.client_cert,
        "key": settings.client_key,
        "ca_path": settings.ca_path,
        "verify_peer": None if settings.verify_peer else "false",
        "verify_host": None if settings.verify_host else "false",
    }
    said = ", ".join(f"{key}: {value}" for key, value in tls.items() if value is not None)
    lines = [f"# on a connection of connections.yaml with tls: {{{said}}}"] if said else []
    if settings.username is not None:
        lines.append("# on a connection of connections.yaml with auth: {...}")
    return lines


def _setting(call: LegacyCall) -> str:
    value = next(iter(call.arguments.values()), "")
    number = value if isinstance(value, int) else 0
    said = _KEYWORDS[call.function.method].format(
        value=value, seconds=number / 1000, flag=str(bool(number)).lower()
    )
    return f"# goes into the onehttp.submit that follows: {said}"
