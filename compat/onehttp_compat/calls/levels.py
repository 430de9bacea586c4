"""What to do about legacy calls: ``ONEHTTP_LEGACY``, also for single modules and files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Final, Literal, TypeAlias, get_args

from onehttp import ConfigurationError
from onehttp_compat.registry import MODULES

Level: TypeAlias = Literal["allow", "warn", "error", "record"]
"""``record`` means that calls are counted in a file instead of causing warnings."""
VARIABLE: Final = "ONEHTTP_LEGACY"
_LEVELS: Final[tuple[Level, ...]] = get_args(Level)
_NAMES: Final = frozenset((*MODULES, "xcap_client"))


@dataclass(slots=True)
class Levels:
    """Levels by file, by module, and for all, in this order of precedence."""

    default: Level = "warn"
    modules: dict[str, Level] = field(default_factory=dict)
    paths: dict[str, Level] = field(default_factory=dict)
    """By patterns of ``fnmatch``; the last one that matches counts."""
    asks_for_warnings: bool = False
    """Whether the user who has started the process asks for warnings."""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Levels:
        """Parse ``ONEHTTP_LEGACY=warn,utils=error,/etc/kamailio/old/*=allow``.

        Raises:
            ConfigurationError: there is no such level or module.
        """
        made = cls()
        for part in filter(None, map(str.strip, environment.get(VARIABLE, "").split(","))):
            what, _, given = part.rpartition("=")
            level = _level(part, given)
            made.asks_for_warnings |= level == "warn"
            if not what:
                made.default = level
            elif what in _NAMES:
                made.modules[what] = level
            elif "/" in what or "*" in what or what.endswith(".py"):
                made.paths[what] = level
            else:
                known = ", ".join(sorted(_NAMES))
                raise ConfigurationError(
                    f"{VARIABLE}: {part!r}: {what!r} is neither a path nor one of {known}"
                )
        return made

    def of(self, module: str, path: str) -> Level:
        """Return the level for a call of a module's function in a file."""
        for pattern, level in reversed(self.paths.items()):
            if fnmatch(path, pattern):
                return level
        return self.modules.get(module, self.default)


def _level(part: str, given: str) -> Level:
    for level in _LEVELS:
        if given == level:
            return level
    raise ConfigurationError(f"{VARIABLE}: {part!r}: expected one of {', '.join(_LEVELS)}")
