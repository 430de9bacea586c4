"""References to secrets: ``${env:NAME}``, ``${env:NAME:-default}``, ``${file:PATH}``.

They are resolved once, after parsing: what a secret contains is never looked at again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from onehttp.connections.document import Document, KeyPath
from onehttp.errors import ConfigurationError

Resolver: TypeAlias = Callable[[str], str]
"""Takes what follows ``scheme:``; raises LookupError or OSError when there is no such secret."""

_reference: Final = re.compile(r"\$\{([a-z][a-z0-9_]*):([^{}]*)\}")


def _from_environment(name: str) -> str:
    name, separator, default = name.partition(":-")
    value = os.environ.get(name)
    if value is None:
        if separator:
            return default
        raise LookupError(f"environment variable {name} is not set")
    return value


def _from_file(path: str) -> str:
    with open(os.path.expanduser(path), encoding="utf-8") as stream:
        return stream.read().rstrip("\r\n")


class Secrets:
    """Resolves references. ``resolvers`` adds schemes or replaces the two built in."""

    def __init__(self, resolvers: dict[str, Resolver] | None = None) -> None:
        self._resolvers: dict[str, Resolver] = {
            "env": _from_environment,
            "file": _from_file,
            **(resolvers or {}),
        }

    def resolve(self, value: Any, document: Document, errors: list[ConfigurationError]) -> Any:
        """``value`` with every reference replaced; what cannot be is added to ``errors``."""
        return self._walk(value, (), document, errors)

    def _walk(
        self, value: Any, path: KeyPath, document: Document, errors: list[ConfigurationError]
    ) -> Any:
        if isinstance(value, dict):
            return {
                key: self._walk(item, (*path, key), document, errors) for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._walk(item, (*path, i), document, errors) for i, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        return _reference.sub(lambda match: self._one(match, path, document, errors), value)

    def _one(
        self,
        match: re.Match[str],
        path: KeyPath,
        document: Document,
        errors: list[ConfigurationError],
    ) -> str:
        scheme, name = match[1], match[2]
        resolver = self._resolvers.get(scheme)
        if resolver is None:
            known = ", ".join(self._resolvers)
            errors.append(document.error(path, f"no secrets of kind {scheme!r}; known: {known}"))
            return ""
        try:
            return resolver(name)
        except (LookupError, OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error).strip("'\"")
            errors.append(document.error(path, f"secret ${{{scheme}:{name}}} is missing: {reason}"))
            return ""
