"""``KSR.textops``: searches in the message and changes of its text; ``KSR.regex``."""

from __future__ import annotations

import re
from typing import Final

from onehttp_compat.pseudo_variables.syntax import UnknownVariableError
from onehttp_compat.pseudo_variables.transformations.regular_expressions import posix
from onehttp_compat.pv import as_bytes
from onehttp_compat.script.kemi.bodies.functions import BodyFunctions, replaced
from onehttp_compat.script.kemi.bodies.lines import BodyLineFunctions
from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.kemi.headers.functions import TextopsxHeaders
from onehttp_compat.script.kemi.headers.values import HeaderValueFunctions
from onehttp_compat.sip.message import parse_or_refuse

LESS: Final = -2


_NOWHERE: Final = b"c=IN IP4 0.0.0.0"
_HELD: Final = (b"a=sendonly", b"a=inactive")
_DIRECTIONS: Final = (*_HELD, b"a=sendrecv", b"a=recvonly")


class TextopsFunctions(BodyFunctions):
    """``KSR.textops``, including its functions for headers and bodies."""

    # ---- searches

    def search(self, pattern: str) -> int:
        return self._search(pattern, self._sip.wire())

    def search_body(self, pattern: str) -> int:
        return self._search(pattern, self._body)

    def search_str(self, text: str, pattern: str) -> int:
        try:
            return self._search(pattern, text.encode()) if text else FALSE - 1
        except UnknownVariableError as error:
            self._world.mistakes.note(str(error))
            return FALSE - 1

    def regex_substring(self, text: str, pattern: str, index: int, count: int, target: str) -> int:
        match = _posix(pattern, text)
        groups = (match[0], *match.groups()) if match else ()
        if not 0 <= index < min(len(groups), count + 1) or groups[index] is None:
            return FALSE
        self._world.server.pv.set(target, groups[index])
        return TRUE

    def cmp_str(self, one: str, other: str) -> int:
        return _order(one, other)

    def cmp_istr(self, one: str, other: str) -> int:
        return _order(one.lower(), other.lower())

    def starts_with(self, text: str, start: str) -> int:
        beginning = text[: len(start)]
        return _order(beginning, start) if len(beginning) == len(start) else FALSE

    def ends_with(self, text: str, end: str) -> int:
        if len(text) < len(end):
            return FALSE
        return _order(text[len(text) - len(end) :], end)

    def str_find(self, text: str, part: str) -> int:
        return text.find(part) + 1 or FALSE

    def str_ifind(self, text: str, part: str) -> int:
        return text.lower().find(part.lower()) + 1 or FALSE

    def in_list(self, item: str, items: str, separator: str) -> int:
        return as_code(item in [one.strip() for one in items.split(separator[:1] or ",")])

    def in_list_prefix(self, item: str, items: str, separator: str) -> int:
        parts = [one.strip() for one in items.split(separator[:1] or ",")]
        return as_code(any(one and item.startswith(one) for one in parts))

    # ---- a header, the message, and its request URI

    def subst_hf(self, name: str, expression: str, which: str) -> int:
        found = self._routed.indices(name)
        chosen = {"f": found[:1], "l": found[-1:]}.get(which[:1].lower(), found)
        changed, read = 0, self._world.server.pv.get
        for index in chosen:
            text, count = replaced(expression, as_bytes(self._sip.headers[index][1]), read)
            if count:
                self._routed.replaced[index] = text.decode("utf-8", "surrogateescape")
                changed += count
        return as_code(changed)

    def subst(self, expression: str) -> int:
        sip = self._sip
        (first, *_), _ = sip.lines()  # the first line stays as it is
        start = sip.wire().index(first) + len(first)
        rest = sip.wire()[start:]
        text, count = replaced(expression, rest, self._world.server.pv.get)
        changed = parse_or_refuse(
            sip.wire()[:start] + text, sip.label, sip.source, sip.destination, sip.protocol
        )
        if not count or changed.refusal:
            return FALSE
        self._routed.sip = changed
        return TRUE

    def subst_uri(self, expression: str) -> int:
        text, count = replaced(expression, as_bytes(self._routed.uri), self._world.server.pv.get)
        if not count:
            return FALSE
        self._routed.set_uri(text.decode("utf-8", "surrogateescape"))
        self._scene.act(f"$ru = {self._routed.new_uri}")
        return TRUE

    def subst_user(self, expression: str) -> int:
        uri = self._routed.parsed_uri
        read = self._world.server.pv.get
        text, count = replaced(expression, as_bytes(uri.user), read) if uri else (b"", 0)
        if not count or not self._routed.rewrite(user=text.decode("utf-8", "surrogateescape")):
            return FALSE
        self._scene.act(f"$ru = {self._routed.uri}")
        return TRUE

    def is_audio_on_hold(self) -> int:
        """Returns 1 for an audio stream to 0.0.0.0, 2 for one that is not to be received."""
        session, *streams = re.split(rb"(?m)^(?=m=)", self._body)
        for stream in streams:
            lines = [*stream.splitlines(), *session.splitlines()]  # what the stream says is first
            if not stream.startswith(b"m=audio "):
                continue
            if next((line for line in lines if line.startswith(b"c=")), b"") == _NOWHERE:
                return TRUE
            if next((line for line in lines if line in _DIRECTIONS), b"") in _HELD:
                return TRUE + 1
        return FALSE

    def _search(self, pattern: str, data: bytes) -> int:
        expression = posix(pattern.encode(), re.IGNORECASE | re.MULTILINE)
        return as_code(expression.search(c_string(data)))


class TextopsxFunctions(BodyLineFunctions, HeaderValueFunctions, TextopsxHeaders):
    """``KSR.textopsx``, including its functions for headers and for lines of bodies."""


class RegexFunctions(Functions):
    """``KSR.regex``: regular expressions in Perl's syntax."""

    def pcre_match(self, text: str, pattern: str) -> int:
        try:
            return as_code(re.search(pattern, text))
        except re.error as error:
            self._world.mistakes.note(f"{pattern!r} is not a valid regular expression: {error}")
            return FALSE - 3


def _order(one: str, other: str) -> int:
    """1 if the texts are the same, -2 if the first comes before the other."""
    mine, theirs = as_bytes(one), as_bytes(other)
    return TRUE if mine == theirs else LESS if mine < theirs else FALSE


def c_string(data: bytes) -> bytes:
    """Return the bytes up to the first NUL, which is as far as a function of C reads."""
    return data.partition(b"\0")[0]


def _posix(pattern: str, text: str) -> re.Match[str] | None:
    try:
        return re.search(pattern, text)
    except re.error:
        return None
