"""The declarations of the HTTP modules in a configuration, as the modules would read them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from onehttp import ConfigurationError
from onehttp_compat.convert.outcomes import Became, ConversionFinding
from onehttp_compat.modules.httpcon.configuration import ModuleConfiguration
from onehttp_compat.parameters import (
    AsyncParameters,
    AuthIdentityParameters,
    UtilsParameters,
    XcapParameters,
)
from onehttp_compat.server_config import ServerConfig

Key: TypeAlias = tuple[str, str, str]
"""Module, connection and setting. Without a setting it means the whole connection, and without a
connection a parameter of the module."""


class AcceptedLine(NamedTuple):
    """A ``modparam`` line that was accepted."""

    number: int
    module: str
    name: str
    value: int | str
    place: str
    connection: str | None
    """The name of the connection that it defines, if any."""


@dataclass(slots=True)
class Declarations:
    """All declarations, and the lines that could not be understood."""

    config: ServerConfig
    concerns: set[str] = field(default_factory=set)
    """The HTTP modules for which there is any declaration, understood or not."""
    configurations: dict[str, ModuleConfiguration] = field(default_factory=dict)
    """The configurations of the modules that have connections."""
    utils: UtilsParameters = field(default_factory=UtilsParameters)
    asynchronous: AsyncParameters = field(default_factory=AsyncParameters)
    xcap: XcapParameters = field(default_factory=XcapParameters)
    identity: AuthIdentityParameters = field(default_factory=AuthIdentityParameters)
    lines: list[AcceptedLine] = field(default_factory=list)
    """In their order, because a connection depends on the lines above it."""
    _findings: dict[ConversionFinding, None] = field(default_factory=dict)
    _lost: set[tuple[str, str]] = field(default_factory=set)
    places: dict[Key, str] = field(default_factory=dict)
    comments: dict[Key, list[str]] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    """Comments at the top of a file of connections, which belong to no connection."""

    told: set[Key] = field(default_factory=set)
    """The keys for which something was reported already."""
    last: dict[tuple[str, str], int] = field(default_factory=dict)
    """Module and parameter -> the number of the last line that sets it."""

    def add(
        self, module: str, name: str, value: int | str, place: str, connection: str | None
    ) -> None:
        """Keep an accepted line."""
        line = AcceptedLine(len(self.lines), module, name, value, place, connection)
        self.lines.append(line)
        self.last[module, name] = line.number

    def tell(self, place: str, what: str, became: Became, text: str) -> None:
        """Report the result for a declaration, once. A lost declaration is not converted."""
        finding = ConversionFinding(place, what, became, text)
        if became == "lost":
            self._lost.add((place, what))
        self._findings.setdefault(finding)

    @property
    def findings(self) -> list[ConversionFinding]:
        """All reports, in this order."""
        return [
            one
            for one in self._findings
            if one.became != "converted" or (one.place, one.what) not in self._lost
        ]

    def tell_of(self, key: Key, became: Became, text: str) -> None:
        """The same for a key whose line is known: its own, or that of its connection."""
        module, name, _ = key
        whole = (module, name, "")
        self.told.update((key, whole) if name else (key,))
        place = self.places.get(key) or self.places.get(whole) or ""
        self.tell(place, " ".join(part for part in key if part), became, text)

    def is_final(self, line: AcceptedLine) -> bool:
        """Whether no later line sets the same parameter."""
        return self.last[line.module, line.name] == line.number


class Overlooked(list[ConfigurationError]):
    """Collects errors that a module ignores: those that we find, and those that it logs."""

    def __init__(self) -> None:
        super().__init__()
        self.logged: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this is active, the modules log to this object."""
        self.clear()
        self.logged = []
        handler = _Listener(self.logged)
        logger = logging.getLogger("onehttp_compat")
        before, logger.propagate = logger.propagate, False
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = before

    def texts(self) -> list[str]:
        """The messages that the module would log, or else our own."""
        if self.logged:
            return self.logged
        return [f"{error}: the module takes no notice" for error in self]


class _Listener(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "onehttp_compat.parameters":
            return  # how a parameter is spelled today, which does not matter here
        self._texts.append(record.getMessage())
