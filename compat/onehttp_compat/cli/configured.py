"""Configures the emulated modules from a ``kamailio.cfg``, as the real ones before the server
starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onehttp import ConfigurationError
from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.convert.http_modules import CONNECTING, MODULES, modules_meant
from onehttp_compat.script.kemi.tree import module_of
from onehttp_compat.script.source import named_modules
from onehttp_compat.server import LegacyServer
from onehttp_compat.server_config import (
    ConfigInputs,
    GlobalSetting,
    Modparam,
    ServerConfig,
    SwitchedOff,
    read_server_config,
)
from onehttp_compat.server_config.files import find_included

_WITHOUT_SCRIPTS: Final = "xcap_client"
"""No script calls this module, and commands must not write to its database."""


_address: Final = re.compile(r"(?:(?:udp|tcp|tls|sctp|wss?):)?(\[[^]]*\]|[^:]*)(?::.*)?", re.I)


class Configured:
    """A configuration that is in force in a server, and remarks about it.

    Raises:
        ConfigurationError: the real server would refuse to start because of a line of our modules.
    """

    def __init__(
        self, server: LegacyServer, path: Path, inputs: ConfigInputs | None = None
    ) -> None:
        self._inputs = inputs or ConfigInputs()
        self.config: ServerConfig = read_server_config(path, self._inputs)
        self._called: set[str] = set()
        loaded = self.config.modules()
        for line in self.config.modparams():
            for module in modules_meant(line, loaded):
                if module != _WITHOUT_SCRIPTS:
                    self._set(server, module, line)
        server.observers.append(self._note)

    def addresses(self) -> set[str]:
        """The addresses of the server itself: those it listens on, and its aliases."""
        found: set[str] = set()
        for one in self.config.declarations:
            if isinstance(one, GlobalSetting) and one.name in ("listen", "socket", "alias"):
                words = one.value.removeprefix("{bind=").split(";")[0].split()
                found.update(map(_host, words if one.name == "alias" else words[:1]))
        return found - {""}

    def python_call(self) -> tuple[str, str | None] | None:
        """The method that routes call by ``python_exec``, and its text argument. None if there is
        no such method or more than one, or if the script does all routing."""
        told = self.config.declarations
        if any(isinstance(one, GlobalSetting) and one.name == "cfgengine" for one in told):
            return None
        calls = {
            tuple(argument.text for argument in one.arguments)
            for one in self.config.calls()
            if one.name == "python_exec" and len(one.arguments) in (1, 2)
        }
        if len(calls) != 1:
            return None
        name, *text = calls.pop()
        return name, text[0] if text else None

    def remarks(self, script: Path) -> Iterator[str]:
        """Remarks for users who run a script with this configuration, after the run."""
        for note in self.config.notes:
            yield str(note)
        for one in self.config.declarations:
            if isinstance(one, SwitchedOff) and _is_ours(one):
                yield f"{one.place}: left out by {one.condition}: {one.statement} {one.module}"
        loaded = {"", *self.config.modules()}
        named = dict.fromkeys([*map(module_of, named_modules(script)), *sorted(self._called)])
        missing = ", ".join(one for one in named if one not in loaded)
        if missing and self.config.modules():
            yield f"{self.config.files[0]} does not load {missing}, which the script names"

    def _set(self, server: LegacyServer, module: str, line: Modparam) -> None:
        place = line.fault_place or line.place
        if line.value is None:
            raise ConfigurationError(str(line.fault), file=place.file, line=place.line)
        value = line.value
        if module in CONNECTING and line.name == "config_file":
            path = find_included(str(value), Path(place.file), self._inputs.include_path)
            value = str(path or value)
        try:
            server.modparam(module, line.name, value)
        except ConfigurationError as error:
            raise ConfigurationError(str(error), file=place.file, line=place.line) from None

    def _note(self, call: LegacyCall) -> None:
        self._called.add(call.function.module)


def _is_ours(one: SwitchedOff) -> bool:
    return bool(modules_meant(Modparam(one.place, one.module, one.name, 0), MODULES))


def _host(written: str) -> str:
    match = _address.fullmatch(written.replace('"', ""))
    return match[1].lower() if match else ""
