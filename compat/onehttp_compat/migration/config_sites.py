"""Finds the legacy calls in the routes of a kamailio.cfg."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from onehttp import ConfigurationError
from onehttp_compat.migration.sites import FileScan, Problem, Site, shown_code
from onehttp_compat.registry import FUNCTIONS, NATIVE, LegacyFunction
from onehttp_compat.server_config import RouteCall, ServerConfig, read_server_config

_BY_NAME: Final = {function.name: function for function in reversed(FUNCTIONS)}
_NATIVE: Final = "stays native until its route is moved to Python"


def scan_config(path: Path) -> FileScan:
    """Return the calls in a configuration and its includes."""
    try:
        config = read_server_config(path)
    except ConfigurationError as error:
        return FileScan(str(path), problems=(Problem(str(path), 0, str(error)),))
    sites = tuple(_site(call, function) for call, function in legacy_calls(config))
    faults = [note for note in config.notes if note.kind == "fault"]
    problems = tuple(Problem(note.place.file, note.place.line, note.text) for note in faults)
    return FileScan(str(path), sites, problems)


def legacy_calls(config: ServerConfig) -> list[tuple[RouteCall, LegacyFunction]]:
    """Return the calls of legacy functions, each with the form that is called."""
    return [
        (call, NATIVE.get((call.name, len(call.arguments)), _BY_NAME[call.name]))
        for call in config.calls()
        if call.name in _BY_NAME
    ]


def _site(call: RouteCall, function: LegacyFunction) -> Site:
    given = ", ".join(
        f'"{one.text}"' if one.kind == "string" else one.text for one in call.arguments
    )
    return Site(
        path=call.place.file,
        line=call.place.line,
        column=call.place.column,
        end_line=call.place.line,
        kind="configuration",
        module=function.module,
        name=call.name,
        code=shown_code(f"{call.name}({given})"),
        replacement=function.replacement,
        note=f"in {call.route}: {_NATIVE}",
    )
