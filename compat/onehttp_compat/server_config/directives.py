"""The effect of each directive on the lexer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from onehttp import ConfigurationError
from onehttp_compat.server_config.conditions import HIDDEN, Conditions
from onehttp_compat.server_config.declarations import Defined, Included
from onehttp_compat.server_config.defines import (
    MAX_NAME_BYTES,
    Define,
    UnknownValueError,
    lookup_in,
)
from onehttp_compat.server_config.expression import (
    ExpressionError,
    Value,
    evaluate,
    is_true,
    text_of,
)
from onehttp_compat.server_config.files import MAX_DEPTH, find_included
from onehttp_compat.server_config.machine import Input, Machine
from onehttp_compat.server_config.places import ConfigPlace, NoteKind
from onehttp_compat.server_config.substitution import SubstitutionError, parse_substitution
from onehttp_compat.server_config.tokens import (
    BEGINNING,
    DEFINING,
    FROM_ENVIRONMENT,
    FROM_EXPRESSION,
    SUBSTITUTING,
)

CONDITIONS: Final = ("ifdef", "ifndef")
_HEADERS: Final = ("KAMAILIO", "SER", "OPENSER", "MAXCOMPAT", "ALL")
"""Comments at the top of a file that name the server of the file."""
_CONTINUED: Final = r"(?:[^\n\\]+|\\\n|\\)*"
_line: Final = re.compile(_CONTINUED).match
_condition: Final = re.compile(r"[^\n]*").match
# A value may go on in the next line, but begins in that of its name, which may be the next one.
_definition: Final = re.compile(
    rf"(?:[ \t]|\\\n)*[^\s\\]*[ \t]*(?:\\(?=\n)|(?!\\\n){_CONTINUED})"
).match
_joint: Final = re.compile(r"[ \t]*\\\n").match
_continuation: Final = re.compile(r"\\(?:\n|$)")
_name_and_rest: Final = re.compile(r"[ \t]*([A-Za-z0-9_]*)[ \t]*(.*)", re.DOTALL)
_dashed: Final = re.compile(r"(-[A-Za-z0-9_-]*)[ \t]*(.*)", re.DOTALL)
_environment: Final = re.compile(r"[ \t]*(\w+)(?:=(\w+))?")
_hidden: Final = re.compile(r"#!(\w+)(.*)", re.DOTALL).match
_path: Final = re.compile(r"[ \t\r\n]*([^ \t\r\n]+)").match


class Directives:
    """Runs the directives that the lexer finds."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._conditions = Conditions(machine)
        self._lookup = lookup_in(machine.defines, machine.config_inputs)
        self._has_told_of_version = False

    def run(self, source: Input, match: re.Match[str]) -> None:
        """Run the directive in ``match``."""
        bare, directive = match["bare"], match["directive"]
        place = source.place(match.start("bare" if bare else "directive") - len("#!"))
        if bare:
            self._machine.pass_blank(source, match.end())
            self._conditions.end(place) if bare == "endif" else self._conditions.turn(place)
            return
        source.at = match.end()
        if directive in SUBSTITUTING:
            self._pass_joint(source)
            self._substitute(directive, place)
            self._pass_joint(source)
        elif directive.endswith("_file"):
            self.include(source, place, directive)
        else:
            self._of_line(directive, place, self._rest_of_line(source, directive))

    def finish(self) -> None:
        """End the input, and report what is still open."""
        self._conditions.finish()

    def include(self, source: Input, place: ConfigPlace, directive: str) -> None:
        """``include_file "name"``. The name ends at the next blank and must have double quotes."""
        match = _path(source.text, source.at)
        written = match[1] if match else ""
        if match:
            source.go_to(match.end())
        quoted = re.fullmatch(r'["\'(]*([^"\']+)["\');]*', written)
        if quoted is None:
            self._note("fault", place, f'{directive}: expected "path", without blanks in it')
            return
        if written != f'"{quoted[1]}"':
            text = (
                f"{directive}: the server takes the path in double quotes only, and a blank after"
            )
            self._note("fault", place, text)
        name = quoted[1]
        for substitution in self._machine.substitutions:
            name = substitution.apply(name)
        self._enter(place, directive, name)

    def look_at_comment(self, place: ConfigPlace, text: str) -> None:
        """Report a comment that looks like a directive, because the server ignores it."""
        match = _hidden(text)
        if match is None or match[1] in _HEADERS:
            return
        word, rest = match.groups()
        if word in ("else", "endif"):
            self._note("fault", place, HIDDEN.format(word))
        elif word in (*DEFINING, *FROM_ENVIRONMENT, *FROM_EXPRESSION, *BEGINNING) and not (
            rest.strip()
        ):
            self._note("remark", place, f"#!{word} without a name is a comment")
        elif word.islower():
            self._note("remark", place, f"#!{word} is no directive: a comment")

    def _enter(self, place: ConfigPlace, directive: str, name: str) -> None:
        machine = self._machine
        path = find_included(name, Path(place.file), machine.config_inputs.include_path)
        shown = None if path is None else str(path)
        machine.config.declarations.append(Included(place, directive, name, shown))
        if path is None:
            self._note("unknown", place, f"{directive}: there is no {name} here; --include-path")
            return
        files = machine.files
        if any(path.samefile(file) for file in files):
            self._note("fault", place, f"{directive}: {name} includes itself")
        elif len(files) > MAX_DEPTH:
            self._note("fault", place, f"{directive}: more than {MAX_DEPTH} files deep")
        else:
            try:
                machine.enter_file(path)
            except ConfigurationError as error:
                self._note("unknown", place, f"{directive}: {error}")

    def _of_line(self, directive: str, place: ConfigPlace, line: str) -> None:
        match = _name_and_rest.match(line)
        assert match is not None
        name, rest = match.groups()
        if name and directive in (*DEFINING, *CONDITIONS):
            name, rest = self._with_dashes(directive, place, name, line[match.end(1) :], rest)
        if directive in CONDITIONS:
            is_met = (name in self._machine.defines) == (directive == "ifdef")
            self._conditions.begin(place, f"#!{directive} {name}", is_met)
        elif directive == "ifexp":
            self._tell_of_version(directive, place)
            value = self._value(place, directive, line)
            self._conditions.begin(place, f"#!ifexp {line.strip()}", is_true(value or 0.0))
        elif directive in FROM_ENVIRONMENT:
            self._define_from_environment(directive, place, line)
        elif not name or len(name) > MAX_NAME_BYTES:
            self._note("fault", place, f"#!{directive}: expected a name")
        elif directive in FROM_EXPRESSION:
            self._tell_of_version(directive, place)
            value = self._value(place, directive, rest)
            if value is None:
                self._machine.defines.why_not[name] = f"#!{directive} of {place} has no value"
            else:
                text = text_of(value)
                self._define(directive, place, name, _quoted(text, directive == "defexps"))
        else:
            self._define(directive, place, name, rest.rstrip())

    def _with_dashes(
        self, directive: str, place: ConfigPlace, name: str, behind: str, rest: str
    ) -> tuple[str, str]:
        """Return the whole of a name that the server refuses, so that a shorter name is not taken
        instead."""
        match = _dashed.match(behind)
        if match is None:
            return name, rest
        self._note("fault", place, f"#!{directive}: no '-' is allowed in {name}{match[1]}")
        return name + match[1], match[2]

    def _tell_of_version(self, directive: str, place: ConfigPlace) -> None:
        """Say once that older servers do not have the directive."""
        if not self._has_told_of_version:
            self._has_told_of_version = True
            text = (
                f"#!{directive} needs a later server than 5.6, which takes it for a comment, and "
                "its #!else and #!endif for those of no condition"
            )
            self._note("remark", place, text)

    def _value(self, place: ConfigPlace, directive: str, text: str) -> Value | None:
        try:
            return evaluate(text, self._machine.defines.operand)
        except ExpressionError as error:
            self._note("fault", place, f"#!{directive}: {error}")
            return None

    def _define_from_environment(self, directive: str, place: ConfigPlace, line: str) -> None:
        match = _environment.match(line)
        if match is None:
            self._note("fault", place, f"#!{directive}: expected NAME or NAME=VARIABLE")
            return
        name, variable = match[1], match[2] or match[1]
        value = self._machine.config_inputs.environment.get(variable)
        if value is None:
            reason = (
                f"the environment variable {variable} is not set; --env-file, or --define {name}"
            )
            if name not in self._machine.defines:
                self._machine.defines.why_not[name] = reason
            if not directive.startswith("try"):
                self._note("unknown", place, f"#!{directive}: {reason}")
            return
        self._define(directive, place, name, _quoted(value, directive.endswith("s")))

    def _define(self, directive: str, place: ConfigPlace, name: str, value: str) -> None:
        defines = self._machine.defines
        self._machine.config.declarations.append(Defined(place, directive, name, value))
        known = defines.get(name)
        if known is not None and not directive.startswith("redef"):
            is_given = known.place.line == 0
            if not directive.startswith("try") and not is_given:
                text = f"{name} is defined already, at {known.place}; #!redefine replaces it"
                self._note("fault", place, text)
            return
        defines[name] = Define(value, place)

    def _substitute(self, directive: str, place: ConfigPlace) -> None:
        text = self._machine.next_string()
        if text is None:
            self._note("fault", place, f'#!{directive}: expected "/expression/replacement/flags"')
            return
        try:
            made = parse_substitution(text, self._lookup)
        except (SubstitutionError, UnknownValueError) as error:
            is_unknown = isinstance(error, UnknownValueError)
            self._note("unknown" if is_unknown else "fault", place, f"#!{directive}: {error}")
            return
        self._machine.substitutions.append(made)
        if directive != "subst":
            value = _quoted(made.replacement, directive == "substdefs")
            self._define(directive, place, made.name, value)

    def _rest_of_line(self, source: Input, directive: str) -> str:
        """Take the line, and those joined with it by a backslash right before their LF."""
        read = _definition if directive in DEFINING else _line
        match = (_condition if directive in CONDITIONS else read)(source.text, source.at)
        assert match is not None
        source.go_to(match.end())
        return _continuation.sub("", match[0]).rstrip("\r")

    def _pass_joint(self, source: Input) -> None:
        match = _joint(source.text, source.at)
        if match is not None:
            source.go_to(match.end())

    def _note(self, kind: NoteKind, place: ConfigPlace, text: str) -> None:
        self._machine.config.note(kind, place, text)


def _quoted(value: str, is_wanted: bool) -> str:
    return f'"{value}"' if is_wanted else value
