"""The RPC commands of the modules: lists, reload, counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import onehttp
from onehttp import OnehttpError
from onehttp_compat.modules.httpcon.module import ConnectionModule
from onehttp_compat.modules.xcap_client.module import XcapClient

Reply: TypeAlias = dict[str, Any]
"""``{"result": ...}`` or ``{"error": {"code", "message"}}``."""


class RpcCommands:
    """The commands of one server process, by name."""

    def __init__(
        self,
        counters: Mapping[str, int],
        curl: ConnectionModule,
        http_client: ConnectionModule,
        xcap_client: XcapClient,
    ) -> None:
        self._counters = counters
        self._commands: dict[str, Callable[[Sequence[Any]], Reply]] = {
            "curl.listcon": lambda _: _connections(curl),
            "httpclient.listcon": lambda _: _connections(http_client),
            "httpclient.reload": lambda _: _reloaded(),
            "xcap_client.refreshXcapDoc": xcap_client.refresh,
            "refreshXcapDoc": xcap_client.refresh,
            "cnt.get": self._counter,
            "stats.get_statistics": self._statistics,
        }

    def run(self, name: str, arguments: Sequence[Any]) -> Reply:
        """Return the reply of a command, or an error if there is no command of that name."""
        command = self._commands.get(name)
        return _unknown(name) if command is None else command(arguments)

    def _counter(self, arguments: Sequence[Any]) -> Reply:
        if len(arguments) != 2:
            return _unknown("cnt.get")
        value = self._counters.get(".".join(map(str, arguments)))
        return _fault(400, "Counter not found") if value is None else {"result": value}

    def _statistics(self, arguments: Sequence[Any]) -> Reply:
        """``group:name = value`` for each counter of ``group:``, sorted."""
        if len(arguments) != 1:
            return _unknown("stats.get_statistics")
        counters = [(*name.split(".", 1), value) for name, value in self._counters.items()]
        asked = str(arguments[0])
        return {
            "result": sorted(
                f"{one}:{name} = {value}" for one, name, value in counters if f"{one}:" == asked
            )
        }


def _connections(module: ConnectionModule) -> Reply:
    rows = module.listcon()
    if not rows:
        return _fault(500, "No Connection Definitions")
    return {"result": {"CONNECTION": rows[0] if len(rows) == 1 else rows}}


def _reloaded() -> Reply:
    """Turn the result of `onehttp.reload` into the reply of a command."""
    try:
        diff = onehttp.reload()
    except OnehttpError as error:
        return _fault(500, str(error))
    changed = {name: list(keys) for name, keys in diff.changed.items()}
    return {
        "result": {
            "REVISION": diff.revision,
            "ADDED": list(diff.added),
            "REMOVED": list(diff.removed),
            "CHANGED": changed,
            "UNCHANGED": len(diff.unchanged),
            "WARNINGS": list(map(str, diff.warnings)),
        }
    }


def _unknown(name: str) -> Reply:
    return _fault(500, f"command {name} not found")


def _fault(code: int, message: str) -> Reply:
    return {"error": {"code": code, "message": message}}
