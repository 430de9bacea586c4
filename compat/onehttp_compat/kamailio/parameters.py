"""Applies ``modparam`` lines to the emulated modules: those of a configuration, and those of a
script."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from onehttp import ConfigurationError
from onehttp_compat.convert.http_modules import CONNECTING, modules_meant, unheard
from onehttp_compat.kamailio.own_config import own_config
from onehttp_compat.kamailio.server_process import ServerProcess
from onehttp_compat.server import LegacyServer
from onehttp_compat.server_config import Modparam, ServerConfig, read_server_config

Parameter: TypeAlias = "tuple[str, str, int | str]"
"""Module, name and value, as in ``modparam(module, name, value)``."""


def configure(process: ServerProcess, file: Path | None = None) -> None:
    """Configure the modules once, from the server's own configuration and from a file.

    Raises:
        ConfigurationError: the real server would refuse to start because of a line.
    """
    if process.is_configured and file is None:
        return
    config = own_config(process.real) if file is None else read_server_config(file)
    apply_config(process.server, config)
    process.is_configured = True


def apply_config(server: LegacyServer, config: ServerConfig) -> None:
    """Apply a configuration to the emulated modules, as the server does to the real ones.

    Raises:
        ConfigurationError: the real server would refuse to start because of a line.
    """
    loaded = config.modules()
    for line in config.modparams():
        modules = modules_meant(line, loaded)
        if not modules and (fault := unheard(line, loaded)):
            raise ConfigurationError(fault, file=line.place.file, line=line.place.line)
        for module in modules:
            try:
                server.modparam(module, line.name, _value(module, line))
            except ConfigurationError as error:
                where = line.fault_place or line.place
                raise ConfigurationError(str(error), file=where.file, line=where.line) from None


def apply_parameters(server: LegacyServer, parameters: Iterable[Parameter]) -> None:
    """Apply the parameters of a script to the emulated modules.

    Raises:
        ConfigurationError: the real server would refuse to start because of a line.
    """
    for module, name, value in parameters:
        server.modparam(module, name, value)


def _value(module: str, line: Modparam) -> int | str:
    if line.value is None:
        raise ConfigurationError(str(line.fault))
    if module in CONNECTING and line.name == "config_file":
        # The server looks for it in the folder of the file that names it.
        return str(Path(line.place.file).parent / str(line.value))
    return line.value
