"""The table of all legacy functions: their modules, their arguments, and their replacements.

Warnings, reports, documentation and the dispatch of calls all read it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class Kind(enum.Enum):
    """How the argument of a native script is read. KEMI takes every argument literally."""

    STATIC = "static"
    """The literal text; a ``$`` means nothing."""
    TEXT = "text"
    """Pseudo-variables in it are replaced."""
    RESULT = "result"
    """The name of the variable that receives the result."""
    NUMBER = "number"
    """A number, or a variable that holds one."""


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class LegacyFunction:
    """One form of a legacy function."""

    module: str
    name: str
    arguments: tuple[Argument, ...]
    method: str
    """The method of the module's class that implements it."""
    replacement: str
    kemi: str | None = None
    """Its name in ``KSR.<module>``; None if KEMI does not have it."""

    @property
    def page(self) -> str:
        return f"docs/migration/{self.module}.md"

    def label(self, is_kemi: bool) -> str:
        """Its name, as a script writes it."""
        return f"KSR.{self.module}.{self.kemi}" if is_kemi else self.name


_KINDS = {"s": Kind.STATIC, "p": Kind.TEXT, "v": Kind.RESULT, "i": Kind.NUMBER}


def _arguments(text: str) -> tuple[Argument, ...]:
    """Parse a specification such as ``"url:p result:v"`` into arguments."""
    pairs = (word.split(":") for word in text.split())
    return tuple(Argument(name, _KINDS[kind]) for name, kind in pairs)


def _functions(
    module: str, rows: list[tuple[str, str, str, str | None, str]]
) -> list[LegacyFunction]:
    return [
        LegacyFunction(module, name, _arguments(arguments), method, replacement, kemi)
        for name, arguments, method, kemi, replacement in rows
    ]


_GET = 'onehttp.request("GET", url).text.partition("\\n")[0]'
_POST = 'onehttp.request("POST", url, body=post)'
_POST_HEADERS = 'onehttp.request("POST", url, body=post, headers=[...])'
_REQUEST = "onehttp.request(method, url, body=body, headers=[...])"
_CON_GET = "onehttp.connection(con).get(path)"
_CON_POST = 'onehttp.connection(con).post(path, body=data, headers=[("Content-Type", ctype)])'

_SIGN = "onehttp.identity.Signer(key, x5u).sign(orig, dest)"
_VERIFY = "onehttp.identity.Verifier(trust).verify(identity, orig=orig, dest=dest)"

_CLIENT = "url:p body:p headers:p result:v"
_SUBMIT = 'onehttp.submit("GET", url, route="NAME")'
_SUBMIT_KEYWORD = "a keyword of the onehttp.submit that follows: {}"
_CONNECT = "connection:s path:p result:v"
_CONNECT_POST = "connection:s path:p content_type:s body:p result:v"

FUNCTIONS: Final[tuple[LegacyFunction, ...]] = (
    *_functions(
        "utils",
        [
            ("http_query", "url:p result:v", "http_query", None, _GET),
            ("http_query", "url:p body:p result:v", "http_query", None, _POST),
            ("http_query", _CLIENT, "http_query", None, _POST_HEADERS),
        ],
    ),
    *_functions(
        "auth_identity",
        [
            ("auth_date_proc", "", "auth_date_proc", None, _SIGN),
            ("auth_add_identity", "", "auth_add_identity", None, _SIGN),
            ("vrfy_check_date", "", "vrfy_check_date", None, _VERIFY),
            ("vrfy_get_certificate", "", "vrfy_get_certificate", None, _VERIFY),
            ("vrfy_check_certificate", "", "vrfy_check_certificate", None, _VERIFY),
            ("vrfy_check_msgvalidity", "", "vrfy_check_msgvalidity", None, _VERIFY),
            ("vrfy_check_callid", "", "vrfy_check_callid", None, _VERIFY),
        ],
    ),
    *_functions(
        "curl",
        [
            ("curl_http_query", "url:p result:v", "query", None, _GET),
            ("curl_http_query", "url:p body:p result:v", "query_post", None, _POST),
            ("curl_connect", _CONNECT, "connect", None, _CON_GET),
            ("curl_connect", _CONNECT_POST, "connect", None, _CON_POST),
        ],
    ),
    *_functions(
        "http_client",
        [
            ("http_client_query", "url:p result:v", "query", "query", _GET),
            ("http_client_query", "url:p body:p result:v", "query", "query_post", _POST),
            ("http_client_query", _CLIENT, "query", "query_post_hdrs", _POST_HEADERS),
            (
                "http_client_get",
                _CLIENT,
                "get",
                "get_hdrs",
                'onehttp.request("GET", url, body=body, headers=[...])',
            ),
            ("http_client_request", f"method:p {_CLIENT}", "request", "query_request", _REQUEST),
            (
                "http_client_request_v2pk",
                f"method:p {_CLIENT}",
                "request_v2pk",
                "query_request_v2pk",
                'connection(con).request(method, path)  # http_version: "2-prior-knowledge"',
            ),
            ("http_connect", _CONNECT, "connect", "curl_connect", _CON_GET),
            ("http_connect", _CONNECT_POST, "connect", "curl_connect_post", _CON_POST),
            (
                "http_connect_raw",
                "connection:s path:p content_type:s body:s result:v",
                "connect",
                None,
                _CON_POST,
            ),
            ("http_get_redirect", "connection:s result:v", "get_redirect", None, "response.url"),
            (
                "http_client_response_headers_set",
                "mode:i",
                "response_headers_set",
                None,
                "response.headers",
            ),
            (
                "http_client_response_headers_clear",
                "ignored:i",
                "response_headers_clear",
                None,
                "response.headers",
            ),
            (
                "http_client_response_headers_clear",
                "",
                "response_headers_clear",
                None,
                "response.headers",
            ),
        ],
    ),
    *_functions(
        "http_async_client",
        [
            ("http_async_query", "url:p route:p", "query", "query", _SUBMIT),
            ("http_async_send", "url:p route:p", "send", "send", _SUBMIT),
            (
                "http_async_send_xdata",
                "url:p route:p xdata:p",
                "send_xdata",
                "send_xdata",
                'onehttp.submit("GET", url, route="NAME", xdata=xdata)',
            ),
        ],
    ),
    *_functions(
        "async_http",
        [
            (
                "http_async_query",
                "url:p body:p route:p",
                "query_post",
                None,
                'onehttp.submit("POST", url, body=post, route="NAME")',
            ),
            *(
                (name, f"value:{kind}", method, None, _SUBMIT_KEYWORD.format(keyword))
                for names, kind, method, keyword in (
                    (("http_set_timeout",), "i", "set_timeout", "timeout=seconds"),
                    (("http_append_header",), "p", "append_header", "headers=[...]"),
                    (("http_set_method",), "p", "set_method", "its first argument"),
                    (("http_async_suspend",), "i", "suspend", "no `with onehttp.transaction(tx)`"),
                    (
                        ("http_set_ssl_cert", "http_set_tls_client_cert"),
                        "p",
                        "set_client_cert",
                        "onehttp.connection(con), with tls: {cert: ...}",
                    ),
                    (
                        ("http_set_ssl_key", "http_set_tls_client_key"),
                        "p",
                        "set_client_key",
                        "onehttp.connection(con), with tls: {key: ...}",
                    ),
                    (
                        ("http_set_ca_path", "http_set_tls_ca_path"),
                        "p",
                        "set_ca_path",
                        "onehttp.connection(con), with tls: {ca_path: ...}",
                    ),
                    (
                        ("http_verify_host", "tls_verify_host"),
                        "i",
                        "verify_host",
                        "onehttp.connection(con), with tls: {verify_host: ...}",
                    ),
                    (
                        ("http_verify_peer", "tls_verify_peer"),
                        "i",
                        "verify_peer",
                        "onehttp.connection(con), with tls: {verify_peer: ...}",
                    ),
                )
                for name in names
            ),
        ],
    ),
)

_GET_DOCUMENT = "XcapClient(connection, store).get(selector)"
_STEP = "NodeSelector().step(name, namespace=..., position=..., attribute=...)"

BOUND: Final = {
    name: LegacyFunction("xcap_client", name, (), name, replacement)
    for name, replacement in (
        ("bind_xcap", "onehttp.xcap.XcapClient(connection, store)"),
        ("get_elem", "XcapClient(connection, store).get_element(selector, node)"),
        ("getNewDoc", _GET_DOCUMENT),
        ("register_xcb", "XcapClient(connection, store).on_change(callback, types)"),
        ("int_node_sel", "NodeSelector()"),
        ("add_step", _STEP),
        ("add_terminal", "NodeSelector(...).attribute(name)"),
        ("free_node_sel", "nothing"),
        ("refreshXcapDoc", _GET_DOCUMENT),
    )
}
"""Functions that modules offered to other modules, by name. No script calls them."""

MODULES: Final = tuple(dict.fromkeys(function.module for function in FUNCTIONS))

NATIVE: Final = {(function.name, len(function.arguments)): function for function in FUNCTIONS}
KEMI: Final = {
    (function.module, function.kemi): function for function in FUNCTIONS if function.kemi
}
