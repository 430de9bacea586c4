"""Handles ``#!ifdef``, ``#!ifndef``, ``#!ifexp``, ``#!else`` and ``#!endif``.

In an excluded part only two things are read: the directives that end it, and the modules and
parameters, so that the report can say what was excluded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from onehttp_compat.server_config.declarations import SwitchedOff
from onehttp_compat.server_config.machine import Input, Machine
from onehttp_compat.server_config.places import ConfigPlace
from onehttp_compat.server_config.tokens import skip_to

_statement: Final = re.compile(
    r"""^(?P<before>[^\n#"]*?)\b(?:
        (?P<load>loadmodulex?)\s*\(?\s*["'](?P<path>[^"'\n]*)
        | (?P<set>modparamx?)\s*\(\s*["'](?P<module>[^"'\n]*)["']\s*,\s*["'](?P<name>[^"'\n]*)
    )""",
    re.VERBOSE | re.MULTILINE,
).finditer
_hidden: Final = re.compile(
    r"^[ \t]*[#!]!(?:(else|endif)\b[ \t]*[^ \t\r\n]|(el[a-z]+)\b(?<!else))", re.MULTILINE
).finditer
HIDDEN: Final = "#!{} with more on its line: the server takes it for a comment"


@dataclass(slots=True)
class _Condition:
    place: ConfigPlace
    text: str
    is_met: bool


class Conditions:
    """The open conditions; the last one is the innermost."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._open: list[_Condition] = []

    def begin(self, place: ConfigPlace, text: str, is_met: bool) -> None:
        """Start a condition. If it is not met, the following part is skipped."""
        self._open.append(_Condition(place, text, is_met))
        if not is_met:
            self._leave_out()

    def turn(self, place: ConfigPlace) -> None:
        """``#!else``."""
        if not self._open:
            self._machine.config.note("remark", place, "#!else without a condition")
            return
        self._open[-1].is_met = not self._open[-1].is_met
        if not self._open[-1].is_met:
            self._leave_out()

    def end(self, place: ConfigPlace) -> None:
        """``#!endif`` ends the innermost condition."""
        if not self._open:
            self._machine.config.note("remark", place, "#!endif without a condition")
            return
        self._open.pop()

    def finish(self) -> None:
        """End of the input: report conditions that are still open."""
        for one in self._open:
            self._machine.config.note("fault", one.place, f"{one.text} has no #!endif")

    def _leave_out(self) -> None:
        """Skip to the directive that ends the part, which may be in the file that includes this
        one."""
        depth = 0
        inputs = self._machine.inputs
        while inputs:
            source = inputs[-1]
            begin = source.at
            at = begin
            while (match := skip_to(source.text, at)) is not None:
                at = match.end()
                if match["begin"]:
                    depth += 1
                elif depth and match["bare"] == "endif":
                    depth -= 1
                elif not depth:
                    self._tell_left_out(source, begin, match.start())
                    place = _place_at(source, match.start())
                    source.go_to(at)
                    self._machine.begins_line = True
                    self._resume(match["bare"], place)
                    return
            self._tell_left_out(source, begin, len(source.text))
            inputs.pop()

    def _resume(self, directive: str, place: ConfigPlace) -> None:
        if directive == "endif":
            self.end(place)
        else:
            self.turn(place)

    def _tell_left_out(self, source: Input, begin: int, end: int) -> None:
        condition = self._open[-1]
        for match in _hidden(source.text, begin, end):
            place = _place_at(source, match.start())
            if match[1]:
                self._machine.config.note("fault", place, HIDDEN.format(match[1]))
            else:
                text = f"#!{match[2]} is no directive: a comment"
                self._machine.config.note("remark", place, text)
        for match in _statement(source.text, begin, end):
            if "//" in match["before"]:
                continue
            module = match["module"]
            if module is None:
                module = match["path"].rpartition("/")[2].removesuffix(".so")
            place = _place_at(source, match.end("before"))
            statement = "modparam" if match["set"] else "loadmodule"
            self._machine.config.declarations.append(
                SwitchedOff(
                    place, statement, module, match["name"] or "", condition.text, condition.place
                )
            )


def _place_at(source: Input, at: int) -> ConfigPlace:
    if source.used_at:
        return source.place(at)
    line = source.line + source.text.count("\n", source.at, at)
    line_start = source.text.rfind("\n", 0, at) + 1
    return ConfigPlace(source.file, line, at - line_start + 1)
