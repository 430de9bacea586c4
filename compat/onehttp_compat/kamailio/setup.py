"""``KSR = setup(KSR)``: the one call that puts a script of the real server on the one engine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import onehttp
from onehttp import ConfigurationError
from onehttp.lowlevel import leave_state, make_current, provide
from onehttp_compat.kamailio.logs import log_to_server, warning_once
from onehttp_compat.kamailio.own_config import own_config
from onehttp_compat.kamailio.parameters import Parameter, apply_parameters, configure
from onehttp_compat.kamailio.proxy import Ksr
from onehttp_compat.kamailio.requirements import check_requirements
from onehttp_compat.kamailio.server_process import ServerProcess, server_process
from onehttp_compat.kamailio.twins import error_twin

Source: TypeAlias = "str | os.PathLike[str] | None"
_log = logging.getLogger("onehttp_compat.kamailio")


def setup(
    ksr: Any,
    *,
    cfg: Source = None,
    modparams: Iterable[Parameter] = (),
    connections: Source = None,
    reuse: bool = False,
    twins: bool = False,
    is_asynchronous: bool = True,
) -> Ksr:
    """Take over the HTTP modules of the server, in whose script this stands.

    To be called at the top of the script, or in its ``mod_init``: before the server forks. May be
    called again, by the script when it is read anew and by any module of it: each process has one
    such object, which outlives the scripts. What the first call was told stays in force until the
    server starts again, save for what the file of ``connections`` says, which is read again.

    Args:
        ksr: the server's own ``KSR``.
        cfg: a file with ``modparam`` lines for the HTTP modules. None: the server's own, which
            cannot hold them once the modules are not loaded any more.
        modparams: further ones, ``[("http_client", "httpcon", "api=>http://127.0.0.1:8080")]``.
        connections: the file of named connections, for `onehttp.init`.
        reuse: keep connections for later calls, whatever ``keep_connections`` says: half the cost
            of a call, and the one thing in which the modules are not followed then.
        twins: before a callback runs, write ``$http_rs`` and its like to ``$var(http_rs)`` and so
            on as well, and after a synchronous call what went wrong to ``$var(curlerror)``, where
            ``KSR.xlog`` and other modules of the server see them.
        is_asynchronous: take over ``http_async_client`` too, for which a process of the module
            ``rtimer`` has to call the script's ``onehttp_drive``.

    Returns:
        What to call ``KSR`` from then on. ``import onehttp_compat.ksr as KSR`` is the same.

    Raises:
        ConfigurationError: what the server lacks, and the lines to add; or a parameter that the
            real module refuses, with its place, or what it would refuse when it starts.
    """
    leave_state()
    process = server_process(ksr)
    if process.is_set_up:
        _read_connections_again(process, connections)
        return process.ksr
    if not process.is_configured:  # else `take_over` has done so
        log_to_server(process.real)
    process.server.warnings.tell = warning_once(process.page)
    process.server.reuse = reuse
    config = own_config(process.real)
    check_requirements(config, is_asynchronous)
    configure(process, None if cfg is None else Path(cfg))
    apply_parameters(process.server, modparams)
    if twins:
        process.server.observers.append(error_twin(process.server.pv))
    if connections is None:
        provide()  # a script that was rewritten makes calls, and need not know of `init`
    else:
        onehttp.init(connections)
    if is_asynchronous:
        process.take_over_queries()
        if isinstance(process.real, ModuleType):  # else it is a test's
            make_current(process.transactions)
        process.transactions.has_twins = twins
    process.server.start()  # now, and not while the first message waits
    if isinstance(process.real, ModuleType):
        process.reloads.watch(config)
    process.is_set_up = True
    return process.ksr


def _read_connections_again(process: ServerProcess, connections: Source) -> None:
    if connections is None or not onehttp.is_initialised():
        return
    try:
        onehttp.reload(connections)
    except ConfigurationError as error:  # a script that is refused would take all calls along
        text = f"the connections stay as they were: {error}"
        if process.reloads.is_to_tell(text):
            _log.error("%s", text)
