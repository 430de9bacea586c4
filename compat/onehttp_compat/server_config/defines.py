"""Names with a replacement: from outside, of the server itself, or from ``#!define``. Also the
variables that can be used in a configuration: ``$def(NAME)``, ``$env(NAME)``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from onehttp_compat.config_inputs import ConfigInputs
from onehttp_compat.server_config.places import ConfigPlace
from onehttp_compat.server_config.tokens import is_boolean, number_of

MAX_NAME_BYTES: Final = 256
_GIVEN: Final = ConfigPlace("--define", 0)
_SERVER: Final = ConfigPlace("the server", 0)


class Define(NamedTuple):
    """The replacement text of a name, which may be empty, and the place of its definition."""

    value: str
    place: ConfigPlace


class Defines(dict[str, Define]):
    """Name -> its definition."""

    def __init__(self, inputs: ConfigInputs) -> None:
        major, minor, patch = inputs.version
        self._say(_SERVER, f"KAMAILIO_{major}", "")
        self._say(_SERVER, f"KAMAILIO_{major}_{minor}", "")
        self._say(_SERVER, f"KAMAILIO_{major}_{minor}_{patch}", "")
        self._say(_SERVER, "KAMAILIO_VERSION", str(major * 1_000_000 + minor * 1000 + patch))
        self._say(_SERVER, "OS_NAME", '"linux"')
        for name, value in inputs.defines.items():
            self._say(_GIVEN, name, "" if value is None else _as_token(value))
        self.why_not: dict[str, str] = {}
        """The reasons why names could not be defined."""

    def _say(self, place: ConfigPlace, name: str, value: str) -> None:
        self[name] = Define(value, place)

    def loaded(self, module: str, place: ConfigPlace) -> None:
        """A module was loaded, so ``MOD_name`` is defined from now on."""
        self._say(place, f"MOD_{module}", "")

    def operand(self, name: str) -> float | str:
        """The value of ``name`` in an expression."""
        known = self.get(name)
        if known is None:
            return 0.0
        value = known.value
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        return value or 1.0

    def missing(self, name: str) -> str:
        """Return why ``name`` is not defined, and what to do about it."""
        reason = self.why_not.get(name)
        return f"{name} is not defined here: {reason or f'--define {name}=VALUE'}"


def _as_token(value: str) -> str:
    """Numbers, boolean words and quoted strings stay as they are; all else is quoted."""
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    if is_quoted or is_boolean(value) is not None or number_of(value.removeprefix("-")) is not None:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_variable = re.compile(
    r"\$(?:(?P<dollar>\$)"
    r"|(?P<kind>def|defn|defv|env|envn)\((?P<name>\w+)\)"
    r"|\((?P<inner_kind>def|defn|defv|env|envn)\((?P<inner_name>\w+)\)\)"
    r"|(?P<other>\(?[A-Za-z_]\w*))"
)

Lookup: TypeAlias = Callable[[str, int], tuple[str, int]]
"""Takes a text and the offset of a ``$``. Returns the value of the variable there, and its end."""


class UnknownValueError(ValueError):
    """The value of the variable is unknown here. The message has the reason."""


def lookup_in(defines: Defines, inputs: ConfigInputs) -> Lookup:
    """Return a function that looks variables up in the current defines and the environment.

    It raises `UnknownValueError`.
    """

    def lookup(text: str, at: int) -> tuple[str, int]:
        match = _variable.match(text, at)
        if match is None:
            return "$", at + 1
        if match["dollar"]:
            return "$", match.end()
        if match["other"]:
            named = match["other"].lstrip("(")
            raise UnknownValueError(f"${named} has a value only inside the server")
        kind = match["kind"] or match["inner_kind"]
        name = match["name"] or match["inner_name"]
        return _value(kind, name, defines, inputs), match.end()

    return lookup


def _value(kind: str, name: str, defines: Defines, inputs: ConfigInputs) -> str:
    if kind.startswith("env"):
        value = inputs.environment.get(name)
        if value is None:
            raise UnknownValueError(f"the environment variable {name} is not set: --env-file")
        return value
    if name not in defines:
        raise UnknownValueError(defines.missing(name))
    value = defines[name].value
    if kind == "defv" and len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def expanded(text: str, lookup: Lookup) -> str:
    """Replace the variables in ``text``, as ``modparamx`` does.

    Raises:
        UnknownVariableError: a variable has no value here.
    """
    parts: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        value, end = lookup(text, dollar)
        parts += [text[at:dollar], value]
        at = end
    return "".join([*parts, text[at:]])
