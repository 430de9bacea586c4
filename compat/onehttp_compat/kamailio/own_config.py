"""The configuration file that the server was started with, and its lines about this library."""

from __future__ import annotations

import getopt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from onehttp import ConfigurationError
from onehttp_compat.server_config import ConfigInputs, ServerConfig, read_server_config

DEFAULT_FILE: Final = "/etc/kamailio/kamailio.cfg"
DRIVE_ROUTE: Final = "onehttp_drive"
_OPTIONS: Final = "f:cm:M:dVIhEeb:l:L:n:vKrRDTN:W:w:t:u:g:P:G:SQ:O:a:A:x:X:Y:"
_LONG_OPTIONS: Final = (
    "alias=", "atexit=", "cfg-print", "debug=", "help", "loadmodule=", "log-engine=", "modparam=",
    "server-id=", "subst=", "substdef=", "substdefs=", "version",
)  # fmt: skip


class QueryTimer(NamedTuple):
    """A timer of the module ``rtimer``, which calls ``onehttp_drive``."""

    name: str
    processes: int
    """The number of its processes; 0 means the timer process of the server."""


def own_config(ksr: Any) -> ServerConfig:
    """Read the configuration file that the server of this process was started with.

    Raises:
        ConfigurationError: the server's command line or the file cannot be read.
    """
    arguments = Path("/proc/self/cmdline").read_bytes().decode("utf-8", "surrogateescape")
    path, defines = started_with(arguments.rstrip("\0").split("\0")[1:])
    return read_server_config(path, ConfigInputs(defines=defines, version=_version(ksr)))


def timers_of_queries(config: ServerConfig) -> Iterator[QueryTimer]:
    """Return the timers whose route is ``onehttp_drive``.

    The server knows a timer only in the lines after its own.
    """
    timers: dict[str, dict[str, str]] = {}
    for line in config.modparams():
        fields = _fields(line.value) if line.is_about("rtimer") else {}
        if line.name == "timer":
            timers[fields.get("name", "")] = fields
        timer = timers.get(fields.get("timer", ""))
        if line.name == "exec" and fields.get("route") == DRIVE_ROUTE and timer is not None:
            mode = timer.get("mode", "0")
            is_number = mode.isdecimal() and int(mode) < 1 << 31
            yield QueryTimer(timer.get("name", ""), int(mode) if is_number else 0)


def started_with(arguments: Sequence[str]) -> tuple[Path, dict[str, str | None]]:
    """Return the file and the definitions in a command line.

    Raises:
        ConfigurationError: it has options that no server accepts.
    """
    try:
        options, _ = getopt.getopt(list(arguments), _OPTIONS, list(_LONG_OPTIONS))
    except getopt.GetoptError as error:
        raise ConfigurationError(
            f"the server's command line cannot be parsed ({error}); call setup(KSR, cfg=FILE)"
        ) from None
    given = [value.partition("=") for option, value in options if option == "-A"]
    files = [value for option, value in options if option == "-f"]
    defines = {name: value if equals else None for name, equals, value in given}
    return Path(files[-1] if files else DEFAULT_FILE), defines


def _version(ksr: Any) -> tuple[int, int, int]:
    numbers = str(ksr.pv.get("$version(num)")).split(".")
    if len(numbers) == 3 and all(number.isdecimal() for number in numbers):
        return int(numbers[0]), int(numbers[1]), int(numbers[2])
    return ConfigInputs().version


def _fields(value: object) -> dict[str, str]:
    """Split ``name=onehttp;mode=1;`` into its fields."""
    pairs = (part.partition("=") for part in str(value).split(";") if part.strip())
    return {name.strip(): text.strip() for name, _, text in pairs}
