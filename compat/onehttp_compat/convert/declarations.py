"""What a kamailio.cfg, or the file that its ``config_file`` names, declares of connections."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from onehttp import ConfigurationError
from onehttp_compat.convert.server_file import Modparam, read_server_file, text_of
from onehttp_compat.modules.httpcon.config_lines import (
    Comment,
    Option,
    Section,
    read_commented_lines,
)
from onehttp_compat.modules.httpcon.configuration import ModuleConfiguration
from onehttp_compat.parameters import CONNECTION, LegacyBugs, find_parameter

MODULES = ("http_client", "curl")
_is_ini = re.compile(r"\s*(?:#[^\n]*\n\s*)*\[").match


@dataclass(slots=True)
class Declarations:
    """The connections of each module as it would start with them, and what was written beside.

    ``comments`` are by module, connection and setting (empty: the whole connection); a setting
    without connection is a module parameter. ``places`` are of the same keys.
    """

    configurations: dict[str, ModuleConfiguration]
    comments: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    places: dict[tuple[str, str, str], str] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    """Comments at the top of a connections file, of no connection."""
    fault: str | None = None
    """What the emulation refuses and the module took, in its own way."""


def read_declarations(path: Path, config_file: Path | None = None) -> Declarations:
    """Read a kamailio.cfg or a file of connections.

    A file that the legacy module took in spite of a fault is read as the module did.

    Args:
        config_file: stands for the one that a kamailio.cfg names.

    Raises:
        ConfigurationError: where the legacy server refuses to start, or nothing is declared.
    """
    try:
        return _read(path, config_file, "fixed")
    except ConfigurationError as error:
        try:
            found = _read(path, config_file, "faithful")
        except ConfigurationError:
            raise error from None
        found.fault = str(error)
        return found


def _read(path: Path, config_file: Path | None, legacy_bugs: LegacyBugs) -> Declarations:
    found = Declarations({module: ModuleConfiguration(module, legacy_bugs) for module in MODULES})
    try:
        is_ini = _is_ini(path.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=str(path)) from None
    if is_ini:
        found.configurations["http_client"].set("config_file", str(path))
    else:
        for one in read_server_file(path):
            if one.module in MODULES:
                _take(found, one, path, config_file)
    for module, configuration in found.configurations.items():
        configuration.start()
        _read_comments(found, module, configuration.values.config_file)
    if not any(configuration.connections for configuration in found.configurations.values()):
        raise ConfigurationError(
            "declares no connection: no httpcon, curlcon or config_file of curl or http_client",
            file=str(path),
        )
    return found


def _take(found: Declarations, one: Modparam, path: Path, config_file: Path | None) -> None:
    configuration = found.configurations[one.module]
    value = one.value
    if one.name == "config_file":
        value = str(config_file or _beside(path, str(value)))
    try:
        configuration.set(one.name, value)
    except ConfigurationError as error:
        raise ConfigurationError(str(error), file=one.file, line=one.line) from None
    is_connection = find_parameter(one.module, one.name).setting == CONNECTION
    name = str(value).partition("=")[0].strip() if is_connection else ""
    key = (one.module, name, "" if is_connection else one.name)
    found.places[key] = f"{one.file}:{one.line}"
    found.comments.setdefault(key, []).extend(one.comments)


def _beside(path: Path, named: str) -> Path:
    """The file named, or where that is another machine's, the one of that name beside ``path``."""
    beside = path.parent / Path(named).name
    return beside if not Path(named).exists() and beside.exists() else Path(named)


def _read_comments(found: Declarations, module: str, config_file: str | None) -> None:
    """The comments and places of a connections file, which has been read without fault."""
    if not config_file:
        return
    text = text_of(Path(config_file))
    waiting: list[Comment] = []
    key: tuple[str, str, str] | None = None
    for line in read_commented_lines(text, config_file):
        if key is None and waiting and waiting[-1].line < line.line - 1:
            found.header += [comment.text for comment in waiting]
            waiting = []
        if isinstance(line, Comment):
            if line.is_alone or key is None:
                waiting.append(line)
            else:
                found.comments.setdefault(key, []).append(line.text)
            continue
        key = _key(module, key, line)
        found.places[key] = f"{config_file}:{line.line}"
        found.comments.setdefault(key, []).extend(comment.text for comment in waiting)
        waiting = []
    found.header += [comment.text for comment in waiting]


def _key(
    module: str, before: tuple[str, str, str] | None, line: Section | Option
) -> tuple[str, str, str]:
    if isinstance(line, Section):
        return module, line.name, ""
    return module, before[1] if before else "", line.key.lower()
