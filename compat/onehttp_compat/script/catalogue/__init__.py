"""The functions and variables of a real server, as ``scripts/write-kemi-catalogue`` has read
them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from onehttp_compat.registry import KEMI


@dataclass(frozen=True, slots=True)
class Signature:
    """A KEMI function; ``result`` is ``int``, ``bool``, ``none`` or ``xval`` (any value)."""

    module: str
    """Empty for functions of ``KSR`` itself."""
    name: str
    result: str
    parameters: tuple[str, ...]
    """``str`` or ``int`` for each argument."""

    is_native: bool = False
    """A function of configurations only, which ``KSR`` does not have."""

    @property
    def label(self) -> str:
        """The name in scripts."""
        if self.is_native:
            return f"{self.module}.{self.name}"
        return f"KSR.{self.module}.{self.name}" if self.module else f"KSR.{self.name}"


@dataclass(frozen=True, slots=True)
class VariableClass:
    """A class of pseudo-variables."""

    module: str
    needs_name: bool
    """The class needs a name in parentheses, as in ``$hdr(...)``."""
    names: frozenset[str] | None = None
    """All names that are allowed there, as in ``$T(id_index)``. None if they are no fixed list, or
    unknown."""


@dataclass(frozen=True, slots=True)
class NativeFunction:
    """A function of configurations."""

    module: str
    counts: frozenset[int]
    """The numbers of parameters that it accepts, up to two."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Functions by module and name; functions of configurations, of all modules that have one; and
    classes of pseudo-variables by name, without the dollar."""

    functions: Mapping[str, Mapping[str, Signature]]
    variables: Mapping[str, VariableClass]

    @property
    def natives(self) -> Mapping[str, tuple[NativeFunction, ...]]:
        """Functions of configurations by name. They are read at first use, because few scripts need
        them."""
        return _natives()

    def find(self, module: str, name: str) -> Signature | None:
        """Return the function; None if there is none."""
        return self.functions.get(module, {}).get(name)


@functools.lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue of this package, including the HTTP modules that Debian does not package."""
    functions = _functions(_lines("functions.txt"))
    for (module, name), form in KEMI.items():
        parameters = ("str",) * len(form.arguments)
        functions.setdefault(module, {})[name] = Signature(module, name, "int", parameters)
    return Catalogue(functions, _variables(_lines("variables.txt"), _lines("names.txt")))


def _lines(name: str) -> list[str]:
    text = files(__package__).joinpath(name).read_text("ascii")
    return [line for line in text.splitlines() if not line.startswith("#")]


def _functions(lines: list[str]) -> dict[str, dict[str, Signature]]:
    functions: dict[str, dict[str, Signature]] = {}
    module = ""
    for line in lines:
        if line.startswith("["):
            module = line[1:-1]
            functions[module] = {}
            continue
        result, name, *parameters = line.split(" ")
        given = tuple(parameters[0].split(",")) if parameters else ()
        functions[module][name] = Signature(module, name, result, given)
    return functions


def _variables(lines: list[str], names: list[str]) -> dict[str, VariableClass]:
    listed = {kind: frozenset(known.split()) for kind, _, known in (
        line.partition(": ") for line in names)}  # fmt: skip
    variables = {}
    for line in lines:
        module, _, kinds = line.partition(": ")
        for one in kinds.split():
            kind = one.removesuffix("()")
            variables[kind] = VariableClass(module, one.endswith("()"), listed.get(kind))
    return variables


@functools.lru_cache(maxsize=1)
def _natives() -> dict[str, tuple[NativeFunction, ...]]:
    natives: dict[str, tuple[NativeFunction, ...]] = {}
    for line in _lines("natives.txt"):
        module, _, forms = line.partition(": ")
        for form in forms.split():
            name, _, counts = form.partition("/")
            function = NativeFunction(module, frozenset(map(int, counts.split(","))))
            natives[name] = (*natives.get(name, ()), function)
    return natives
