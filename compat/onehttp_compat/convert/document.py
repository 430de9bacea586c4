"""Builds the document. Settings that all connections share are written once, and comments stay at
their keys."""

from __future__ import annotations

from typing import Final

from onehttp_compat.convert.connections import ConvertedConnections
from onehttp_compat.convert.declared import Declarations
from onehttp_compat.convert.keys import KEY_OF, Keys, over
from onehttp_compat.convert.writing import KeyPath, yaml_with_comments
from onehttp_compat.parameters import PARAMETERS

_OF_ONE: Final = frozenset({"url", "params", "auth", "failover"})
"""Keys that never become defaults."""


def document_of(
    declared: Declarations,
    connections: ConvertedConnections,
    requests: Keys | None,
    queries: Keys | None,
    source: str,
) -> str:
    """Return the text of a connections file."""
    defaults = _take_defaults(connections, requests)
    document: Keys = {"version": 1}
    if defaults:
        document["defaults"] = defaults
    if requests is not None:
        document["requests"] = over(requests, defaults)
    if queries is not None:
        limits = {key: queries.pop(key) for key in ("workers", "queue_length")}
        document["queries"] = {**limits, **(over(queries, requests) if requests else queries)}
    document["connections"] = connections.keys
    header = [f"Converted by onehttp from {source}."]
    if not declared.concerns:
        header.append("It declares nothing of the HTTP modules.")
    comments = _comments(declared, connections, document, header)
    if document.get("requests") == {}:
        comments["requests",] = ["Calls without a connection go by the defaults."]
    return yaml_with_comments(document, comments, header)


def _take_defaults(connections: ConvertedConnections, requests: Keys | None) -> Keys:
    """Move settings that all connections and requests share into the defaults. If there are no
    connections yet, the defaults are for those that will be added."""
    members = [*connections.keys.values()]
    if requests is not None:
        members.append(requests)
        if not connections.keys:
            return dict(requests)
    if len(members) < 2:
        return {}
    first, *others = members
    missing = object()
    alike = {
        key: value
        for key, value in first.items()
        if key not in _OF_ONE and all(keys.get(key, missing) == value for keys in others)
    }
    for keys in connections.keys.values():
        for key in alike:
            del keys[key]
    return alike


def _comments(
    declared: Declarations, connections: ConvertedConnections, document: Keys, header: list[str]
) -> dict[KeyPath, list[str]]:
    placed: dict[KeyPath, list[str]] = {}
    header += map(_readable, declared.header)
    for (module, name, setting), lines in declared.comments.items():
        if not lines:
            continue
        if not name and setting:
            path = _path_of_parameter(module, setting, document)
        else:
            path = _path_in_connection(connections.names.get((module, name)), setting, document)
        if path is None:
            header += [_readable(f"{name or setting}: {line}") for line in lines]
        else:
            placed.setdefault(path, []).extend(map(_readable, lines))
    return placed


def _path_of_parameter(module: str, name: str, document: Keys) -> KeyPath | None:
    key = KEY_OF.get(PARAMETERS[module][name].setting)
    sections = ("queries",) if module == "http_async_client" else ("requests", "defaults")
    for section in sections:
        if key is not None and key in document.get(section, {}):
            return section, key
    return None


def _path_in_connection(name: str | None, setting: str, document: Keys) -> KeyPath | None:
    if name is None:
        return None
    key = KEY_OF.get(setting)
    own = (key,) if key in document["connections"][name] and key is not None else ()
    return "connections", name, *own


def _readable(comment: str) -> str:
    """Decode bytes that are not UTF-8 as Latin-1, which is the most likely encoding."""
    if comment.isascii():
        return comment
    raw = comment.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
