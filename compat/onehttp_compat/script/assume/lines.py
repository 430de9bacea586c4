"""Reads YAML and keeps the line of each value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from onehttp import OnehttpError

MAX_BYTES: Final = 1 << 20

Content: TypeAlias = "dict[str, Placed] | list[Placed] | object"


class AssumeFileError(OnehttpError, ValueError):
    """The file cannot be understood. The message has the file, the line and the key."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A value of the file: a mapping or a list of such values, or a scalar."""

    content: Content
    path: Path
    line: int
    key: str = ""
    """Its path in the file: ``functions.tm.t_relay``."""

    def error(self, text: str) -> AssumeFileError:
        """Return an error for this place."""
        key = f"{self.key}: " if self.key else ""
        return AssumeFileError(f"{self.path}:{self.line}: {key}{text}")

    def mapping(self) -> dict[str, Placed]:
        """The items of a mapping; empty for an empty value.

        Raises:
            AssumeFileError: it is not a mapping.
        """
        if self.content is None:
            return {}
        if not isinstance(self.content, dict):
            raise self.error(f"expected a mapping, got {self.shown}")
        return self.content

    def items(self) -> list[Placed]:
        """The items of a list.

        Raises:
            AssumeFileError: it is not a list.
        """
        if not isinstance(self.content, list):
            raise self.error(f"expected a list, got {self.shown}")
        return self.content

    @property
    def shown(self) -> str:
        """Its value as text for messages, shortened to a limit."""
        if isinstance(self.content, (dict, list)):
            return "a mapping" if isinstance(self.content, dict) else "a list"
        text = "nothing" if self.content is None else repr(self.content)
        return text if len(text) <= 40 else f"{text[:37]}..."


def read_placed(path: Path) -> Placed:
    """Read the document of a file.

    Raises:
        AssumeFileError: the file cannot be read, is too large, is not YAML, or repeats a key.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AssumeFileError(f"{path}: cannot be read: {error.strerror}") from None
    if len(text) > MAX_BYTES:
        raise AssumeFileError(f"{path}: larger than {MAX_BYTES} bytes")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        return _Placing(path, loader).placed(node, "") if node else Placed(None, path, 1)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise AssumeFileError(f"{path}{line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise AssumeFileError(f"{path}: not YAML: {error}") from None


class _Placing:
    def __init__(self, path: Path, loader: yaml.SafeLoader) -> None:
        self._path = path
        self._loader = loader
        self._open: set[int] = set()

    def placed(self, node: Any, key: str) -> Placed:
        """Convert a node of YAML."""
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return Placed(self._loader.construct_object(node), self._path, line, key)
        if id(node) in self._open:
            raise Placed(None, self._path, line, key).error("an anchor within itself")
        self._open.add(id(node))
        content = self._mapping(node, key) if isinstance(node, yaml.MappingNode) else [
            self.placed(one, f"{key}[{number}]") for number, one in enumerate(node.value, 1)
        ]  # fmt: skip
        self._open.remove(id(node))
        return Placed(content, self._path, line, key)

    def _mapping(self, node: Any, key: str) -> dict[str, Placed]:
        content: dict[str, Placed] = {}
        for name, value in node.value:
            inner = f"{key}.{name.value}" if key else str(name.value)
            if not isinstance(name, yaml.ScalarNode) or name.value in content:
                problem = "given twice; keep one" if name.value in content else "no name"
                raise Placed(None, self._path, name.start_mark.line + 1, inner).error(problem)
            content[name.value] = self.placed(value, inner)
        return content
