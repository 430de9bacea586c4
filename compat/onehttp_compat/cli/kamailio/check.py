"""Finds what a ``kamailio.cfg`` lacks for ``setup(KSR)``, and what is dangerous in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import pycurl

from onehttp import ConfigurationError
from onehttp_compat.convert.http_modules import MODULES
from onehttp_compat.kamailio.own_config import timers_of_queries
from onehttp_compat.kamailio.parameters import apply_config
from onehttp_compat.kamailio.requirements import dangers, missing
from onehttp_compat.server import LegacyServer
from onehttp_compat.server_config import (
    ConfigInputs,
    LoadModule,
    Modparam,
    ServerConfig,
    read_server_config,
)

_NOT_LOADED: Final = "the server refuses parameters of {}, which is not loaded above: {}"
_OWN_FILE: Final = "put them in a separate file, and call setup(KSR, cfg=FILE)"
_LOAD: Final = "load it before this line, or remove the line"
_OF_SCRIPTS: Final = frozenset(("app_python3", "app_python3s"))
_NO_SCRIPT: Final = (
    "no line loads app_python3: no script of this server calls setup(KSR), so HTTP calls stay "
    "those of the server's modules; `onehttp kamailio init DIR` writes a server that has one"
)


class ConfigFinding(NamedTuple):
    """A fact about a configuration."""

    level: Literal["missing", "danger", "fact"]
    text: str


def findings(file: Path, inputs: ConfigInputs, is_asynchronous: bool) -> Iterator[ConfigFinding]:
    """Return all findings, those that prevent a start first.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    config = read_server_config(file, inputs)
    needed = (*missing(config, is_asynchronous), *_of_modules(config))
    for text in (*needed, *_of_parameters(config), *_of_python()):
        yield ConfigFinding("missing", text)
    for text in (*dangers(config), *_of_timers(config)):
        yield ConfigFinding("danger", text)
    if not set(config.modules()) & _OF_SCRIPTS:
        yield ConfigFinding("fact", _NO_SCRIPT)
    for note in config.notes:
        yield ConfigFinding("fact", str(note))
    for timer in timers_of_queries(config):
        yield ConfigFinding(
            "fact", f"processes of rtimer that work on queries: {timer.processes} ({timer.name})"
        )
    yield ConfigFinding("fact", pycurl.version)


def _of_modules(config: ServerConfig) -> Iterator[str]:
    """Yield the lines that the server refuses because their module is not loaded before them."""
    loaded: list[str] = []
    for one in config.declarations:
        if isinstance(one, LoadModule):
            loaded.append(one.name)
        elif isinstance(one, Modparam) and not any(map(one.is_about, loaded)):
            way_out = _OWN_FILE if any(map(one.is_about, MODULES)) else _LOAD
            yield f"{one.place}: {_NOT_LOADED.format(one.modules, way_out)}"


def _of_parameters(config: ServerConfig) -> Iterator[str]:
    try:
        apply_config(LegacyServer(), config)
    except ConfigurationError as error:
        yield str(error)


def _of_timers(config: ServerConfig) -> Iterator[str]:
    """Yield the timer that may end a suspended transaction before its query."""
    lines = config.modparams()
    waits = [line.value for line in lines if line.is_about("tm") and line.name == "fr_timer"]
    queries = [line.value for line in lines if line.is_about("http_async_client")
               and line.name == "connection_timeout"]  # fmt: skip
    limit_ms = queries[-1] if queries else 500
    wait_ms = waits[-1] if waits else None
    if isinstance(wait_ms, int) and isinstance(limit_ms, int) and wait_ms <= limit_ms:
        yield (
            f"tm ends a transaction after fr_timer = {wait_ms} ms, but a query may take "
            f"{limit_ms} ms: its answer could come too late; make the timer longer or the "
            "timeout shorter"
        )


def _of_python() -> Iterator[str]:
    """Yield the server's own Python if its version differs, because it would not find packages."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for module in Path("/usr/lib").glob("*/kamailio/modules/app_python3.so"):
        linked = re.search(rb"libpython(3\.\d+)", module.read_bytes())
        if linked is not None and linked[1].decode() != own:
            yield (
                f"{module} runs Python {linked[1].decode()}, but this is Python {own}: make the "
                "virtual environment with the system's Python, /usr/bin/python3 -m venv"
            )
