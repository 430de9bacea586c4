"""The commands of the control socket, by name."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

from onehttp.connections.reload import Reload, Reloads
from onehttp.control.snapshot import snapshot
from onehttp.control.socket import Command, CommandError, ControlSocket
from onehttp.control.state_file import LeftState, is_wanted
from onehttp.control.tally import Tally, tally
from onehttp.errors import OnehttpError
from onehttp.runtime import Runtime
from onehttp_backends.observed import observe

LOGGERS: Final = ("onehttp", "onehttp_compat")
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LONGEST_DRAIN_S: Final = 3600.0


class Operated(Protocol):
    """A process, as far as commands are about it."""

    runtime: Runtime | None
    reloads: Reloads

    def reload(self) -> Reload:
        """Read the connections again."""


def operate(process: Operated, directory: str | os.PathLike[str]) -> ControlSocket:
    """Count the calls of a process from now on, and serve its control socket.

    Raises:
        ConfigurationError: no socket can be made there.
    """
    counting = tally()
    answering = commands(process, counting)
    control = ControlSocket(directory, answering)
    if is_wanted():
        observe(LeftState(directory, lambda: answering["stats"]({})))
    return control


def commands(process: Operated, tally: Tally) -> Mapping[str, Command]:
    """All of them; each takes what was asked besides, and returns plain values."""

    def stats(asked: Mapping[str, Any]) -> object:
        return snapshot(process.runtime, tally, process.reloads)

    def connections(asked: Mapping[str, Any]) -> object:
        return snapshot(_runtime(process), tally, process.reloads)["connections"]

    def reload(asked: Mapping[str, Any]) -> object:
        _runtime(process)
        try:
            diff = process.reload()
        except OnehttpError as error:
            raise CommandError(f"reload refused, nothing has changed: {error}") from None
        told = asdict(diff)
        told["text"] = str(diff)
        told["warnings"] = [str(warning) for warning in diff.warnings]
        return told

    def drain(asked: Mapping[str, Any]) -> object:
        seconds = asked.get("timeout_s", 0.0)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise CommandError("timeout_s: expected seconds")
        queries = _runtime(process).queries
        is_empty = queries.drain(min(max(0.0, seconds), LONGEST_DRAIN_S))
        return {"is_drained": is_empty, "open": queries.stats().open}

    return {
        "stats": stats,
        "connections": connections,
        "reload": reload,
        "drain": drain,
        "log-level": _log_level,
    }


def _log_level(asked: Mapping[str, Any]) -> object:
    name, level = asked.get("logger", "onehttp"), asked.get("level")
    if not isinstance(name, str) or name.partition(".")[0] not in LOGGERS:
        raise CommandError(f"logger: expected one at or below {' or '.join(LOGGERS)}")
    logger = logging.getLogger(name)
    before = logging.getLevelName(logger.getEffectiveLevel())
    if level is not None:
        if level not in LEVELS:
            raise CommandError(f"level: expected one of {', '.join(LEVELS)}")
        logger.setLevel(level)
    return {"logger": name, "before": before, "level": level or before}


def _runtime(process: Operated) -> Runtime:
    if process.runtime is None:
        raise CommandError("this process is not initialised")
    return process.runtime
