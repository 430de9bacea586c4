"""Plans the migration of a kamailio.cfg: which lines move to ``onehttp`` and which stay, and a
patch that removes the lines that move."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onehttp_compat.convert.conversion import Converted, convert
from onehttp_compat.convert.http_modules import MODULES, modules_meant
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.migration.config_sites import legacy_calls
from onehttp_compat.migration.patches import lines_of, patch_of
from onehttp_compat.server_config import ConfigInputs, LoadModule, Modparam, ServerConfig

_OTHER_WORK: Final = ("utils", "xcap_client", "auth_identity")
"""Modules that do more than HTTP, or that other modules bind to. These are not removed."""
_one_line = re.compile(
    r'\s*(?:modparam\s*\(\s*"[^"]*"\s*,\s*"[^"]*"\s*,\s*(?:"(?:[^"\\]|\\.)*"|-?\d+)\s*\)'
    r'|loadmodule\s*\(?\s*"[^"]*"\s*\)?)\s*;?\s*(?:#.*|//.*)?'
).fullmatch


@dataclass(frozen=True, slots=True)
class NativeCall:
    """A call of a legacy function in a route of the configuration."""

    name: str
    module: str
    route: str
    count: int
    replacement: str
    """Its replacement when its route is moved to Python."""


@dataclass(frozen=True, slots=True)
class ConfigPlan:
    """The plan for a configuration."""

    converted: Converted
    calls: tuple[NativeCall, ...]
    staying: tuple[str, ...]
    """Modules that routes still call, or that do other work. Their lines stay."""
    going: tuple[str, ...]
    """Modules that only scripts call; ``onehttp_compat`` has their functions."""
    patch: str
    """A unified diff that removes the lines of those modules."""
    by_hand: tuple[str, ...]
    """Lines that the patch does not remove, with the reason."""


def plan(path: Path, inputs: ConfigInputs | None = None) -> ConfigPlan:
    """Plan the migration of a configuration and its includes.

    Raises:
        ConfigurationError: ``path`` cannot be read.
    """
    declared = read_declared(path, inputs or ConfigInputs())
    config = declared.config
    calls = tuple(_native_calls(config))
    loaded = config.modules()
    called = {call.module for call in calls} | set(_OTHER_WORK)
    if "async_http" in called:
        called.add("http_async_client")
    staying = tuple(name for name in MODULES if name in loaded and name in called)
    going = tuple(name for name in MODULES if name in loaded and name not in called)
    lines = list(_lines_of(config, going))
    texts = {file: _text(file) for file in dict.fromkeys(one.place.file for one in lines)}
    patch, by_hand = _patch(lines, texts)
    return ConfigPlan(
        convert(declared, path.name, "env"), calls, staying, going, patch, tuple(by_hand)
    )


def _native_calls(config: ServerConfig) -> Iterator[NativeCall]:
    found = legacy_calls(config)
    counts = Counter((function, call.route) for call, function in found)
    for (function, route), count in counts.items():
        yield NativeCall(function.name, function.module, route, count, function.replacement)


def _lines_of(config: ServerConfig, modules: Sequence[str]) -> Iterator[LoadModule | Modparam]:
    for one in config.declarations:
        if isinstance(one, LoadModule) and one.name in modules:
            yield one
        elif isinstance(one, Modparam):
            meant = modules_meant(one, config.modules())
            if meant and set(meant) <= set(modules):
                yield one


def _text(file: str) -> list[str]:
    return lines_of(Path(file).read_bytes().decode("utf-8", "surrogateescape"))


def _patch(
    lines: Sequence[LoadModule | Modparam], texts: dict[str, list[str]]
) -> tuple[str, list[str]]:
    """Return the diff, and the lines that it does not remove."""
    diffs: list[str] = []
    by_hand: list[str] = []
    for file, before in texts.items():
        after = list(before)
        for number in sorted({one.place.line for one in lines if one.place.file == file}):
            if _one_line(before[number - 1].rstrip("\r\n")):
                after[number - 1] = f"#onehttp# {before[number - 1]}"
            else:
                by_hand.append(f"{file}:{number}: a statement of several lines, or several in one")
        diffs.append(patch_of(file, before, after))
    return "".join(diffs), by_hand
