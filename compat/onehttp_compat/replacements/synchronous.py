"""Replacements of functions that wait for the response: ``http_query``, ``http_client_query``,
``http_connect``."""

from __future__ import annotations

import keyword
import re
from typing import Final

from onehttp_compat.calls.observed_call import LegacyCall, shown_url
from onehttp_compat.replacements.call_site import Given
from onehttp_compat.replacements.headers_code import call_code, headers_code, pair_code
from onehttp_compat.replacements.named import named
from onehttp_compat.replacements.texts import code_of

SYNCHRONOUS: Final = frozenset({"utils", "curl", "http_client"})
FIRST_LINE: Final = 'response.text.partition("\\n")[0]'
WHOLE: Final = "response.text"
_variable_name = re.compile(r"\$\(?\w+\(([A-Za-z_]\w*)\)\)?").fullmatch
_NOTHING: Final = "# nothing to do: response.headers has them, of each response its own"


def synchronous(call: LegacyCall, arguments: dict[str, Given]) -> str:
    """Return two lines: the request, and the return code and value of the old call from its
    response."""
    method = call.function.method
    if method.startswith("response_headers"):
        return _NOTHING
    if method == "get_redirect":
        return f"code, {target(arguments)} = 1, response.url  # of the last call there"
    if method == "connect":
        return _connect(arguments)
    if method == "request_v2pk":
        return _prior_knowledge(call, arguments)
    return _query(call, arguments)


def target(arguments: dict[str, Given]) -> str:
    """Return a name for the content of the result variable: ``carrier`` for ``$var(carrier)``."""
    result = arguments.get("result")
    match = _variable_name(str(result.literal)) if result and result.literal else None
    name = match[1] if match else ""
    is_free = name and not keyword.iskeyword(name) and name not in ("code", "response", "onehttp")
    return name if is_free else "value"


def body_code(arguments: dict[str, Given]) -> str:
    """Return code for the body; empty if there is none."""
    body = arguments.get("body")
    return "" if body is None or body.is_left_out else body.code


def url_code(url: Given) -> str:
    """Return code for the URL. Credentials in the source of the script are not repeated."""
    return code_of(shown_url(url.literal)) if isinstance(url.literal, str) else url.code


def _query(call: LegacyCall, arguments: dict[str, Given]) -> str:
    body = body_code(arguments)
    method = _method(call, arguments, body)
    if call.function.module == "curl":
        headers = (
            [pair_code("Content-Type", "text/plain")] if call.function.method != "query" else ""
        )
        body = arguments["body"].code if headers else ""
    else:
        headers = headers_code(arguments.get("headers"), bool(body))
    sent = call_code(
        "onehttp.request", method, url_code(arguments["url"]), body=body, headers=headers
    )
    return _with_result(sent, arguments, FIRST_LINE)


def _method(call: LegacyCall, arguments: dict[str, Given], body: str) -> str:
    given = arguments.get("method")
    if given is not None and not given.is_left_out:
        return given.code
    if call.function.method == "get":
        return '"GET"'
    return '"POST"' if body or call.function.method == "query_post" else '"GET"'


def _connect(arguments: dict[str, Given]) -> str:
    body, kind = arguments.get("body"), arguments.get("content_type")
    connection = f"onehttp.connection({arguments['connection'].code})"
    path = arguments["path"].code
    if body is None or kind is None or body.is_left_out:
        return _with_result(f"{connection}.get({path})", arguments, WHOLE)
    headers = [f'("Content-Type", {kind.code})']
    sent = call_code(f"{connection}.post", path, body=body.code, headers=headers)
    return _with_result(sent, arguments, WHOLE)


def _prior_knowledge(call: LegacyCall, arguments: dict[str, Given]) -> str:
    """HTTP/2 with prior knowledge is an option of a connection, not of a call."""
    body = body_code(arguments)
    headers = headers_code(arguments.get("headers"), bool(body))
    on = named(arguments["url"], {"http_version": "2-prior-knowledge"})
    method = _method(call, arguments, body)
    sent = call_code(f"{on.connection}.request", method, on.path, body=body, headers=headers)
    return f"{on.entry}\n" + _with_result(sent, arguments, FIRST_LINE)


def _with_result(request: str, arguments: dict[str, Given], value: str) -> str:
    return f"response = {request}\ncode, {target(arguments)} = response.status, {value}"
