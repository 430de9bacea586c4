"""A script around asynchronous queries: its message, its transaction, its callback."""

from __future__ import annotations

from collections.abc import Callable

import onehttp
from onehttp.testing import FakeTransaction, FakeTransactionLayer
from onehttp_compat.process import ScriptRoute
from onehttp_compat.pv import Value
from onehttp_compat.server import LegacyServer
from servers.patience import PATIENCE_S


class Script:
    """Asks, and notes what its callback ``CALLBACK`` reads.

    Attributes:
        names: the variables that the callback reads.
        seen: what it read, one entry a run.
        reply: what it does besides.
        transaction: of the last question; a new one for each.
    """

    def __init__(self, server: LegacyServer) -> None:
        self.server = server
        self.names: tuple[str, ...] = ("$http_ok", "$http_err", "$http_rs")
        self.seen: list[tuple[Value, ...]] = []
        self.reply: Callable[[], object] = lambda: self.transaction.reply(200, "resumed")
        self.layer = FakeTransactionLayer()
        self.transaction: FakeTransaction = self.layer.new()
        server.find_route = self._find
        # The module's own half second is for tests of it alone: a busy machine takes longer.
        server.modparam("http_async_client", "connection_timeout", int(PATIENCE_S * 1000))

    def ask(self, url: str, route: str = "CALLBACK", *, is_suspended: bool = True) -> int:
        """``http_async_query`` for a new message; its answer has been dealt with."""
        self.new_message()
        return self.go_on(url, route, is_suspended=is_suspended)

    def new_message(self) -> None:
        """The next SIP request comes in."""
        self.server.pv.new_message()
        self.transaction = self.layer.new()

    def go_on(self, url: str, route: str = "CALLBACK", *, is_suspended: bool = True) -> int:
        """The same for the message at hand."""
        return self.call("http_async_query", url, route, is_suspended=is_suspended)

    def call(self, name: str, *arguments: str | int, is_suspended: bool = True) -> int:
        """A function of the module, in the transaction; queries have ended after it."""
        with onehttp.transaction(self.transaction if is_suspended else None):
            code = self.server.call(name, arguments)
        assert onehttp.drain(PATIENCE_S)
        return code

    def set(self, key: str, value: Value) -> None:
        """``$http_req(key) = value``."""
        self.server.pv.set(f"$http_req({key})", value)

    def _find(self, name: str) -> ScriptRoute | None:
        return self._callback if name == "CALLBACK" else None

    def _callback(self, result: onehttp.Result, is_suspended: bool) -> None:
        self.seen.append(tuple(self.server.pv.get(name) for name in self.names))
        if is_suspended:
            self.reply()


def counters(server: LegacyServer) -> dict[str, int]:
    """The module's counters that are not 0, by name."""
    return {
        name.partition(".")[2]: value
        for name, value in server.counters.items()
        if name.startswith("http_async_client.") and value
    }
