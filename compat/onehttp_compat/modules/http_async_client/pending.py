"""The settings that a script has made and not used yet."""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import Any

from onehttp_compat.modules.http_async_client.settings import AsyncSettings, changed, known_key
from onehttp_compat.pv import PvStore, RefusedValueError, Value, Variable

_log = logging.getLogger("onehttp_compat.http_async_client")


class _Process(threading.local):
    """What one process of the server has for itself."""

    def __init__(self) -> None:
        self.settings: AsyncSettings | None = None
        self.message: object = None
        """The message that they were made for."""


class PendingSettings:
    """The settings of the next query of each process, and of each message in it.

    In faithful mode they wait for whatever message comes next, as in the real module.
    """

    def __init__(self, pv: PvStore, is_faithful: bool) -> None:
        self.defaults = AsyncSettings()
        self._pv = pv
        self._is_faithful = is_faithful
        self._process = _Process()
        pv.register("http_req", self._unreadable, self.assign)

    @property
    def settings(self) -> AsyncSettings:
        """Those of the next query."""
        process = self._process
        if process.settings is None:
            return self.defaults
        is_meant = self._is_faithful or process.message is self._pv.message_identity()
        return process.settings if is_meant else self.defaults

    def reset(self) -> None:
        """Nothing is set any more."""
        self._process.settings = None

    def assign(self, variable: Variable, value: Value) -> None:
        """``$http_req(key) = value``.

        Raises:
            RefusedValueError: not of the key's type, or out of its range.
            UnknownVariableError: no such key.
        """
        key = known_key(variable.name, self._is_faithful)
        try:
            self._keep(changed(self.settings, self.defaults, key, value))
        except RefusedValueError as error:
            _log.error("%s", error)
            raise

    def put(self, key: str, value: Value) -> int:
        """The same by a function: 1, or -1 where the value is refused."""
        try:
            self.assign(Variable("http_req", key), value)
        except RefusedValueError:
            return -1
        return 1

    def replace(self, **fields: Any) -> int:
        """Change what ``$http_req`` has no key for; 1."""
        self._keep(dataclasses.replace(self.settings, **fields))
        return 1

    def _keep(self, settings: AsyncSettings) -> None:
        self._process.settings = settings
        self._process.message = self._pv.message_identity()

    def _unreadable(self, variable: Variable) -> Value:
        known_key(variable.name, self._is_faithful)
        return None
