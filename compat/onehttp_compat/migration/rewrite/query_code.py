"""Writes the statements that replace an asynchronous query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import indent
from typing import Any, Final

import libcst as cst

from onehttp_compat.migration.rewrite.call_code import (
    ScriptFacts,
    bracketed,
    has_credentials,
    is_never_empty,
    sent_headers,
)
from onehttp_compat.migration.rewrite.connections import secret
from onehttp_compat.migration.rewrite.free_names import free_name
from onehttp_compat.migration.rewrite.not_safe import NotSafeError
from onehttp_compat.migration.rewrite.queries import QuerySetting
from onehttp_compat.migration.static_call import StaticCall, parsed
from onehttp_compat.modules.http_async_client.settings import KEYS, AsyncSettings, method_of
from onehttp_compat.replacements.asynchronous import idle_timeout
from onehttp_compat.replacements.call_site import Given
from onehttp_compat.replacements.headers_code import FORM, call_code, pair_code, pairs_code
from onehttp_compat.replacements.named import options_of
from onehttp_compat.replacements.texts import code_of, pieces_of

_STEP: Final = " " * 4
_OF_CALLS: Final = frozenset(("hdr", "method", "body", "timeout", "suspend", "follow_redirect"))
_OF_CONNECTIONS: Final = "$http_req({}) is what a connection says, and its value is not a literal"
_WAITS: Final = 'KSR.pv.get("$T(id_index)") is not None'


def query_statements(
    static: StaticCall,
    settings: Sequence[QuerySetting],
    ksr: str,
    code: str | None,
    is_of_sign: bool,
    facts: ScriptFacts,
) -> Iterator[str]:
    """Return the text of each statement.

    Args:
        ksr: the script's name for ``KSR``.
        code: the variable that gets the old return code; None if it is not used.
        is_of_sign: only the sign of the return code is used.

    Raises:
        NotSafeError: it depends on facts that the source does not show.
    """
    taken = facts.taken
    builder = _QueryBuilder(static, settings, facts)
    sent = builder.call()
    yield from builder.before
    error = free_name("error", taken)
    done = ["1"] if not builder.suspends else ["0"]
    if code and builder.suspends and not is_of_sign:
        waits = free_name("is_suspended", taken)
        yield f"{waits} = {_WAITS.replace('KSR', ksr, 1)}"
        done = [f"0 if {waits} else 1"]
    tried = sent if builder.suspends else f"with onehttp.transaction(None):\n{indent(sent, _STEP)}"
    said = f'{ksr}.err(f"{static.label}: {{{error}}}\\n")'
    lines = ["try:", indent(tried, _STEP)]
    if code:
        lines.append(f"{_STEP}{code} = {done[0]}")
    lines += [f"except onehttp.OnehttpError as {error}:", f"{_STEP}{said}"]
    if code:
        lines.append(f"{_STEP}{code} = -1")
    yield "\n".join(lines)


def given_of(value: cst.BaseExpression) -> Given:
    """Return the value of an expression, as far as the source shows it."""
    code = cst.Module(()).code_for_node(value)
    source, tree = parsed(code)
    pieces = pieces_of(tree, source)
    literal = "".join(map(str, pieces)) if all(isinstance(one, str) for one in pieces) else None
    return Given(code, literal, literal or "?", pieces)


class _QueryBuilder:
    def __init__(
        self, static: StaticCall, settings: Sequence[QuerySetting], facts: ScriptFacts
    ) -> None:
        self._given = static.given()
        self._facts = facts
        self._taken = facts.taken
        self._set: dict[str, list[QuerySetting]] = {}
        for one in settings:
            self._set.setdefault(one.key, []).append(one)
        self.before: list[str] = []
        self.suspends = static.function.method not in ("send", "send_xdata")
        if self._set.get("suspend"):
            self.suspends = self._number("suspend") != 0 and self.suspends
        self._defaults = AsyncSettings()

    def call(self) -> str:
        """``onehttp.submit(...)``."""
        function, url = "onehttp.submit", bracketed(self._given["url"].code)
        options = self._options()
        if options or has_credentials(self._given["url"], self._facts.bases):
            on = self._facts.connections.on(self._given["url"], self._facts.bases, options)
            function, url = f"{on.connection}.submit", on.path
        pairs = [pair for one in self._set.get("hdr", ()) for pair in self._pairs(one)]
        has_type = any(pair.lower().startswith('("content-type"') for pair in pairs)
        body, is_sure = self._body()
        if body and not has_type:
            form = pair_code(*FORM)
            pairs.append(form if is_sure else f"*([{form}] if {body} else [])")
        keywords: dict[str, str | list[str]] = {
            "route": self._given["route"].code,
            "body": body if is_sure or not body else f"{body} or None",
            "headers": sent_headers(pairs),
            "timeout": self._timeout(),
            "follow_redirects": self._redirects(),
        }
        if "xdata" in self._given:
            keywords["xdata"] = self._given["xdata"].code
        return call_code(function, self._method(body, is_sure), url, **keywords)

    def _options(self) -> dict[str, object]:
        """Return the options of a connection for the settings."""
        settings: dict[str, Any] = {}
        for key in set(self._set) - _OF_CALLS:
            value = self._set[key][-1].value
            literal = given_of(value).literal
            number = int(value.evaluated_value) if isinstance(value, cst.Integer) else None
            if key == "password":
                literal = literal or "?"
            if number is None and not literal:
                raise NotSafeError(_OF_CONNECTIONS.format(key))
            settings[KEYS[key].field] = literal if number is None else number
        made = options_of(replace(self._defaults, **settings))
        if "auth" in made:
            if settings.get("authmethod") not in (1, 2):
                raise NotSafeError("authmethod is to be 1 or 2: others ask without first")
            host = re.sub(r"\W+", "_", str(settings["username"]))
            auth: Any = made["auth"]
            made = {**made, "auth": {**auth, "password": secret(host)}}
        return dict(made)

    def _method(self, body: str, is_sure: bool) -> str:
        if "method" in self._set:
            method = method_of(self._text("method"))
            if method is None:
                raise NotSafeError("its method is not one of the module's")
            if method in ("POST", "PUT", "PATCH") and not body:
                raise NotSafeError(f"a {method} without a body would say so now: Content-Length: 0")
            return code_of(method)
        if not body:
            return '"GET"'
        return '"POST"' if is_sure else f'"POST" if {body} else "GET"'

    def _body(self) -> tuple[str, bool]:
        """Return code for the body (empty if there is none), and whether the body is never
        empty."""
        if "body" not in self._set:
            return "", True
        last = self._set["body"][-1]
        given = given_of(last.value)
        if given.literal == "":
            return "", True
        code = bracketed(last.kept_as or given.code)
        if is_never_empty(given):
            return code, True
        if code.isidentifier():
            return code, False
        name = free_name("body", self._taken)
        self.before.append(f"{name} = {code}")
        return name, False

    def _pairs(self, setting: QuerySetting) -> list[str]:
        given = given_of(setting.value)
        if setting.kept_as or not any(
            ":" in piece for piece in given.pieces if isinstance(piece, str)
        ):
            raise NotSafeError("its headers are put together elsewhere: write them as pairs")
        pairs = pairs_code(given)
        if not pairs or any(pair.startswith("*") for pair in pairs):
            raise NotSafeError("its headers are no lines of name and value")
        return pairs

    def _timeout(self) -> str:
        """Return the limit of each wait, as in the module, and of the whole, as in libcurl."""
        idle = f"{self._defaults.timeout_ms / 1000:g}"
        if "timeout" in self._set:
            last = self._set["timeout"][-1]
            value = given_of(last.value)
            number = isinstance(last.value, cst.Integer) and int(last.value.evaluated_value)
            if number is not False and number <= 0:
                raise NotSafeError("a timeout of 0 fails at once")
            milliseconds = last.kept_as or value.code
            simple = milliseconds if milliseconds.isidentifier() else f"({milliseconds})"
            idle = f"{number / 1000:g}" if number else f"{simple} / 1000"
        return idle_timeout(idle)

    def _redirects(self) -> str:
        if "follow_redirect" not in self._set or not self._number("follow_redirect"):
            return ""
        if "method" in self._set:
            raise NotSafeError("redirects keep its method, which follow_redirects does not")
        return "True"

    def _text(self, key: str) -> str:
        literal = given_of(self._set[key][-1].value).literal
        if not isinstance(literal, str) or not literal:
            raise NotSafeError(f"its {key} is not a literal")
        return literal

    def _number(self, key: str) -> int:
        value = self._set[key][-1].value
        if not isinstance(value, cst.Integer):
            raise NotSafeError(f"whether it is to {key} is not a literal")
        return int(value.evaluated_value)
