"""``KSR = setup(KSR)``: makes a script of the real server use our engine."""

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
    """Replace the HTTP modules of the server that runs this script.

    Call it at the top of the script, or in its ``mod_init``, before the server forks. The script
    and its modules may call it again, for example when the server reads the script again. Each
    process keeps one object, also across reloads. The arguments of the first call stay in force
    until the server restarts, except for the content of the file ``connections``, which is read
    again.

    Args:
        ksr: the ``KSR`` of the server.
        cfg: a file with ``modparam`` lines for the HTTP modules. None: the server's own file, which
            cannot contain such lines once the modules are not loaded any more.
        modparams: more parameters, ``[("http_client", "httpcon", "api=>http://127.0.0.1:8080")]``.
        connections: the file of named connections, for `onehttp.init`.
        reuse: keep connections for later calls, whatever ``keep_connections`` says. It halves the
            cost of a call, and is the only difference from the modules' behaviour that it makes.
        twins: copy ``$http_rs`` and similar variables to ``$var(http_rs)`` and so on before a
            callback runs, and the error of a synchronous call to ``$var(curlerror)`` after it.
            ``KSR.xlog`` and other modules of the server can read these copies.
        is_asynchronous: replace ``http_async_client``, too. It needs a process of the module
            ``rtimer`` that calls the script's ``onehttp_drive``.

    Returns:
        The object to use as ``KSR`` from then on, which ``import onehttp_compat.ksr as KSR`` gives,
        too.

    Raises:
        ConfigurationError: the server lacks something (the text names the lines to add), or the
            real module would refuse a parameter (the text names its place) or refuse to start.
    """
    leave_state()
    process = server_process(ksr)
    if process.is_set_up:
        _read_connections_again(process, connections)
        return process.ksr
    if not process.is_configured:  # otherwise `take_over` has done so
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
        provide()  # a script that was rewritten makes calls without calling `init`
    else:
        onehttp.init(connections)
    is_in_server = isinstance(process.real, ModuleType)  # else a test made it
    if is_asynchronous:
        process.take_over_queries()
        if is_in_server:
            make_current(process.transactions)
            process.transactions.timers.configure(config)
        process.transactions.has_twins = twins
    process.server.start()  # now, so that the first message does not wait
    if is_in_server:
        process.reloads.watch(config)
    process.is_set_up = True
    return process.ksr


def _read_connections_again(process: ServerProcess, connections: Source) -> None:
    if connections is None or not onehttp.is_initialised():
        return
    try:
        onehttp.reload(connections)
    except ConfigurationError as error:  # an error would make the server refuse the script
        text = f"the connections stay as they were: {error}"
        if process.reloads.is_to_tell(text):
            _log.error("%s", text)
