"""What the library keeps in each process of the real server: made once, before it forks.

``app_python.reload`` has each process read the script anew, and only the script: what the script
has imported stays. So all that must outlive a script is kept here and not in the script: the legacy
server, its variables, the transactions with the sockets between the processes.
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
        """Its parameters are those that they will be until the server ends."""
        self.is_configured = False
        """Its modules have been told what the server's own configuration says."""
        self.page = SharedPage()
        self.spreading = Spreading()
        self.reloads = ReloadGuard(self.spreading, self.page.is_new)
        self.reloads.on_read = self._has_read
        self.began_in = os.getpid()
        """Names the server: where it was made, before it forked."""
        self._transactions: Transactions | None = None

    @property
    def transactions(self) -> Transactions:
        """The server's; made at first use, which is before the server forks."""
        if self._transactions is None:
            self._transactions = Transactions(self.real, self.page, self.counters)
            self._transactions.newest_script = lambda: self.reloads.script
        return self._transactions

    def take_over_queries(self) -> None:
        """Have asynchronous queries go through `transactions`."""
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


class _Current:
    process: ServerProcess | None = None


def current_process() -> ServerProcess | None:
    """What there is in this process; None: it belongs to no server, or no script asked for it."""
    return _Current.process


def server_process(real: Any) -> ServerProcess:
    """What there is in this process around ``real``, the server's own ``KSR``.

    Its legacy server becomes the default one of this package when it is made.
    """
    process = _Current.process
    if isinstance(real, Ksr) and process is not None and real is process.ksr:
        return process
    if process is None or process.real is not real:
        leave_server_process()
        process = _Current.process = ServerProcess(real)
        use_server(process.server)
    return process


def leave_server_process() -> None:
    """Forget it, and close its sockets: for tests, which are many servers one after the other."""
    process, _Current.process = _Current.process, None
    if process is not None:
        process.close()
        use_server(None)


def _counted() -> dict[str, object] | None:
    """What all processes of this server have counted."""
    process = _Current.process
    if process is None:
        return None
    counted = {name: value for name, value in process.counters.items() if value}
    return {"server": process.began_in, "counters": counted}


tell_part("server_counters", _counted)
