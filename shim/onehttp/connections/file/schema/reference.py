"""The reference of the connections file, made from its models: a JSON Schema, and tables."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from onehttp.connections.file.schema.connections import (
    ConnectionModel,
    DefaultsModel,
    FileModel,
    NamesModel,
)
from onehttp.connections.file.schema.explain import models_in
from onehttp.connections.file.schema.policies import PolicyModel
from onehttp.connections.file.schema.shared import SharedModel
from onehttp.connections.file.schema.transport import (
    QueriesModel,
    RequestsModel,
    TransportModel,
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) with which editors complete and check a file."""
    found = FileModel.model_json_schema()
    found["$defs"]["ConnectionModel"]["required"] = ["url"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "onehttp connections",
        **{key: value for key, value in found.items() if key != "title"},
    }


def tables() -> str:
    """A Markdown table for the file, one for connections, and one for each section."""
    parts = [_table("The file", FileModel), _table("A connection", ConnectionModel)]
    parts.append(_table("`names`", NamesModel))
    parts.append(_table("`shared`", SharedModel))
    for path, model in _sections(ConnectionModel, ""):
        parts.append(_table(f"`{path}`", model))
    parts.append(_table("`requests`", RequestsModel, only=()))
    parts.append(_table("`queries`", QueriesModel, only=QueriesModel.__annotations__))
    return "\n".join(parts)


def _sections(model: type[BaseModel], around: str) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in _fields(model):
        for inner in models_in(field.annotation):
            yield f"{around}{name}", inner
            yield from _sections(inner, f"{around}{name}.")


def _fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The url first, policies last, the rest in the order of a request."""
    if model not in (ConnectionModel, QueriesModel):
        return list(model.model_fields.items())
    parts = (ConnectionModel, QueriesModel, DefaultsModel, TransportModel, PolicyModel)
    order = [name for part in parts for name in part.__annotations__]
    return sorted(model.model_fields.items(), key=lambda item: order.index(item[0]))


def _table(title: str, model: type[BaseModel], only: Collection[str] | None = None) -> str:
    schema = model.model_json_schema()
    lines = [f"### {title}", "", _words(model.__doc__), ""]
    if only is not None:
        keys = list(TransportModel.__annotations__)
        lines += [f"Takes the keys of a connection from `{keys[0]}` to `{keys[-1]}`.", ""]
    shown = [(name, field) for name, field in _fields(model) if only is None or name in only]
    if shown:
        lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in shown:
        value = _value(schema["properties"][name], schema.get("$defs", {}))
        unit = f", {field.title}" if field.title and field.title not in value else ""
        meaning = field.description or ""
        lines.append(f"| `{name}` | {value}{unit} | {_default(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _words(text: str | None) -> str:
    return " ".join((text or "").replace("``", "`").split())


def _value(schema: dict[str, Any], known: dict[str, Any]) -> str:
    """A type in words; sections have a table of their own."""
    if "anyOf" in schema:
        found = [_value(part, known) for part in schema["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(found))
    if "$ref" in schema:
        return "section"
    if "enum" in schema or "const" in schema:
        choices = schema.get("enum", [schema.get("const")])
        return ", ".join(f"`{choice}`" for choice in dict.fromkeys(map(str, choices)))
    kind = schema.get("type")
    if kind == "array":
        inner = schema.get("items", {})
        return f"list of {_value(inner, known)}" if inner else "list"
    if kind == "object":
        return "mapping"
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "boolean"}
    kinds = kind if isinstance(kind, list) else [kind]
    return " or ".join(names.get(str(each), str(each)) for each in kinds) + _range(schema)


def _range(schema: dict[str, Any]) -> str:
    bounds = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="))
    parts = [f"{sign} {schema[bound]:.15g}" for bound, sign in bounds if bound in schema]
    text = ", ".join(parts)
    return f" {text}" if text else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, "") or isinstance(value, BaseModel):
        return "" if not isinstance(value, BaseModel) else _section_default(value)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (tuple, frozenset)):
        items = (each.value if isinstance(each, enum.Enum) else each for each in value)
        return ", ".join(f"`{each}`" for each in items)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _section_default(value: BaseModel) -> str:
    """Return the default of a whole section, if it differs from the defaults in its table."""
    given = {name: getattr(value, name) for name in value.model_fields_set}
    return f"`{given}`".replace("'", "") if given else ""
