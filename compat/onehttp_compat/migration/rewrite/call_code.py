"""Writes code for the exchange of a legacy call: the request, its value, and its error code."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from onehttp_compat.migration.rewrite.connections import ConnectionEntries
from onehttp_compat.migration.rewrite.free_names import free_name
from onehttp_compat.migration.rewrite.not_safe import NotSafeError
from onehttp_compat.migration.static_call import StaticCall
from onehttp_compat.registry import Kind
from onehttp_compat.replacements.call_site import Given
from onehttp_compat.replacements.headers_code import FORM, call_code, pair_code, pairs_code
from onehttp_compat.replacements.texts import Code

_FIRST_LINE: Final = '.text.partition("\\n")[0]'
_WHOLE: Final = ".text"
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_userinfo = re.compile(r"://[^/?#]*@").search
_is_name = re.compile(r"[A-Za-z_]\w*").fullmatch
_REASONS: Final = {
    "async_http": "goes into the onehttp.submit that follows, and the route that gets the answer "
    "changes with it",
    "auth_identity": "RFC 8224 has other headers than RFC 4474: see docs/identity.md",
    "xcap_client": "onehttp.xcap has a client and a store of its own: see docs/xcap.md",
    "get_redirect": "response.url of the call before says it",
}


@dataclass(frozen=True, slots=True)
class RewrittenCall:
    """A call of ``onehttp``."""

    request: str
    """An expression that gives a response, of one or several lines."""
    value: str
    """The code after a response that gives the value of the result variable."""
    result: str
    """Code for the name of the result variable."""
    failure: str
    """The old return code of a call without a response; ``error`` is the exception."""
    keeps_value: bool
    """If there is no value, the variable stays unchanged. Otherwise it is emptied."""
    before: tuple[str, ...] = ()
    """Statements to run before."""


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """Facts about the script that a rewrite uses."""

    taken: Collection[str]
    """Names that the script uses."""
    bases: Mapping[str, str]
    """Names that have a URL as their value."""
    connections: ConnectionEntries
    """Collects the entries that calls need."""


def exchange(static: StaticCall, facts: ScriptFacts) -> RewrittenCall:
    """Return the replacement of a call.

    Raises:
        NotSafeError: it depends on facts that the source does not show.
    """
    function = static.function
    for key in (function.module, function.method):
        if key in _REASONS:
            raise NotSafeError(_REASONS[key])
    if function.method.startswith("response_headers"):
        raise NotSafeError("nothing has to be switched on for response.headers: drop it")
    if static.fault:
        raise NotSafeError(static.fault)
    return _CallBuilder(static, facts).exchange()


class _CallBuilder:
    def __init__(self, static: StaticCall, facts: ScriptFacts) -> None:
        self._static = static
        self._facts = facts
        self._taken = facts.taken
        self._given = static.given()
        self._before: list[str] = []
        for argument in static.function.arguments:
            if not static.is_kemi and argument.kind is Kind.TEXT:
                self._evaluated(argument.name)
        for one in self._given.values():
            if "\\0" in one.code or "\\x00" in one.code:
                raise NotSafeError("there is a NUL in its arguments")
            if '"' * 3 in one.code or "'" * 3 in one.code:
                raise NotSafeError("a text of several lines is among its arguments")

    def exchange(self) -> RewrittenCall:
        function = self._static.function
        is_connect = function.method == "connect"
        request = self._connect() if is_connect else self._query()
        return RewrittenCall(
            request=request,
            value=_WHOLE if is_connect else _FIRST_LINE,
            result=self._given["result"].code,
            failure="error.code" if function.module == "http_client" else "-1",
            keeps_value=function.module == "utils",
            before=tuple(self._before),
        )

    def _query(self) -> str:
        function, url = "onehttp.request", self._given["url"].code
        is_http2 = self._static.function.method == "request_v2pk"
        if has_credentials(self._given["url"], self._facts.bases) or is_http2:
            options = {"http_version": "2-prior-knowledge"} if is_http2 else {}
            on = self._facts.connections.on(self._given["url"], self._facts.bases, options)
            function, url = f"{on.connection}.request", on.path
        if self._static.function.module == "curl":
            if "body" not in self._given:
                return call_code(function, '"GET"', url)
            headers = [pair_code("Content-Type", "text/plain")]
            body = self._given["body"].code
            return call_code(function, '"POST"', url, body=body, headers=headers)
        pairs, has_type = self._headers()
        body, is_sure = self._body()
        if body and not has_type:
            form = pair_code(*FORM)
            pairs.append(form if is_sure else f"*([{form}] if {body} else [])")
        sent = body if is_sure or not body else f"{body} or None"
        method = self._method(body, is_sure)
        given = sent_headers(pairs)
        return call_code(function, method, url, body=sent, headers=given)

    def _connect(self) -> str:
        path = self._given["path"].code
        connection = f"onehttp.connection({self._given['connection'].code})"
        if "content_type" not in self._given:
            return call_code(f"{connection}.get", path)
        kind = f'("Content-Type", {self._given["content_type"].code})'
        if self._static.function.module == "curl":
            body, is_sure = self._given["body"].code, True
        else:
            body, is_sure = self._body()
        if not body:
            return call_code(f"{connection}.get", path)
        if is_sure:
            return call_code(f"{connection}.post", path, body=body, headers=[kind])
        method = f'"POST" if {body} else "GET"'
        headers = [f"*([{kind}] if {body} else [])"]
        sent = f"{body} or None"
        return call_code(f"{connection}.request", method, path, body=sent, headers=headers)

    def _method(self, body: str, is_sure: bool) -> str:
        given = self._given.get("method")
        if given is not None and not given.is_left_out:
            if not isinstance(given.literal, str) or not _is_token(given.literal):
                raise NotSafeError("its method is not a literal")
            return given.code
        if self._static.function.method == "get" or not body:
            return '"GET"'
        return '"POST"' if is_sure else f'"POST" if {body} else "GET"'

    def _body(self) -> tuple[str, bool]:
        """Return code for the body (empty if there is none), and whether the body is never
        empty."""
        given = self._given.get("body")
        if given is None or given.is_left_out:
            return "", True
        if is_never_empty(given):
            return given.code, True
        name = given.code.strip("()")
        if _is_name(name):
            return name, False
        name = free_name("body", self._taken)
        self._before.append(f"{name} = {bracketed(given.code)}")
        return name, False

    def _headers(self) -> tuple[list[str], bool]:
        """Return the pairs of headers, and whether they contain a content type."""
        given = self._given.get("headers")
        if given is None or given.is_left_out:
            return [], False
        texts = [piece for piece in (*given.pieces, given.literal) if isinstance(piece, str)]
        if not any(":" in text for text in texts):
            raise NotSafeError("its headers are put together elsewhere: write them as pairs")
        pairs = pairs_code(given)
        if not pairs or any(pair.startswith("*") for pair in pairs):
            raise NotSafeError("its headers are no lines of name and value")
        return pairs, any(pair.lower().startswith('("content-type"') for pair in pairs)

    def _evaluated(self, name: str) -> None:
        """The server replaces variables in the whole text, also in the values of expressions."""
        given = self._given[name]
        arguments = self._static.function.arguments
        place = [one.name for one in arguments].index(name)
        if not _is_all_read(given):
            code = self._static.code_of(place)
            variable = f'"$var(onehttp_{name})"'
            self._before.append(f"KSR.pvx.evalx({variable}, {code})")
            self._given[name] = Given(f"KSR.pv.getw({variable})", None, given.seen)


def sent_headers(pairs: list[str]) -> str | list[str]:
    """Return code for ``headers=``. libcurl sent no headers with empty values, but onehttp does."""
    if all(map(_has_a_value, pairs)):
        return pairs
    return f"[pair for pair in [{', '.join(pairs)}] if pair[1].strip()]"


def _has_a_value(pair: str) -> bool:
    listed: Any = ast.parse(f"[{pair}]", mode="eval").body
    tree = listed.elts[0]
    if isinstance(tree, ast.Starred):
        return True  # the type of a form is a literal
    texts = (part.value for part in ast.walk(tree.elts[1]) if isinstance(part, ast.Constant))
    is_put_together = isinstance(tree.elts[1], ast.Constant | ast.JoinedStr | ast.BinOp)
    return is_put_together and any(isinstance(text, str) and text.strip() for text in texts)


def is_never_empty(given: Given) -> bool:
    """Whether a text is never empty, whatever the script does."""
    if any(isinstance(piece, str) and piece for piece in given.pieces) or given.literal:
        return True
    return given.code.startswith("json.dumps(") and given.code.endswith(")")


def has_credentials(url: Given, bases: Mapping[str, str]) -> bool:
    """Whether a URL contains a user name, as far as the script shows."""
    pieces = (bases.get(one.text, "") if isinstance(one, Code) else one
              for one in (*url.pieces, url.literal))  # fmt: skip
    texts = [piece for piece in pieces if isinstance(piece, str)]
    return any(_userinfo(text) for text in texts)


def bracketed(code: str) -> str:
    """Put an expression that may have several lines in parentheses."""
    return f"({code})" if "\n" in code else code


def _is_all_read(given: Given) -> bool:
    """Whether all parts of a text are literals or variables that the code reads."""
    return given.literal is not None or all(
        not isinstance(piece, Code) or piece.text.startswith("KSR.pv.getw(")
        for piece in given.pieces or (Code(given.code),)
    )
