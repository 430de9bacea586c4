"""``KSR`` with the HTTP modules on our engine. All else comes from the real ``KSR``.

Inside the server, a script needs only ``KSR = onehttp_compat.kamailio.setup(KSR)`` at its top. From
then on this module is that ``KSR``. Outside the server, `Ksr` works alone, and the runner adds the
other modules that scripts expect.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from onehttp_compat.kamailio.logs import log_to_server
from onehttp_compat.kamailio.own_config import own_config
from onehttp_compat.kamailio.parameters import configure
from onehttp_compat.kamailio.proxy import ASYNCHRONOUS as ASYNCHRONOUS
from onehttp_compat.kamailio.proxy import KemiModule as KemiModule
from onehttp_compat.kamailio.proxy import KemiPv as KemiPv
from onehttp_compat.kamailio.proxy import Ksr as Ksr
from onehttp_compat.kamailio.server_process import current_process, server_process
from onehttp_compat.kamailio.store import KsrStore as KsrStore
from onehttp_compat.kamailio.transactions import Transactions
from onehttp_compat.server import LegacyServer, default_server


def take_over(real: Any, transactions: Transactions | None = None) -> Ksr:
    """Return the script's ``KSR`` with the HTTP modules replaced: ``KSR = take_over(KSR)``.

    Results are written by the real ``KSR.pv``, and messages go to the server's log. All calls in
    one process return the same object, also after the server has read the script again. If the new
    script cannot be used, nothing changes. The object works on the default server of this package.

    Args:
        transactions: the transactions of the server. Without them, ``http_async_client`` is not
            replaced.

    Raises:
        ConfigurationError: the server's configuration gives the modules a value that they refuse.
    """
    process = server_process(real)
    if isinstance(process.real, ModuleType) and not process.is_configured:  # else a test made it
        log_to_server(process.real)
        configure(process)
        config = own_config(process.real)
        process.reloads.watch(config)
        if transactions is not None:
            transactions.timers.configure(config)
    if transactions is not None:
        process.take_over_queries()
    return process.ksr


def __getattr__(name: str) -> Any:
    """Make this module a ``KSR`` of the default server: ``onehttp_compat.ksr.pv.get``."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_default(default_server()), name)


def _default(server: LegacyServer) -> Ksr:
    process = current_process()
    return process.ksr if process is not None and process.server is server else _alone(server)


@functools.lru_cache(maxsize=1)
def _alone(server: LegacyServer) -> Ksr:
    return Ksr(server)
