"""The configuration of one legacy module before the server starts: parameters and connections."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

from onehttp import ConfigurationError
from onehttp_compat.modules.httpcon.config_file import parse_config_file
from onehttp_compat.modules.httpcon.definition import LegacyConnection, parse_httpcon
from onehttp_compat.parameters import (
    CONNECTION,
    TLS_VERSION_LIMIT,
    LegacyBugs,
    ModuleDefaults,
    check_value,
    find_parameter,
    refusal,
    set_parameter,
)

_log = logging.getLogger("onehttp_compat.configuration")


class ModuleConfiguration:
    """Collects the ``modparam`` lines of ``curl`` or ``http_client`` in their order.

    ``values`` are the parameters so far. After `start`, ``values`` and ``connections`` are final,
    and every timeout is filled in.
    """

    def __init__(
        self,
        module: str,
        legacy_bugs: LegacyBugs = "fixed",
        overlook: Callable[[ConfigurationError], None] | None = None,
    ) -> None:
        """
        Args:
            overlook: is called with errors that we report but the module did not. The value is then
                used as the module would. None: such values are refused.
        """
        self.module = module
        self.legacy_bugs: LegacyBugs = legacy_bugs
        self._overlook = overlook
        self.values = ModuleDefaults(module=module)
        self.connections: dict[str, LegacyConnection] = {}
        """By name, in the order of ``listcon``: those of the file, then those of ``httpcon``, the
        last one first."""
        self.counted_connections = 0
        """The value of the ``connections`` counter. In faithful mode it does not count the file
        (B18)."""
        self._httpcon: list[LegacyConnection] = []
        self._names: set[str] = set()

    def set(self, name: str, value: object) -> None:
        """Set a parameter, as ``modparam(module, name, value)`` does.

        Raises:
            ConfigurationError: the legacy server would refuse to start.
        """
        self._as_the_module(lambda bugs: self._set(name, value, bugs))

    def _set(self, name: str, value: object, legacy_bugs: LegacyBugs) -> None:
        if find_parameter(self.module, name).setting != CONNECTION:
            self.values = set_parameter(self.values, self.module, name, value, legacy_bugs)
            return
        text = str(check_value(self.module, name, value, legacy_bugs))
        made = parse_httpcon(text, self.values, legacy_bugs)
        if made.name in self._names:
            raise refusal(self.module, name, f"connection {made.name!r} is defined twice")
        self._names.add(made.name)
        self._httpcon.append(made)

    def start(self) -> None:
        """Check the whole configuration, read ``config_file``, and give every connection its
        timeout.

        Raises:
            ConfigurationError: the legacy server would refuse to start; (fixed) there is a client
                certificate without a key, or a key without a certificate (B40).
        """
        self._check_timeout()
        self._check_tls()
        from_file: list[LegacyConnection] = []
        self._as_the_module(lambda bugs: from_file.extend(self._read_file(bugs)))
        made = [*from_file, *reversed(self._httpcon)]
        self.connections = {one.name: self._finished(one) for one in made}
        counted = made if self.legacy_bugs == "fixed" else self._httpcon
        self.counted_connections = len(counted)

    def _as_the_module(self, act: Callable[[LegacyBugs], None]) -> None:
        """Apply our rules. If they refuse a value and ``overlook`` is given, apply the rules of the
        module."""
        try:
            act(self.legacy_bugs)
        except ConfigurationError as error:
            if self._overlook is None or self.legacy_bugs == "faithful":
                raise
            act("faithful")
            self._overlook(error)

    def _check_timeout(self) -> None:
        timeout = self.values.connection_timeout
        if timeout == 0:
            _log.error("%s: connection_timeout 0: using the default", self.module)
        if not timeout:
            self.values = dataclasses.replace(
                self.values, connection_timeout=self.values.builtin_timeout
            )

    def _check_tls(self) -> None:
        values = self.values
        if not 0 <= values.tlsversion < TLS_VERSION_LIMIT:
            _log.warning("%s: tlsversion %d: using 0", self.module, values.tlsversion)
            values = dataclasses.replace(values, tlsversion=0)
        self.values = dataclasses.replace(values, verify_host=2 if values.verify_host else 0)
        self._check_pair(self.module, values.client_cert, values.client_key)

    def _check_pair(self, where: str, cert: str | None, key: str | None) -> None:
        if self.legacy_bugs == "fixed" and bool(cert) != bool(key):
            missing = "client_key" if cert else "client_cert"
            error = ConfigurationError(
                f"expected {missing} too: "
                "a client certificate needs its key, and a key its certificate",
                key=where,
            )
            if self._overlook is None:
                raise error
            self._overlook(error)

    def _read_file(self, legacy_bugs: LegacyBugs) -> list[LegacyConnection]:
        path = self.values.config_file
        if not path:
            return []
        try:
            text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise ConfigurationError(
                f"config_file: cannot be read: {error.strerror}", file=path
            ) from error
        taken = [one.name for one in self._httpcon]
        return parse_config_file(text, path, self.values, legacy_bugs, taken=taken)

    def _finished(self, connection: LegacyConnection) -> LegacyConnection:
        self._check_pair(
            f"{self.module} connection {connection.name!r}",
            connection.client_cert,
            connection.client_key,
        )
        timeout = connection.timeout
        if timeout is None:
            timeout = self.values.builtin_timeout
        elif timeout == 0 and self.legacy_bugs == "fixed":
            timeout = self.values.connection_timeout
        host = 2 if connection.verify_host else 0
        return dataclasses.replace(connection, timeout=timeout, verify_host=host)
