"""Parses the statements of a configuration.

    file      = { modparam | load | route | setting | ";" }
    modparam  = ("modparam" | "modparamx") "(" text "," text "," value ")"
    value     = text | ["-"] number | "yes" | "no" | ...
    load      = ("loadmodule" | "loadmodulex") text | ("loadpath" | "mpath") ["="] text
    route     = kind [ "[" name "]" ] "{" body "}"
    setting   = name { "." name } [ "=" ] whatever up to the next statement

A statement ends where the next one begins, and ";" is allowed after each. Text that does not match
is skipped up to the next statement, and noted. The parser looks ahead by one word, so an error in
one statement does not affect the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from onehttp_compat.config_inputs import ConfigInputs
from onehttp_compat.server_config.comments import comment_lines
from onehttp_compat.server_config.declarations import (
    GlobalSetting,
    LoadModule,
    Modparam,
    RouteBlock,
    RouteCall,
    ServerConfig,
)
from onehttp_compat.server_config.defines import (
    UnknownValueError,
    expanded,
    lookup_in,
)
from onehttp_compat.server_config.lexer import Lexer
from onehttp_compat.server_config.machine import Machine
from onehttp_compat.server_config.places import ConfigPlace, NoteKind
from onehttp_compat.server_config.routes import read_body, written
from onehttp_compat.server_config.stream import (
    LOADING,
    ROUTES,
    SETTING_PARAMETERS,
    STATEMENTS,
    TokenStream,
)
from onehttp_compat.server_config.tokens import Token, is_boolean, number_of


def read_server_config(path: Path, inputs: ConfigInputs | None = None) -> ServerConfig:
    """Read a ``kamailio.cfg`` and its includes, as the server does when it starts.

    Errors in it become notes, and the rest is read.

    Raises:
        ConfigurationError: ``path`` itself cannot be read.
    """
    config = ServerConfig()
    machine = Machine(config, inputs or ConfigInputs())
    machine.enter_file(path)
    _Parser(machine).run()
    config.defines = {name: define.value for name, define in machine.defines.items()}
    return config


_BARE_SETTINGS: Final = frozenset(("flags", "avpflags"))
"""Settings that never have a ``=``."""


class _ExpectedError(Exception):
    """A statement has an error, at this token."""

    def __init__(self, expected: str, token: Token, is_said: bool = False) -> None:
        super().__init__(expected if is_said else f"expected {expected}, got {token.named}")
        self.token = token


class _Parser:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._config = machine.config
        self._lexer = Lexer(machine)
        self._stream = TokenStream(self._lexer.tokens())
        self._is_lost = False
        """The current text was not understood, and that was noted."""

    def run(self) -> None:
        """Parse all statements."""
        while (token := self._stream.next()).kind != "end":
            comments = self._machine.comments.take()
            word = token.text if token.kind == "word" else ""
            if word in SETTING_PARAMETERS:
                self._modparam(token, comments)
            elif word in LOADING:
                self._load(token)
            elif word in ROUTES and self._stream.peek().text in ("[", "{"):
                self._route(token)
            elif word and self._begins_setting(token):
                self._setting(token)
            elif not token.is_mark(";"):
                self._pass(token)
                continue
            self._is_lost = self._is_lost and token.is_mark(";")

    # ---- modparam

    def _modparam(self, first: Token, comments: list[str]) -> None:
        texts: list[str] = []
        last = first
        value_token: Token | None = None
        value: int | str | None = None
        fault: str | None = None
        try:
            last = self._mark("(")
            for _ in range(2):
                texts.append(self._text(first))
                last = self._mark(",")
            value_token = self._stream.next()
            value = self._value(value_token, first)
            last = value_token
            self._mark(")")
        except _ExpectedError as error:
            # What is missing is missing in the line before, not in that of the next statement.
            is_behind = error.token.begins_line or error.token.kind == "end"
            fault, place = str(error), (last if is_behind else error.token).place
            value = None
            self._skip_arguments(error.token)
        except UnknownValueError as error:
            fault, place = str(error), (value_token or first).place
            self._skip_arguments(self._stream.next())
        if len(texts) < 2:
            self._note("fault", first.place, f"{first.text}: {fault}")
            return
        behind = self._lexer.comment_behind()
        comments += comment_lines(behind) if behind else []
        self._config.declarations.append(
            Modparam(
                first.place,
                texts[0],
                texts[1],
                value,
                fault,
                place if fault else None,
                tuple(comments),
            )
        )

    def _text(self, statement: Token) -> str:
        token = self._stream.next()
        if token.kind != "string":
            raise self._missing(token) or _ExpectedError("a text", token)
        return self._evaluated(token.text, statement)

    def _value(self, token: Token, statement: Token) -> int | str:
        if token.kind == "string":
            return self._evaluated(token.text, statement)
        if token.is_mark("-"):
            number = self._stream.next()
            if number.kind == "number":
                return -_number(number)
            raise _ExpectedError("a number after '-'", number)
        if token.kind == "number":
            return _number(token)
        truth = is_boolean(token.text) if token.kind == "word" else None
        if truth is None:
            raise self._missing(token) or _ExpectedError("a text or a number", token)
        return truth

    def _missing(self, token: Token) -> _ExpectedError | None:
        """Return the error for a word that is not defined."""
        if token.kind != "word" or token.text[0].isdigit():
            return None
        return _ExpectedError(self._machine.defines.missing(token.text), token, is_said=True)

    def _evaluated(self, text: str, statement: Token) -> str:
        """Evaluate the strings of ``modparamx`` and ``loadmodulex``."""
        if not statement.text.endswith("x") or "$" not in text:
            return text
        return expanded(text, lookup_in(self._machine.defines, self._machine.config_inputs))

    def _skip_arguments(self, token: Token) -> None:
        """Skip the closing parenthesis, if there is one before the next statement."""
        while token.kind != "end" and not token.is_mark(")"):
            if token.begins_line and token.kind == "word" and token.text in STATEMENTS:
                self._stream.push(token)
                return
            token = self._stream.next()
        if token.kind == "end":
            self._stream.push(token)

    # ---- the others

    def _load(self, first: Token) -> None:
        token = self._stream.next()
        is_path = first.text in ("loadpath", "mpath")
        if token.is_mark("=" if is_path else "("):
            token = self._stream.next()
        if token.kind != "string":
            text = f"{first.text}: {_ExpectedError('a text', token)}"
            self._note("fault", first.place, text)
            self._stream.push(token)
            return
        if is_path:
            self._config.declarations.append(GlobalSetting(first.place, first.text, token.text))
            return
        try:
            made = LoadModule(first.place, self._evaluated(token.text, first))
        except UnknownValueError as error:
            self._note("fault", token.place, f"{first.text}: {error}")
            made = LoadModule(first.place, token.text)
        self._config.declarations.append(made)
        self._machine.defines.loaded(made.name, first.place)
        if self._stream.peek().is_mark(","):
            # The way of loading ("g": symbols are global), in other versions than 5.6.
            self._stream.next()
            if self._stream.peek().kind == "string":
                self._stream.next()
        if self._stream.peek().is_mark(")"):
            self._stream.next()

    def _route(self, first: Token) -> None:
        name: list[str] = []
        token = self._stream.next()
        if token.is_mark("["):
            while not (token := self._stream.next()).is_mark("]") and token.kind != "end":
                name.append(token.text)
            token = self._stream.next()
        joined = "".join(name)
        shown = f"{first.text}[{joined}]" if joined else first.text
        if not token.is_mark("{"):
            self._note("fault", token.place, f"{shown}: {_ExpectedError(repr('{'), token)}")
            self._stream.push(token)
            return
        at = len(self._config.declarations)
        self._machine.comments.are_wanted = False
        calls: list[RouteCall] = []
        end = read_body(self._stream, shown, calls)
        self._machine.comments.are_wanted = True
        self._machine.comments.forget()
        self._config.declarations.insert(at, RouteBlock(first.place, first.text, joined, end))
        self._config.declarations += calls
        if end is None:
            self._note("fault", first.place, f"{shown} is never closed: a '}}' is missing")

    def _begins_setting(self, first: Token) -> bool:
        token = self._stream.peek()
        return first.text in _BARE_SETTINGS or (
            (token.text in ("=", ".") and token.kind == "mark")
            or (token.kind == "string" and not token.begins_line)
        )

    def _setting(self, first: Token) -> None:
        name = first.text
        token = self._stream.next()
        while token.is_mark("."):
            name += "."
            token = self._stream.next()
            if token.kind == "word" and not self._begins_line(token):
                name += token.text
                token = self._stream.next()
        if token.is_mark("="):
            token = self._stream.next()
        elif "." in name:
            self._note("fault", first.place, f"{name}: {_ExpectedError(repr('='), token)}")
            self._stream.push(token)
            return
        if token.is_mark("{"):
            self._fields(first, name)
            return
        pieces: list[Token] = []
        while not self._ends_setting(token, pieces):
            pieces.append(token)
            token = self._stream.next()
        if not token.is_mark(";"):
            self._stream.push(token)
        self._config.declarations.append(GlobalSetting(first.place, name, _joined(pieces)))

    def _fields(self, first: Token, name: str) -> None:
        """``socket = { bind = ...; name = ...; }``, for servers after 5.6."""
        pieces: list[Token] = []
        while not (token := self._stream.next()).is_mark("}"):
            if token.kind == "end" or self._begins_line(token):
                self._note("fault", first.place, f"{name} is never closed: a '}}' is missing")
                self._stream.push(token)
                return
            pieces.append(token)
        self._config.declarations.append(GlobalSetting(first.place, name, f"{{{_joined(pieces)}}}"))

    def _begins_line(self, token: Token) -> bool:
        """Whether it begins a line and also a statement that cannot be part of another one."""
        return token.begins_line and token.kind == "word" and self._stream.begins_statement(token)

    def _ends_setting(self, token: Token, pieces: list[Token]) -> bool:
        if (
            token.kind == "end"
            or self._begins_line(token)
            or (token.text in (";", "{", "}") and token.kind == "mark")
        ):
            return True
        if token.kind != "word" or not pieces or pieces[-1].text in (":", ".", "(", ",", "-"):
            return False
        return (
            token.text in STATEMENTS
            or self._stream.peek().is_mark("=")
            or (token.begins_line and self._begins_setting(token))
        )

    def _pass(self, token: Token) -> None:
        if not self._is_lost:
            self._note("fault", token.place, f"{token.named} begins no statement")
        self._is_lost = True

    def _mark(self, text: str) -> Token:
        token = self._stream.next()
        if not token.is_mark(text):
            raise _ExpectedError(repr(text), token)
        return token

    def _note(self, kind: NoteKind, place: ConfigPlace, text: str) -> None:
        self._config.note(kind, place, text)


def _number(token: Token) -> int:
    number = number_of(token.text)
    assert number is not None  # the lexer gives no other token this kind
    return number


def _joined(tokens: list[Token]) -> str:
    """Join tokens to a text, with spaces where they matter."""
    text = ""
    for token in tokens:
        apart = text and token.kind != "mark" and text[-1] not in ":.([/-"
        text += f" {written(token)}" if apart else written(token)
    return text
