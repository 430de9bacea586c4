"""Checks the names in a file of ``--assume``: the functions and variables of a server."""

from __future__ import annotations

from typing import Final

from onehttp_compat.near_names import did_you_mean
from onehttp_compat.pseudo_variables.syntax import UnknownVariableError, parse_expression
from onehttp_compat.pv import PvStore, ReadOnlyVariableError
from onehttp_compat.registry import KEMI
from onehttp_compat.script.assume.lines import Placed
from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.pv.store import TABLE
from onehttp_compat.script.pv.table import PARTLY_ASSUMED
from onehttp_compat.script.world.assumptions import Answer

SCALARS: Final = (int, str, bool, type(None))
_SAYS: Final = {
    "int": "a number, as 1 for true and -1 for false",
    "bool": "true or false",
    "none": "nothing; leave it empty",
    "xval": "a text, a number or nothing",
}
"""The results that functions of each kind may have."""


def known_function(entry: Placed, label: str) -> Signature | None:
    """Return the function of that name. None if only a newer server may have it.

    Raises:
        AssumeFileError: the name is similar to that of a known function, or belongs to our HTTP
            modules.
    """
    module, _, name = label.rpartition(".")
    if (module, name) in KEMI:
        raise entry.error(
            "its call is made, not assumed; have it meet a server of yours (--connections)"
        )
    signature = catalogue().find(module, name)
    is_native = any(each.module == module for each in catalogue().natives.get(name, ()))
    if signature is None and not is_native:
        functions = catalogue().functions
        near = did_you_mean(name, functions.get(module, ()))
        if not near and module not in functions:
            near = did_you_mean(module, functions)
        if near:
            raise entry.error(f"no such function{near}")
    return signature


def check_answer(answer: Placed, signature: Signature | None) -> Answer:
    """Return an answer if it has the type of the function's result.

    Raises:
        AssumeFileError: it has another type.
    """
    value = answer.content
    if not isinstance(value, SCALARS):
        raise answer.error(f"expected a number or a text as answer, got {answer.shown}")
    if signature is not None and not is_answer(value, signature.result):
        raise answer.error(
            f"{signature.label} answers {_SAYS[signature.result]}; got {answer.shown}"
        )
    return value


def is_answer(value: object, result: str) -> bool:
    """Whether a function of that kind may return this."""
    if result == "int":
        return type(value) is int
    if result == "bool":
        return isinstance(value, bool)
    if result == "none":
        return value is None or value == 0
    return value is None or type(value) in (int, str)


def check_arguments(pattern: Placed, signature: Signature | None) -> tuple[object, ...]:
    """Return arguments if the function accepts them; ``*`` stands for any value.

    Raises:
        AssumeFileError: it does not accept them.
    """
    items = pattern.items()
    kinds = signature.parameters if signature else ("str",) * len(items)
    if signature is not None and len(items) != len(kinds):
        takes = f"({', '.join(kinds)})"
        raise pattern.error(f"{signature.label} takes {takes}, this is for {len(items)}")
    for item, kind in zip(items, kinds, strict=True):
        is_number = type(item.content) is int
        if item.content == "*" or signature is None or is_number == (kind == "int"):
            continue
        wanted = "a number" if kind == "int" else "a text, in quotes where it looks like a number"
        raise item.error(f"expected {wanted}, or '*' for any; got {item.shown}")
    return tuple(item.content for item in items)


def check_variable(entry: Placed, name: str) -> str:
    """Return the name of a variable that is not emulated, in the notation of scripts.

    Raises:
        AssumeFileError: there is no such class, or the message determines its value.
    """
    try:
        variable, transformations = parse_expression(name)
    except UnknownVariableError as error:
        raise entry.error(str(error)) from None
    if transformations:
        raise entry.error("say what the variable itself is; its transformations follow from that")
    if variable.kind in TABLE and variable.kind not in PARTLY_ASSUMED:
        raise entry.error(f"${variable.kind} is emulated; what it says is not assumed")
    known = catalogue().variables
    if variable.kind not in known:
        near = did_you_mean(variable.kind, known)
        raise entry.error(f"no variables of class ${variable.kind}{near}")
    names = known[variable.kind].names
    if names is not None and variable.name not in names:
        raise entry.error(
            f"no ${variable.kind}({variable.name}){did_you_mean(variable.name, names)}"
        )
    return str(variable)


def check_writable(entry: Placed, name: str, pv: PvStore) -> str:
    """Return the name of a variable that can be set.

    Raises:
        AssumeFileError: it cannot be set.
    """
    try:
        pv.writable(name)
    except (UnknownVariableError, ReadOnlyVariableError) as error:
        raise entry.error(str(error)) from None
    return name
