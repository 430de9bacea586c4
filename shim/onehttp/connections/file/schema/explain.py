"""Translates pydantic's errors for people who edit the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from onehttp.connections.file.document import AS_WRITTEN, KeyPath
from onehttp.connections.file.schema.strict import Short
from onehttp.hints.settings import OF_KEYS
from onehttp_backends.hints.nearest import nearest

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_type": "a whole number",
    "model_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list",
}
_PLAIN = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}
_BOUNDS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


class Fault(NamedTuple):
    """One mistake: where, what, and whether the key is meant rather than its value."""

    path: KeyPath
    message: str
    is_about_key: bool = False


class _SchemaFinding(NamedTuple):
    path: KeyPath
    message: str
    is_about_key: bool
    expected: str | None
    is_one_of_several: bool


def faults(invalid: ValidationError, model: type[BaseModel], written: Any) -> list[Fault]:
    """Every mistake once, in the order of the model.

    ``written`` is the value as the file has it, references to secrets unresolved: nothing else
    is quoted.
    """
    findings: dict[KeyPath, list[_SchemaFinding]] = {}
    for detail in invalid.errors(include_url=False):
        finding = _finding(detail, model, written)
        findings.setdefault(finding.path, []).append(finding)
    return [
        _fault(path, found, model, written)
        for path, found in findings.items()
        if not (found[0].is_one_of_several and any(_is_below(path, other) for other in findings))
    ]


def pruned(value: Any, mistakes: list[Fault]) -> Any:
    """``value`` without what is wrong, so that the rest can be looked at as well."""
    for path, _, _ in mistakes:
        value = _without(value, path)
    return value


def _without(value: Any, path: KeyPath) -> Any:
    if not path or not isinstance(value, dict) or path[0] not in value:
        return value
    key, rest = path[0], path[1:]
    if rest and isinstance(value[key], dict):
        return {**value, key: _without(value[key], rest)}
    return {name: item for name, item in value.items() if name != key}


def _is_below(path: KeyPath, other: KeyPath) -> bool:
    return len(other) > len(path) and other[: len(path)] == path


def _finding(detail: Any, model: type[BaseModel], written: Any) -> _SchemaFinding:
    kind = detail["type"]
    path, is_exact = _path(detail["loc"], written, is_last_absent=kind == "missing")
    if kind == "extra_forbidden":
        return _SchemaFinding(path, _unknown_key(path, model), True, None, False)
    if kind == "missing":
        hint = "; add 'version: 1'" if path == ("version",) else "; add it"
        return _SchemaFinding(path, f"missing{hint}", False, None, False)
    if kind == "value_error":
        return _SchemaFinding(path, str(detail["ctx"]["error"]), False, None, False)
    expected = _expected(detail, _field(path, model))
    return _SchemaFinding(path, detail["msg"], False, expected, not is_exact)


def _path(loc: KeyPath, written: Any, *, is_last_absent: bool) -> tuple[KeyPath, bool]:
    """Where the value stands in the file, and whether ``loc`` says just that: pydantic puts the
    members of unions and what shorthands stand for in between."""
    path: list[str | int] = []
    value = written
    for part in loc[: len(loc) - is_last_absent]:
        if not _is_in(value, part):
            continue
        value = value[part]
        path.append(part)
    if is_last_absent:
        path.append(loc[-1])
    return tuple(path), len(path) == len(loc)


def _is_in(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, tuple) and isinstance(part, int) and part < len(value)


def _expected(detail: Any, field: FieldInfo | None) -> str | None:
    kind, limits = detail["type"], detail.get("ctx", {})
    unit = field.title if field and field.title else None
    if kind in _BOUNDS:
        sign, key = _BOUNDS[kind]
        limit = limits[key]
        limit = int(limit) if limit == int(limit) else limit
        return f"{unit or 'a number'} {sign} {limit}"
    if kind == "literal_error":
        return str(limits["expected"]).replace("'", "")
    if kind == "float_type" and unit:
        return f"{unit} > 0"
    if kind == "model_type" and field and (short := _short(field.annotation, field.metadata)):
        return " or ".join((_plain_value(short), "a mapping"))
    return _EXPECTED.get(kind)


def _short(annotation: Any, metadata: Iterable[Any]) -> Short | None:
    """How a section may be written as one plain value, if it may be."""
    for one in metadata:
        if isinstance(one, Short):
            return one
    inner = (_short(part, getattr(part, "__metadata__", ())) for part in get_args(annotation))
    return next(filter(None, inner), None)


def _plain_value(short: Short) -> str:
    kinds = [kind for kind in short.types if kind is not int or float not in short.types]
    return " or ".join(_PLAIN[kind] for kind in kinds)


def _fault(
    path: KeyPath, found: list[_SchemaFinding], model: type[BaseModel], written: Any
) -> Fault:
    expected = [finding.expected for finding in found if finding.expected]
    first = found[0]
    if not expected or first.expected is None:
        return Fault(path, first.message, first.is_about_key)
    shown = _shown(path, model, written)
    return Fault(path, f"expected {' or '.join(dict.fromkeys(expected))}{shown}")


def _shown(path: KeyPath, model: type[BaseModel], written: Any) -> str:
    """Return the value that is there; nothing if it may be a secret."""
    value = written
    for part in path:
        if not isinstance(value, (dict, tuple)):
            return ""
        value = value[part]  # type: ignore[index]  # a dict's key or a tuple's index
    field = _field(path, model)
    if (path and path[0] in AS_WRITTEN) or (field is not None and not field.repr):
        return ""
    if isinstance(value, str):
        return f', got "{value}"'
    if isinstance(value, bool):
        return f", got {str(value).lower()}"
    return f", got {value}" if isinstance(value, (int, float)) else ""


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    around = model_at(model, path[:-1]) or model
    known = list(around.model_fields)
    there = OF_KEYS.get(str(path[-1]).lower())
    if there and there.partition(":")[0] in known:
        return f"unknown key; it is `{there}` here"
    near = nearest(str(path[-1]), known)
    return (
        f"unknown key; did you mean {near!r}?"
        if near
        else (f"unknown key; known: {', '.join(known)}")
    )


def model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model of the section at ``path``."""
    found: type[BaseModel] | None = model
    for part in path:
        field = found.model_fields.get(str(part)) if found else None
        found = next(models_in(field.annotation), None) if field else None
    return found


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def _field(path: KeyPath, model: type[BaseModel]) -> FieldInfo | None:
    names = tuple(part for part in path if isinstance(part, str))
    around = model_at(model, names[:-1]) if names else None
    return around.model_fields.get(str(names[-1])) if around else None
