"""References to secrets: ``${env:NAME}``, ``${env:NAME:-default}``, ``${file:PATH}``.

They are resolved once, after parsing: what a secret contains is never looked at again.
``$${`` stands for a plain ``${``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from onehttp.connections.file.document import KeyPath, ParsedFile
from onehttp.connections.file.regular_file import read_regular
from onehttp.connections.model import Notice
from onehttp.errors import ConfigurationError

GROUP: Final = "onehttp.secrets"
"""Entry points of this group add kinds of references: their name, and a `Resolver`."""
MAX_SECRET_BYTES: Final = 64 * 1024

Resolver: TypeAlias = Callable[[str], str]
"""Takes what follows ``kind:``; raises LookupError, ValueError or OSError when there is no such
secret, with a text that does not hold it."""

_reference: Final = re.compile(r"\$\$\{|\$\{([a-z][a-z0-9_]*):([^{}]*)\}|\$\{")
SECRET_HEADER: Final = re.compile("authorization|cookie|api-?key|token|secret", re.IGNORECASE)


def _from_environment(name: str) -> str:
    name, separator, default = name.partition(":-")
    value = os.environ.get(name)
    if separator and not value:
        return default  # for an empty one, too, as in shells
    if value is None:
        raise LookupError(f"environment variable {name} is not set")
    return value


class _Missing(NamedTuple):
    """A missing secret. The reason is reported for each place that refers to it."""

    reason: str


class Secrets:
    """Resolves references, each once. ``resolvers`` adds kinds, or replaces the two built in."""

    def __init__(self, resolvers: Mapping[str, Resolver] | None = None) -> None:
        self._resolvers: dict[str, Resolver] = {"env": _from_environment, **(resolvers or {})}
        self._known: dict[tuple[str, str], str | _Missing] = {}
        self.files: set[str] = set()
        """The files that were read."""
        self.errors: list[ConfigurationError] = []
        self.warnings: list[Notice] = []

    def resolve(self, document: ParsedFile) -> Any:
        """The document's values with every reference replaced; by nothing where that fails."""
        return self._walk(document.values, (), document)

    def _walk(self, value: Any, path: KeyPath, document: ParsedFile) -> Any:
        if isinstance(value, str):
            if "${" not in value:
                return value
            return _reference.sub(lambda match: self._one(match, path, document), value)
        if isinstance(value, dict):
            return {key: self._walk(item, (*path, key), document) for key, item in value.items()}
        if isinstance(value, tuple):
            return tuple(self._walk(item, (*path, i), document) for i, item in enumerate(value))
        return value

    def _one(self, match: re.Match[str], path: KeyPath, document: ParsedFile) -> str:
        kind, name = match[1], match[2]
        if match[0] == "$${":
            return "${"
        if kind is None:
            self.errors.append(
                document.error(path, "a reference is ${kind:name}; write $${ for a plain ${")
            )
            return ""
        # A path means another file in another folder.
        key = (kind, os.path.join(document.folder, name) if kind == "file" else name)
        if key not in self._known:
            self._known[key] = self._resolved(kind, name, path, document)
        value = self._known[key]
        if isinstance(value, str):
            return value
        self.errors.append(document.error(path, value.reason))
        return ""

    def _resolved(
        self, kind: str, name: str, path: KeyPath, document: ParsedFile
    ) -> str | _Missing:
        try:
            if kind == "file" and "file" not in self._resolvers:
                return self._from_file(name, path, document)
            resolver = self._resolver(kind)
            value = resolver(name)
            if not isinstance(value, str):
                raise TypeError(f"{kind} gave {type(value).__name__}, not text")
        except (LookupError, OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error.args[0]
            shown = f"{kind}:{name.partition(':-')[0]}"
            return _Missing(f"secret ${{{shown}}} is missing: {reason}")
        return value

    def _resolver(self, kind: str) -> Resolver:
        found = self._resolvers.get(kind)
        if found is None:
            from importlib.metadata import entry_points

            for entry in entry_points(group=GROUP, name=kind):
                found = self._resolvers[kind] = entry.load()
        if found is None:
            known = ", ".join(sorted({"file", *self._resolvers}))
            raise LookupError(f"no secrets of kind {kind!r}; known: {known}")
        return found

    def _from_file(self, name: str, path: KeyPath, document: ParsedFile) -> str:
        place = os.path.join(document.folder, os.path.expanduser(name))
        content, mode = read_regular(place, MAX_SECRET_BYTES)
        self.files.add(place)
        if len(content) > MAX_SECRET_BYTES:
            raise ValueError(f"larger than {MAX_SECRET_BYTES} bytes")
        try:
            text = content.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError("not UTF-8 text") from None
        if not text:
            raise ValueError("the file is empty")
        if mode & stat.S_IROTH:
            self.warnings.append(
                document.notice(
                    path, f"secret ${{file:{name}}} is readable by everybody; chmod o-r"
                )
            )
        return text


def plain_secrets(document: ParsedFile, secret_fields: frozenset[KeyPath]) -> Iterator[Notice]:
    """A notice for each secret that stands in the file as plain text."""
    values = document.values
    sections: list[tuple[KeyPath, Any]] = [
        ((section,), values.get(section)) for section in ("defaults", "requests", "queries")
    ]
    sections.append(((), {"shared": values.get("shared")}))
    connections = values.get("connections")
    if isinstance(connections, dict):
        sections += [(("connections", name), value) for name, value in connections.items()]
    seen: set[tuple[int | None, int | None]] = set()
    for path, section in sections:
        for field in _plain_in(section, secret_fields):
            place = document.place((*path, *field))
            if place == (None, None) or place not in seen:  # an anchor is reported once
                seen.add(place)
                advice = "a secret in plain text; use ${env:NAME} or ${file:PATH}"
                yield document.notice((*path, *field), advice)


def _plain_in(section: Any, secret_fields: frozenset[KeyPath]) -> Iterator[KeyPath]:
    if not isinstance(section, dict):
        return
    for field in secret_fields:
        inner = section.get(field[0])
        value = inner.get(field[1]) if isinstance(inner, dict) else None
        if isinstance(value, str) and value and "${" not in value:
            yield field
    headers = section.get("headers")
    if isinstance(headers, dict):
        pairs = [(name, name, value) for name, value in headers.items()]
    elif isinstance(headers, tuple):
        texts = [text if isinstance(text, str) else "" for text in headers]
        pairs = [(at, *text.partition(":")[::2]) for at, text in enumerate(texts)]
    else:
        return
    for key, name, value in pairs:
        if SECRET_HEADER.search(name) and isinstance(value, str) and value and "${" not in value:
            yield ("headers", key)
