"""The base of all models of the connections file."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Model(BaseModel):
    """Immutable; nothing is converted; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Short:
    """Lets a section be written as one plain value: ``timeout: 2.0`` for ``{total: 2.0}``.

    Args:
        key: where in the section the plain value goes.
        types: of the plain value.
        json_schema: of the plain value.
    """

    def __init__(self, key: str, types: tuple[type, ...], json_schema: dict[str, Any]) -> None:
        self.key = key
        self.types = types
        self.json_schema = json_schema

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._expand, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), self.json_schema]}

    def _expand(self, value: Any) -> Any:
        return {self.key: value} if type(value) in self.types else value


class Unquoted:
    """Lets a choice that looks like a number stand without quotes: ``http_version: 2``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_as_text, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        choices = handler(schema)["enum"]
        return {"enum": [*choices, *(json.loads(text) for text in choices if _is_number(text))]}


def _as_text(value: Any) -> Any:
    return str(value) if type(value) in (int, float) else value


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, title="seconds")]
"""The title is the unit, for messages and the reference."""

SECRET: Any = Field(repr=False, json_schema_extra={"writeOnly": True})
"""Marks a field that is never shown, and better not written in the file as plain text."""
