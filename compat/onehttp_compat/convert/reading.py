"""Reads the declarations in a ``kamailio.cfg``, or in a file that its ``config_file`` names."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from onehttp import ConfigurationError
from onehttp_compat.convert.connection_file import read_comments
from onehttp_compat.convert.declared import Declarations, Overlooked
from onehttp_compat.convert.http_modules import (
    CONNECTING,
    MODULES,
    NEVER_LOADED,
    misspelt,
    modules_meant,
)
from onehttp_compat.convert.outcomes import Became
from onehttp_compat.modules.http_async_client.settings import refusals
from onehttp_compat.modules.httpcon.configuration import ModuleConfiguration
from onehttp_compat.modules.httpcon.definition import ends_credentials_elsewhere
from onehttp_compat.parameters import (
    CONNECTION,
    PARAMETERS,
    LegacyBugs,
    set_parameter,
)
from onehttp_compat.server_config import (
    ConfigInputs,
    ConfigPlace,
    LoadModule,
    Modparam,
    ServerConfig,
    SwitchedOff,
    read_server_config,
)
from onehttp_compat.server_config.files import find_included, read_text

_FIELDS: Final = {
    "utils": "utils",
    "http_async_client": "asynchronous",
    "xcap_client": "xcap",
    "auth_identity": "identity",
}
_ENDED_ELSEWHERE: Final = (
    "the module ended the credentials at the first '@': compare name, password and host"
)
_is_connection_file: Final = re.compile(r"\s*(?:#[^\n]*\n\s*)*\[").match


def read_declared(
    path: Path, inputs: ConfigInputs | None = None, config_file: Path | None = None
) -> Declarations:
    """Read a kamailio.cfg, or a file of connections as ``config_file`` names it.

    Errors become part of the report, and the rest is read. A value that a module accepted in spite
    of an error is read as the module did.

    Args:
        config_file: replaces the file that a kamailio.cfg names.

    Raises:
        ConfigurationError: ``path`` cannot be read.
    """
    inputs = inputs or ConfigInputs()
    if _is_connection_file(read_text(path)):
        reader = _DeclarationReader(ServerConfig(files=[str(path)]), inputs, None)
        reader.declared.concerns.add("http_client")
        reader.declared.configurations["http_client"].set("config_file", str(path))
    else:
        config = read_server_config(path, inputs)
        reader = _DeclarationReader(config, inputs, config_file)
        reader.read()
    reader.start()
    return reader.declared


class _DeclarationReader:
    def __init__(
        self, config: ServerConfig, inputs: ConfigInputs, config_file: Path | None
    ) -> None:
        self._inputs = inputs
        self._config_file = config_file
        self._overlooked = Overlooked()
        self.declared = Declarations(config)
        self.declared.configurations = {
            module: ModuleConfiguration(module, overlook=self._overlooked.append)
            for module in CONNECTING
        }

    def read(self) -> None:
        """Read all declarations of our modules, in their order."""
        loaded = self.declared.config.modules()
        for one in self.declared.config.declarations:
            if isinstance(one, LoadModule) and one.name in MODULES:
                self.declared.concerns.add(one.name)
                text = 'import onehttp, and onehttp.init("connections.yaml") once'
                self.declared.tell(str(one.place), f"loadmodule {one.name}", "converted", text)
            elif isinstance(one, Modparam):
                self._take(one, loaded)
            elif isinstance(one, SwitchedOff):
                self._tell_off(one)
        self._tell_notes()

    def start(self) -> None:
        """Check each module as a whole, and read the files that it names."""
        declared = self.declared
        for module, configuration in declared.configurations.items():
            with self._overlooked.listening():
                try:
                    configuration.start()
                except ConfigurationError as error:
                    self._refuse_file(module, configuration, error)
            path = configuration.values.config_file
            if path:
                read_comments(declared, module, path)
            self._tell_overlooked(module, configuration)

    # ---- modparam

    def _take(self, one: Modparam, loaded: Collection[str]) -> None:
        if one.modules == NEVER_LOADED:
            text = "no module of that name could be loaded: http_async_client is meant"
            self.declared.concerns.add("http_async_client")
            self.declared.tell(str(one.place), f"{one.modules} {one.name}", "not understood", text)
        modules = modules_meant(one, loaded)
        self.declared.concerns.update(modules)
        for module in modules:
            self._take_for(module, one)
        if not modules and one.fault:
            what = f"{one.modules} {one.name}"
            self.declared.tell(str(one.fault_place or one.place), what, "unknown", one.fault)
        elif not modules and one.modules != NEVER_LOADED and (text := misspelt(one, loaded)):
            self.declared.tell(str(one.place), f"{one.modules} {one.name}", "not understood", text)

    def _take_for(self, module: str, one: Modparam) -> None:
        what = f"{module} {one.name}"
        if one.value is None:
            place = str(one.fault_place or one.place)
            self.declared.tell(place, what, "not understood", str(one.fault))
            return
        try:
            with self._overlooked.listening():
                connection = self._set(module, one, one.value)
        except ConfigurationError as error:
            self.declared.tell(str(one.place), what, "not understood", str(error))
            return
        key = (module, connection or "", "" if connection is not None else one.name)
        declared = self.declared
        declared.add(module, one.name, one.value, str(one.place), connection)
        declared.places[key] = str(one.place)
        declared.comments.setdefault(key, []).extend(one.comments)
        for text in self._overlooked.texts():
            declared.tell_of(key, "changed", text)
        if connection is not None:
            values = declared.configurations[module].values
            if ends_credentials_elsewhere(str(one.value), values):
                declared.tell_of(key, "changed", _ENDED_ELSEWHERE)

    def _set(self, module: str, one: Modparam, value: int | str) -> str | None:
        """Set a parameter, or define a connection. Returns the name of the connection."""
        if module not in CONNECTING:
            self._set_value(module, one.name, value)
            return None
        if one.name == "config_file":
            value = str(self._config_file or self._found(one.place, str(value)))
        self.declared.configurations[module].set(one.name, value)
        is_connection = PARAMETERS[module][one.name].setting == CONNECTION
        return str(value).partition("=")[0].strip() if is_connection else None

    def _set_value(self, module: str, name: str, value: int | str) -> None:
        field = _FIELDS[module]
        before = getattr(self.declared, field)
        modes: tuple[LegacyBugs, LegacyBugs] = ("fixed", "faithful")
        for legacy_bugs in modes:
            try:
                after = set_parameter(before, module, name, value, legacy_bugs)
            except ConfigurationError as error:
                if legacy_bugs == "faithful":
                    raise
                self._overlooked.append(error)
            else:
                break
        if module == "http_async_client":
            for refused in refusals(after):
                raise refused
        setattr(self.declared, field, after)

    def _found(self, place: ConfigPlace, name: str) -> Path:
        """Return the path of a file. The server looks in its working directory; here the folder of
        the file that names it comes first."""
        including = Path(place.file)
        found = find_included(name, including, self._inputs.include_path)
        return found or Path(name)

    # ---- what is to be said of it

    def _tell_off(self, one: SwitchedOff) -> None:
        if not modules_meant(Modparam(one.place, one.module, one.name, 0), MODULES):
            return
        name = one.condition.split()[-1]
        way_out = f"; --define {name}" if one.condition.startswith("#!ifdef ") else ""
        text = f"left out by {one.condition} ({one.condition_place}){way_out}"
        what = f"{one.module} {one.name}" if one.name else f"loadmodule {one.module}"
        self.declared.tell(str(one.place), what, "off", text)

    def _tell_notes(self) -> None:
        for note in self.declared.config.notes:
            hides = note.kind == "fault" or note.text.startswith("include_file")
            became: Became = "not understood" if hides else "unknown"
            self.declared.tell(str(note.place), "", became, note.text)

    def _refuse_file(
        self, module: str, configuration: ModuleConfiguration, error: ConfigurationError
    ) -> None:
        """Report a file with which the server would not start. The rest is still converted."""
        declared = self.declared
        place = f"{error.file}:{error.line}" if error.line else None
        place = place or declared.places.get((module, "", "config_file"), str(error.file))
        declared.tell(place, f"{module} config_file", "not understood", str(error))
        configuration.set("config_file", "")
        configuration.start()

    def _tell_overlooked(self, module: str, configuration: ModuleConfiguration) -> None:
        """Report certificates without keys, and connections in a file with errors."""
        names = {f"{module} connection {name!r}": name for name in configuration.connections}
        for error in self._overlooked:
            name = names.get(str(error.key), "")
            if error.file:
                place, what = f"{error.file}:{error.line}", f"{module} config_file"
                self.declared.tell(place, what, "changed", f"{error}: the module takes no notice")
            else:
                missing = "client_cert" if "client_key" in error.message else "client_key"
                text = f"{error.message}; the module shows none then"
                self.declared.tell_of((module, name, missing), "lost", text)
