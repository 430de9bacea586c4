"""Merges sections with their defaults, and finds the place that a key comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from onehttp.connections.file.document import KeyPath, ParsedFile

if TYPE_CHECKING:
    from pydantic import BaseModel

    from onehttp.connections.file.schema.strict import Model

    M = TypeVar("M", bound=Model)

REPLACED_WHOLE = frozenset({"AuthModel", "ProxyModel"})
"""Credentials belong together: a password of the defaults must not meet another user's name."""


def over(below: BaseModel, above: M) -> M:
    """``above``, and where it says nothing, ``below``: section by section, key by key."""
    given = above.model_fields_set
    taken: dict[str, Any] = {}
    for name in below.model_fields_set:
        if name not in type(above).model_fields:
            continue
        lower = getattr(below, name)
        if name not in given:
            taken[name] = lower
            continue
        upper = getattr(above, name)
        is_section = hasattr(upper, "model_fields_set") and type(upper) is type(lower)
        if is_section and type(upper).__name__ not in REPLACED_WHOLE:
            taken[name] = over(lower, upper)
    return above.model_copy(update=taken) if taken else above


def origin(
    layers: tuple[ParsedFile, ...], path: KeyPath, key: KeyPath
) -> tuple[ParsedFile, KeyPath]:
    """The origin of a connection's ``key``: the connection, or the nearest defaults that have
    it."""
    if at(layers[0].values, (*path, *key)) is None:
        sections = ("requests", "defaults") if path == ("queries",) else ("defaults",)
        for document in layers:
            for section in sections:
                if at(document.values, (section, *key)) is not None:
                    return document, (section, *key)
    return layers[0], (*path, *key)


def at(values: Any, path: KeyPath) -> Any:
    for part in path:
        values = values.get(part) if isinstance(values, dict) else None
    return values
