"""Transformations such as ``{s.len}`` and ``{uri.host}``, each from bytes to a value.

The strings of the server are bytes, so lengths count bytes, and only ASCII letters are letters.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from onehttp_compat.pseudo_variables.syntax import UnknownVariableError
from onehttp_compat.pseudo_variables.transformations import (
    addresses,
    encodings,
    json_paths,
    parameters,
    regular_expressions,
    strings,
)
from onehttp_compat.pseudo_variables.transformations.rule import NoValueError, TransformationRule
from onehttp_compat.sip.value import Value

Read: TypeAlias = Callable[[str], Value]
"""Returns the value of a variable that is used as a parameter, as in ``{s.select,$var(i),;}``."""
Transformation: TypeAlias = Callable[[Value, Read], Value]

RULES: Final[Mapping[str, TransformationRule]] = {
    **strings.RULES,
    **encodings.RULES,
    **addresses.RULES,
    **parameters.RULES,
    **regular_expressions.RULES,
    **json_paths.RULES,
}

__all__ = ["RULES", "NoValueError", "Read", "Transformation", "transformation"]


@functools.lru_cache(maxsize=1024)
def transformation(body: str) -> Transformation:
    """Return a transformation as a function. It raises `NoValueError` if the server has no result.

    Raises:
        UnknownVariableError: there is no such transformation, or not with these parameters.
    """
    name, *_ = body.split(",", 1)
    rule = RULES.get(name)
    if rule is None:
        from onehttp_compat.near_names import did_you_mean

        raise UnknownVariableError(f"no transformation {{{name}}}{did_you_mean(name, RULES)}")
    given = body.split(",", rule.most)[1:] if rule.most else body.split(",")[1:]
    if not rule.least <= len(given) <= rule.most:
        takes = f"{rule.least}" if rule.least == rule.most else f"{rule.least} to {rule.most}"
        raise UnknownVariableError(f"{{{body}}}: {name} takes {takes} parameters")

    def transform(value: Value, read: Read) -> Value:
        if value is None:
            raise NoValueError(name)
        parameters = [as_bytes(read(one) if one.startswith("$") else one) for one in given]
        if rule.has_variables:
            return rule.apply(as_bytes(value), read, *parameters)
        return rule.apply(as_bytes(value), *parameters)

    return transform


def as_bytes(value: Value) -> bytes:
    """A value as the server puts it into its strings."""
    if value is None:
        raise NoValueError
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
