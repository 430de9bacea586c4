"""Replacements of queries whose answer goes to a route, and of the settings made before them."""

from __future__ import annotations

import textwrap
from typing import Final

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.modules.http_async_client.module import ASYNC_CAP_S
from onehttp_compat.modules.http_async_client.settings import AsyncSettings
from onehttp_compat.replacements.call_site import Given
from onehttp_compat.replacements.headers_code import FORM, call_code, pair_code, pairs_code
from onehttp_compat.replacements.named import named, options_of
from onehttp_compat.replacements.synchronous import url_code
from onehttp_compat.replacements.texts import code_of

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


def asynchronous(
    call: LegacyCall, arguments: dict[str, Given], before: list[tuple[str, Given]]
) -> str:
    """Return the ``submit`` for a query, with all its settings.

    ``before`` contains the settings that were found in the script, in its own expressions.
    """
    if call.function.method not in _QUERIES:
        return _setting(call)
    settings = call.settings if isinstance(call.settings, AsyncSettings) else AsyncSettings()
    body = _body(call, arguments, settings, before)
    method = code_of(settings.method or ("POST" if body else "GET"))
    xdata = arguments.get("xdata")
    keywords: dict[str, str | list[str]] = {
        "route": arguments["route"].code,
        "body": body,
        "headers": _headers(settings, before, bool(body)),
        "xdata": xdata.code if xdata else "",
        "timeout": idle_timeout(f"{settings.timeout_ms / 1000:g}"),
        "follow_redirects": "True" if settings.follow_redirect else "",
    }
    options = options_of(settings)
    lines = []
    if options:
        on = named(arguments["url"], options)
        lines.append(on.entry)
        sent = call_code(f"{on.connection}.submit", method, on.path, **keywords)
    else:
        sent = call_code("onehttp.submit", method, url_code(arguments["url"]), **keywords)
    if call.code == 0:
        return "\n".join([*lines, "# suspends the transaction at hand", sent])
    if call.code < 0:
        return "\n".join([*lines, sent])
    return "\n".join([*lines, "with onehttp.transaction(None):", textwrap.indent(sent, "    ")])


def idle_timeout(seconds: str) -> str:
    """Return code for a time limit with the meaning of the module: for each wait, and libcurl's
    limit for the whole."""
    return f"onehttp.Timeout(total_s={ASYNC_CAP_S:g}, connect_s=0, idle_s={seconds})"


def _body(
    call: LegacyCall,
    arguments: dict[str, Given],
    settings: AsyncSettings,
    before: list[tuple[str, Given]],
) -> str:
    if call.function.method == "query_post":
        return "" if arguments["body"].is_left_out else arguments["body"].code
    if settings.body is None:
        return ""
    bodies = [given.code for key, given in before if key == "body"]
    if bodies:
        return bodies[-1]
    try:
        return code_of(settings.body.decode())
    except UnicodeDecodeError:
        return repr(settings.body)


def _headers(settings: AsyncSettings, before: list[tuple[str, Given]], has_body: bool) -> list[str]:
    lines = [given for key, given in before if key == "hdr"]
    pairs = [pair for line in lines for pair in pairs_code(line)]
    if len(pairs) != len(settings.headers):
        pairs = [pair_code(*pair) for pair in settings.headers]
    if has_body and not any(name.lower() == "content-type" for name, _ in settings.headers):
        pairs.append(pair_code(*FORM))
    return pairs


def _setting(call: LegacyCall) -> str:
    value = next(iter(call.arguments.values()), "")
    number = value if isinstance(value, int) else 0
    said = _KEYWORDS[call.function.method].format(
        value=value, seconds=number / 1000, flag=str(bool(number)).lower()
    )
    return f"# goes into the onehttp.submit that follows: {said}"
