"""All checks of a process."""

from __future__ import annotations

import os
from pathlib import Path

from onehttp import ConfigurationError
from onehttp.lowlevel import check_connections
from onehttp_compat.doctor.environment import file_findings, proxy_findings, trust_findings
from onehttp_compat.doctor.finding import Finding
from onehttp_compat.doctor.names import name_findings
from onehttp_compat.doctor.order import order_findings, python_order
from onehttp_compat.doctor.process import read_process
from onehttp_compat.doctor.tls import tls_findings
from onehttp_compat.doctor.versions import version_findings
from onehttp_compat.kamailio.own_config import started_with
from onehttp_compat.kamailio.requirements import check_requirements
from onehttp_compat.server_config import ConfigInputs, ServerConfig, read_server_config


def examine(
    pid: int | None = None, config: Path | None = None, connections: Path | None = None
) -> list[Finding]:
    """Examine a process (by default this one), and its configuration.

    Args:
        config: the configuration of a server. That of a running server is found without it.
        connections: a file of named connections.

    Raises:
        ConfigurationError: one of the files cannot be read.
    """
    facts = read_process(os.getpid() if pid is None else pid)
    found = [*tls_findings(facts), *file_findings(facts)]
    found += [*trust_findings(facts), *proxy_findings(facts), *name_findings()]
    if pid is None:
        found += [*version_findings(), *python_order()]
    if config is not None:
        found += _of_config(read_server_config(config), config)
    elif facts.name.startswith("kamailio"):
        path, defines = started_with(facts.arguments[1:])
        path = facts.folder / path
        found += _of_config(read_server_config(path, ConfigInputs(defines=defines)), path)
    if connections is not None:
        found += _of_connections(connections)
    return found


def _of_connections(path: Path) -> list[Finding]:
    errors = [Finding("error", "connections", str(one), f"onehttp check {path} shows all of them")
              for one in check_connections(path)]  # fmt: skip
    return errors or [Finding("information", "connections", f"{path} can be used")]


def _of_config(config: ServerConfig, path: Path) -> list[Finding]:
    return [*order_findings(config), *_requirements(config, path)]


def _requirements(config: ServerConfig, path: Path) -> list[Finding]:
    try:
        check_requirements(config, is_asynchronous=True)
    except ConfigurationError as error:
        return [Finding("error", "server", str(one)) for one in error.errors]
    return [Finding("information", "server", f"{path} has what onehttp needs")]
