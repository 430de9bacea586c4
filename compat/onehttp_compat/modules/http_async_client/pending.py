"""Settings that a script has made for its next query."""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import Any

from onehttp_compat.modules.http_async_client.settings import AsyncSettings, changed, known_key
from onehttp_compat.pv import PvStore, RefusedValueError, Value, Variable

_log = logging.getLogger("onehttp_compat.http_async_client")


class _ProcessSettings(threading.local):
    """The settings that belong to one process of the server."""

    def __init__(self) -> None:
        self.settings: AsyncSettings | None = None
        self.message: object = None
        """The message for which they were made."""


class PendingSettings:
    """The settings of the next query, for each process and each message in it.

    In faithful mode they also apply to a query of the next message, as in the real module.
    """

    def __init__(self, pv: PvStore, is_faithful: bool) -> None:
        self.defaults = AsyncSettings()
        self._pv = pv
        self._is_faithful = is_faithful
        self._process = _ProcessSettings()
        pv.register("http_req", self._unreadable, self.assign)

    @property
    def settings(self) -> AsyncSettings:
        """The settings of the next query."""
        process = self._process
        if process.settings is None:
            return self.defaults
        is_meant = self._is_faithful or process.message is self._pv.message_identity()
        return process.settings if is_meant else self.defaults

    def reset(self) -> None:
        """Remove all settings."""
        self._process.settings = None

    def assign(self, variable: Variable, value: Value) -> None:
        """``$http_req(key) = value``.

        Raises:
            RefusedValueError: the value has not the type of the key, or is out of its range.
            UnknownVariableError: there is no such key.
        """
        key = known_key(variable.name, self._is_faithful)
        try:
            self._keep(changed(self.settings, self.defaults, key, value))
        except RefusedValueError as error:
            _log.error("%s", error)
            raise

    def put(self, key: str, value: Value) -> int:
        """The same for functions: returns 1, or -1 if the value is refused."""
        try:
            self.assign(Variable("http_req", key), value)
        except RefusedValueError:
            return -1
        return 1

    def replace(self, **fields: Any) -> int:
        """Change settings for which ``$http_req`` has no key. Returns 1."""
        self._keep(dataclasses.replace(self.settings, **fields))
        return 1

    def _keep(self, settings: AsyncSettings) -> None:
        self._process.settings = settings
        self._process.message = self._pv.message_identity()

    def _unreadable(self, variable: Variable) -> Value:
        known_key(variable.name, self._is_faithful)
        return None
