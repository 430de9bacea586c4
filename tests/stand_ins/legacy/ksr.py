"""``KSR`` of a server that is not there."""

from __future__ import annotations

import threading
import types
from typing import Any

from onehttp_compat.tm import signed32


class StandIn:
    """Of ``KSR`` what the transactions use; a transaction is suspended until it is continued."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"$mi": 1}
        self.suspended: set[tuple[int, int]] = set()
        self.continued_by: list[int] = []
        """The threads that have called it: the server allows one."""
        self.is_cancelled = False
        self.can_suspend = True
        self.leaked = 0
        """How many were continued that were not suspended: the server frees none of them."""
        self.script: Any = None
        self.pv = types.SimpleNamespace(
            get=self.values.get,
            sets=self._set,
            seti=self._set,
            unset=lambda name: self.values.pop(name, None),
        )
        self.pvx = types.SimpleNamespace(evalx=lambda target, text: 1)
        self.hdr = types.SimpleNamespace(append=lambda line: 1)
        self.tm = types.SimpleNamespace(t_is_canceled=lambda: 1 if self.is_cancelled else -1)
        self.tmx = types.SimpleNamespace(t_suspend=self._suspend, t_continue=self._continue)
        self.http_async_client = types.SimpleNamespace(query=lambda url, route: 77)

    def begin_transaction(self, index: int, label: int) -> None:
        self.values |= {"$T(id_index)": index, "$T(id_label)": label}

    def _set(self, name: str, value: object) -> bool:
        self.values[name] = value
        return True

    def _suspend(self) -> int:
        if not self.can_suspend:
            return -3
        if self.is_cancelled:
            return 1  # as of one that is suspended
        self.suspended.add((self.values["$T(id_index)"], signed32(self.values["$T(id_label)"])))
        return 1

    def _continue(self, index: int, label: int, route: str) -> int:
        if (index, label) not in self.suspended:
            self.leaked += 1
            return -1
        self.suspended.discard((index, label))
        self.continued_by.append(threading.get_ident())
        if not self.is_cancelled:
            getattr(self.script, route)(None)
        return 1
