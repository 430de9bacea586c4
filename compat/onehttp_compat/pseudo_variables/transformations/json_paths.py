"""``{json.parse,path}``: members by dots, items in brackets."""

from __future__ import annotations

import json
import re
from typing import Final

from onehttp_compat.pseudo_variables.transformations.rule import NoValueError, TransformationRule

_step = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _parse(data: bytes, path: bytes) -> str:
    try:
        value: object = json.loads(data)
    except ValueError as error:
        raise NoValueError(str(error)) from None
    for name, index in _step.findall(path.decode()):
        if isinstance(value, dict) and name:
            value = value.get(name, "")
        elif isinstance(value, list) and index and int(index) < len(value):
            value = value[int(index)]
        else:
            return ""
    return value if isinstance(value, str) else _spaced(value)


def _spaced(value: object) -> str:
    """Write JSON with the same spaces as json-c."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)}: {_spaced(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{ }"
    if isinstance(value, list):
        return f"[ {', '.join(map(_spaced, value))} ]" if value else "[ ]"
    return json.dumps(value)


RULES: Final = {"json.parse": TransformationRule(_parse, 1, 1)}
