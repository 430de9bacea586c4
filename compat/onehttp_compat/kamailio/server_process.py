"""The state of the library in each process of the real server, which is made once before it forks.

``app_python.reload`` makes each process read the script again, but not the modules that it has
imported. So the state that outlives a script is kept here: the legacy server, its variables, and
the transactions with the sockets between the processes.
"""

from __future__ import annotations

import os
from typing import Any, Final

from onehttp.lowlevel import tell_part
from onehttp_compat.kamailio.proxy import Ksr
from onehttp_compat.kamailio.reload.guard import ReloadGuard
from onehttp_compat.kamailio.reload.spreading import Spreading
from onehttp_compat.kamailio.shared.counters import SharedCounters
from onehttp_compat.kamailio.shared.page import SharedPage
from onehttp_compat.kamailio.store import KsrStore
from onehttp_compat.kamailio.transactions import Transactions
from onehttp_compat.server import LegacyServer, use_server

AFTER_RELOAD: Final = " since app_python.reload (a query that was under way asks for the old name)"


class ServerProcess:
    """One process of the server, with one ``KSR``."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.counters = SharedCounters()
        self._store = KsrStore(real)
        self._store.has_queries = False
        self.server = LegacyServer(store=self._store, counters=self.counters)
        self.ksr = Ksr(self.server, real, is_asynchronous=False)
        self.is_set_up = False
        """Its parameters are final until the server ends."""
        self.is_configured = False
        """Its modules have the parameters of the server's own configuration."""
        self.page = SharedPage()
        self.spreading = Spreading()
        self.reloads = ReloadGuard(self.spreading, self.page.is_new)
        self.reloads.on_read = self._has_read
        self.began_in = os.getpid()
        """Identifies the server: the id of the process that made this before the fork."""
        self._transactions: Transactions | None = None

    @property
    def transactions(self) -> Transactions:
        """The transactions of the server. They are made at first use, before the server forks."""
        if self._transactions is None:
            self._transactions = Transactions(self.real, self.page, self.counters)
            self._transactions.newest_script = lambda: self.reloads.script
        return self._transactions

    def take_over_queries(self) -> None:
        """Let `transactions` handle asynchronous queries."""
        self._store.has_queries = True
        self.transactions.serve(self.server)
        self.ksr.take_over_queries()

    def _has_read(self) -> None:
        if self._transactions is not None:
            self._transactions.about_routes = AFTER_RELOAD

    def close(self) -> None:
        """Close its descriptors."""
        self.reloads.close()
        self.counters.close()
        if self._transactions is not None:
            self._transactions.close()


class _CurrentProcess:
    process: ServerProcess | None = None


def current_process() -> ServerProcess | None:
    """Return the state of this process. None if it belongs to no server, or no script has called
    `setup`."""
    return _CurrentProcess.process


def server_process(real: Any) -> ServerProcess:
    """Return the state of this process for ``real``, the server's own ``KSR``. It is made at the
    first call.

    When it is made, its legacy server becomes the default of this package.
    """
    process = _CurrentProcess.process
    if isinstance(real, Ksr) and process is not None and real is process.ksr:
        return process
    if process is None or process.real is not real:
        leave_server_process()
        process = _CurrentProcess.process = ServerProcess(real)
        use_server(process.server)
    return process


def leave_server_process() -> None:
    """Forget the state and close its sockets. Tests use this, because they are many servers in
    turn."""
    process, _CurrentProcess.process = _CurrentProcess.process, None
    if process is not None:
        process.close()
        use_server(None)


def _counted() -> dict[str, object] | None:
    """The counters of all processes of this server."""
    process = _CurrentProcess.process
    if process is None:
        return None
    counted = {name: value for name, value in process.counters.items() if value}
    return {"server": process.began_in, "counters": counted}


tell_part("server_counters", _counted)
