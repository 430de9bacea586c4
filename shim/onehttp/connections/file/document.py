"""Reads YAML as plain values with the position of each, for errors with file and line."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import yaml
from yaml.constructor import SafeConstructor

from onehttp.connections.file.regular_file import read_regular
from onehttp.connections.model import Notice
from onehttp.errors import ConfigurationError

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 20
MAX_VALUES: Final = 500_000
"""Aliases expanded: a small file can name billions of values."""

AS_WRITTEN: Final = frozenset({"headers", "params"})
"""Keys whose values are text as it stands in the file: ``on`` is not true, ``010`` not eight."""

KeyPath: TypeAlias = "tuple[str | int, ...]"

_TAG: Final = "tag:yaml.org,2002:"
_constructor: Final = SafeConstructor()
_READERS: Final[dict[str, Any]] = {
    f"{_TAG}{kind}": getattr(_constructor, f"construct_yaml_{kind}")
    for kind in ("int", "float", "bool", "null")
}


def _text_of_bytes(node: yaml.ScalarNode) -> str:
    """``!!binary``: bytes in base64, as text. Those that are no UTF-8 come as surrogate escapes."""
    return base64.b64decode("".join(node.value.split()), validate=True).decode(
        "utf-8", "surrogateescape"
    )


_READERS[f"{_TAG}binary"] = _text_of_bytes
_TAGS: Final = frozenset((*_READERS, f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq"))
_TAGS_OF_KEYS: Final = (None, "!", f"{_TAG}str")
_RESOLVERS: Final = {
    first: [(tag, pattern.match) for tag, pattern in resolvers if tag in _READERS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Position(NamedTuple):
    """The position of a value and of its parts: key -> (position of the key, place)."""

    mark: Any
    inside: dict[Any, tuple[Any, Any]] | None = None


class ParsedFile:
    """The values of a file with their positions (lines and columns from 1)."""

    def __init__(
        self,
        values: Any,
        file: str | None = None,
        place: Position | None = None,
        repeated: tuple[ConfigurationError, ...] = (),
    ) -> None:
        self.values = values
        self.file = file
        self.repeated = repeated
        """Keys that stand twice in one mapping: the first one is among the values."""
        self._place = place

    @property
    def folder(self) -> str:
        """The folder that relative paths in it refer to."""
        return os.path.dirname(os.path.abspath(self.file)) if self.file else os.getcwd()

    def place(self, path: KeyPath, *, of_key: bool = False) -> tuple[int | None, int | None]:
        """Line and column of the value at ``path``, or of the nearest one around it."""
        if self._place is None:
            return None, None
        place: Position = self._place
        key_mark = mark = place.mark
        for part in path:
            if place.inside is None or part not in place.inside:
                break
            key_mark, place = place.inside[part]
            mark = place.mark
        chosen = key_mark if of_key else mark
        return chosen.line + 1, chosen.column + 1

    def error(self, path: KeyPath, message: str, *, of_key: bool = False) -> ConfigurationError:
        """A `ConfigurationError` about the value (or the key) at ``path``."""
        line, column = self.place(path, of_key=of_key)
        return ConfigurationError(
            message, file=self.file, line=line, column=column, key=dotted(path)
        )

    def notice(self, path: KeyPath, message: str) -> Notice:
        """A `Notice` about the value at ``path``."""
        line, column = self.place(path)
        return Notice(message=message, file=self.file, line=line, column=column, key=dotted(path))


def dotted(path: KeyPath) -> str | None:
    """``connections.api.url``; None for the whole file."""
    return ".".join(str(part) for part in path) or None


def shown_path(path: str) -> str:
    """A path as it is shown: relative where the file is below the working directory, which for
    a daemon is the root."""
    try:
        is_root = os.getcwd() == "/"
    except OSError:  # it is not there any more
        is_root = True
    if is_root:
        return path
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def read_document(path: str) -> ParsedFile:
    """Read a YAML file.

    Raises:
        ConfigurationError: missing, not a file, too large, not UTF-8, not YAML, a tag, too deep,
            or too many values.
    """
    file = shown_path(path)
    try:
        raw, _ = read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror or error}; check the path", file=file
        ) from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigurationError(
            f"larger than {MAX_FILE_BYTES} bytes; split it and include: the parts", file=file
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigurationError("not UTF-8 text", file=file, line=line) from None
    return parse_document(text, file)


def parse_document(text: str, file: str | None) -> ParsedFile:
    """Parse YAML text; see `read_document`."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _DocumentBuilder(yaml.parse(text, loader), file).document()
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


def _implied_tag(text: str) -> str | None:
    tag: str
    for tag, matches in _RESOLVERS.get(text[:1], ()):
        if matches(text):
            return tag
    return None


def _unexpected_base(text: str, value: Any) -> int | None:
    """8 for ``010``, 60 for ``1:30``: what YAML 1.1 alone takes for a number of that base."""
    if type(value) not in (int, float):
        return None
    if ":" in text:
        return 60
    plain = text.replace("_", "")
    return 8 if plain.lstrip("+-").isdigit() and int(plain) != value else None


class _Anchored(NamedTuple):
    value: Any
    place: Position
    size: int


class _DocumentBuilder:
    """Values from parser events, in one pass.

    PyYAML's own composer takes four times as long: it resolves the tag of every scalar anew.
    An alias shares the value it names; its size is counted, since who walks it later expands it.
    """

    def __init__(self, events: Iterator[Any], file: str | None) -> None:
        self._events = events
        self._file = file
        self._anchors: dict[str, _Anchored] = {}
        self._size = 0
        self._open: list[str] = []  # the keys around the value being read, for messages
        self._repeated: list[ConfigurationError] = []

    def document(self) -> ParsedFile:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                value, place = self._value(next(self._events), 0)
                next(self._events)
                for more in self._events:
                    if isinstance(more, yaml.DocumentStartEvent):
                        raise self._error(more, "a second document; one file holds one")
                if value is None:
                    break
                return ParsedFile(value, self._file, place, tuple(self._repeated))
        raise ConfigurationError("empty; start with 'version: 1'", file=self._file)

    def _value(self, event: Any, depth: int, is_text: bool = False) -> tuple[Any, Position]:
        self._size += 1
        if self._size > MAX_VALUES:
            raise self._error(event, f"more than {MAX_VALUES} values, aliases expanded")
        if type(event) is yaml.AliasEvent:
            return self._alias(event)
        before = self._size
        value, place = self._fresh(event, depth, is_text)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, place, self._size - before + 1)
        return value, place

    def _fresh(self, event: Any, depth: int, is_text: bool) -> tuple[Any, Position]:
        tag = event.tag
        if tag is not None and tag not in _TAGS and tag != "!":
            raise self._error(event, f"the tag {tag} is not allowed")
        if type(event) is yaml.ScalarEvent:
            return self._scalar(event, is_text), Position(event.start_mark)
        if depth >= MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH}")
        if type(event) is yaml.MappingStartEvent:
            return self._mapping(event, depth, is_text)
        return self._sequence(event, depth, is_text)

    def _scalar(self, event: Any, is_text: bool) -> Any:
        text, tag = event.value, event.tag
        if tag is None and event.implicit[0] and not is_text:
            tag = _implied_tag(text)
        reader = _READERS.get(tag)
        if reader is None:
            return text
        try:
            value = reader(yaml.ScalarNode(tag, text))
        except (yaml.YAMLError, ValueError, KeyError) as error:
            raise self._error(event, f"not a value: {error}") from None
        if (base := _unexpected_base(text, value)) is not None:
            raise self._error(
                event,
                f"{text} is {value:.15g} to YAML 1.1, a number of base {base}; "
                f"write {value:.15g}, or quotes around it for text",
            )
        return value

    def _sequence(self, start: Any, depth: int, is_text: bool) -> tuple[tuple[Any, ...], Position]:
        values: list[Any] = []
        inside: dict[Any, tuple[Any, Position]] = {}
        for event in self._events:
            if type(event) is yaml.SequenceEndEvent:
                break
            self._open.append(str(len(values)))
            value, place = self._value(event, depth + 1, is_text)
            self._open.pop()
            inside[len(values)] = (event.start_mark, place)
            values.append(value)
        return tuple(values), Position(start.start_mark, inside)

    def _mapping(self, start: Any, depth: int, is_text: bool) -> tuple[dict[str, Any], Position]:
        values: dict[str, Any] = {}
        inside: dict[Any, tuple[Any, Position]] = {}
        merged: list[tuple[Any, Position]] = []
        events = self._events
        for event in events:
            if type(event) is yaml.MappingEndEvent:
                break
            if type(event) is not yaml.ScalarEvent:
                raise self._error(event, "a key must be a word")
            if event.tag not in _TAGS_OF_KEYS:
                raise self._error(event, "a key is a word, and has no tag")
            key = event.value
            self._open.append(key)
            if key == "<<" and event.implicit[0]:
                merged.append(self._value(next(events), depth + 1))
            elif key in values:
                self._repeated.append(self._error(event, "given twice; keep one"))
                self._value(next(events), depth + 1, is_text=True)
            else:
                value, place = self._value(next(events), depth + 1, is_text or key in AS_WRITTEN)
                values[key] = value
                inside[key] = (event.start_mark, place)
            self._open.pop()
        for source in merged:
            self._merge(source, values, inside)
        return values, Position(start.start_mark, inside)

    def _merge(
        self,
        source: tuple[Any, Position],
        values: dict[str, Any],
        inside: dict[Any, tuple[Any, Position]],
    ) -> None:
        """Take what ``<<`` names, where the mapping has no such key of its own."""
        given, place = source
        if isinstance(given, tuple):
            for index, item in enumerate(given):
                self._merge((item, (place.inside or {})[index][1]), values, inside)
            return
        if not isinstance(given, dict):
            raise self._error(place, "'<<' takes a mapping, or a list of them")
        for key, value in given.items():
            if key not in values:
                values[key] = value
                inside[key] = (place.inside or {})[key]

    def _alias(self, event: Any) -> tuple[Any, Position]:
        known = self._anchors.get(event.anchor)
        if known is None:
            raise self._error(event, f"the alias *{event.anchor} names nothing that stands before")
        self._size += known.size
        return known.value, known.place

    def _error(self, where: Any, message: str) -> ConfigurationError:
        mark = where.mark if isinstance(where, Position) else where.start_mark
        return ConfigurationError(
            message,
            file=self._file,
            line=mark.line + 1,
            column=mark.column + 1,
            key=".".join(self._open) or None,
        )
