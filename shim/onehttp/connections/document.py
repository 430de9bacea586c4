"""YAML as plain values plus the place of every one: what errors with file and line need."""

from __future__ import annotations

import os
from typing import Any, Final, TypeAlias

import yaml

from onehttp.errors import ConfigurationError

MAX_FILE_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 20
MAX_ALIASES: Final = 50
MAX_NODES: Final = 200_000

PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
)

KeyPath: TypeAlias = "tuple[str | int, ...]"


class Document:
    """The values of a file, and where they stand (lines and columns from 1)."""

    def __init__(
        self,
        values: Any,
        file: str | None = None,
        marks: dict[KeyPath, tuple[int, int]] | None = None,
    ) -> None:
        self.values = values
        self.file = file
        self._marks = marks or {}

    def place(self, path: KeyPath) -> tuple[int | None, int | None]:
        """Line and column of the value at ``path``, or of the nearest one around it."""
        while path and path not in self._marks:
            path = path[:-1]
        return self._marks.get(path, (None, None))

    def error(self, path: KeyPath, message: str) -> ConfigurationError:
        """A `ConfigurationError` about the value at ``path``."""
        line, column = self.place(path)
        key = ".".join(str(part) for part in path) or None
        return ConfigurationError(message, file=self.file, line=line, column=column, key=key)


def read_document(path: str) -> Document:
    """Read a YAML file.

    Raises:
        ConfigurationError: missing, a directory, too large, not UTF-8, not YAML, a duplicate
            key, a tag, too deep, or too many aliases.
    """
    file = os.path.relpath(path) if not os.path.relpath(path).startswith("..") else path
    try:
        with open(path, "rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror or error}; check the path", file=file
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigurationError(f"larger than {MAX_FILE_BYTES} bytes; split it", file=file)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigurationError("not UTF-8 text", file=file, line=line) from None
    return parse_document(text, file)


def parse_document(text: str, file: str | None) -> Document:
    """Parse YAML text; see `read_document`."""
    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        aliases = sum(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, loader_class)
        )
        if aliases > MAX_ALIASES:
            raise ConfigurationError(f"more than {MAX_ALIASES} aliases", file=file)
        node = yaml.compose(text, loader_class)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigurationError(
            f"not valid YAML: {error.problem or error.context}",
            file=file,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"not valid YAML: {error}", file=file) from None
    if node is None:
        raise ConfigurationError("empty; start with 'version: 1'", file=file)
    builder = _Builder(file)
    return Document(builder.value(node, (), 0), file, builder.marks)


class _Builder:
    """Turns composed nodes into values. Aliased nodes are expanded, within MAX_NODES."""

    def __init__(self, file: str | None) -> None:
        self._file = file
        self.marks: dict[KeyPath, tuple[int, int]] = {}
        self._nodes = 0
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: KeyPath, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise self._error(node, path, f"nested deeper than {MAX_DEPTH}")
        if self._nodes > MAX_NODES:
            raise self._error(node, path, f"more than {MAX_NODES} values, aliases expanded")
        if node.tag not in PLAIN_TAGS:
            raise self._error(node, path, f"the tag {node.tag} is not allowed")
        self.marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, i), depth + 1) for i, item in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self._error(node, path, f"not a value: {error}") from None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                for source in self._merge_sources(value_node, path):
                    for key, value in self._mapping(source, path, depth + 1).items():
                        merged.setdefault(key, value)
                continue
            key = key_node.value
            if not isinstance(key, str):
                raise self._error(key_node, path, "a key must be a word")
            if key in own:
                raise self._error(key_node, (*path, key), "given twice; keep one")
            own[key] = self.value(value_node, (*path, key), depth + 1)
        return {**merged, **own}

    def _merge_sources(self, node: yaml.Node, path: KeyPath) -> list[yaml.MappingNode]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in nodes:
            if not isinstance(source, yaml.MappingNode):
                raise self._error(source, path, "'<<' takes a mapping, or a list of them")
        return list(nodes)

    def _error(self, node: yaml.Node, path: KeyPath, message: str) -> ConfigurationError:
        return ConfigurationError(
            message,
            file=self._file,
            line=node.start_mark.line + 1,
            column=node.start_mark.column + 1,
            key=".".join(str(part) for part in path) or None,
        )
