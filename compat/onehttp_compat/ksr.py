"""``KSR`` with the HTTP modules on the one engine; everything else is the real ``KSR``'s.

Inside the server, ``KSR = onehttp_compat.kamailio.setup(KSR)`` at its top is all a script needs,
and from then on this module is that ``KSR``; outside, `Ksr` stands alone and a runner adds what the
script expects.
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
    """``KSR = take_over(KSR)``: the script's own ``KSR`` with the HTTP modules on the one engine.

    Results go through the real ``KSR.pv``, what is to be said to the server's log. The same object
    at each call in a process, also after the script was read anew, which changes nothing where that
    cannot be used; the default server of this package is the one behind it.

    Args:
        transactions: those of the server. Without them ``http_async_client`` stays the real one.

    Raises:
        ConfigurationError: the server's own configuration says of the modules what they refuse.
    """
    process = server_process(real)
    if isinstance(process.real, ModuleType) and not process.is_configured:  # else it is a test's
        log_to_server(process.real)
        configure(process)
        process.reloads.watch(own_config(process.real))
    if transactions is not None:
        process.take_over_queries()
    return process.ksr


def __getattr__(name: str) -> Any:
    """This module is itself a ``KSR``, of the default server: ``onehttp_compat.ksr.pv.get``."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_default(default_server()), name)


def _default(server: LegacyServer) -> Ksr:
    process = current_process()
    return process.ksr if process is not None and process.server is server else _alone(server)


@functools.lru_cache(maxsize=1)
def _alone(server: LegacyServer) -> Ksr:
    return Ksr(server)
