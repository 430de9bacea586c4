"""Everything there is to say of a process."""

from __future__ import annotations

import os
from pathlib import Path

from onehttp import ConfigurationError
from onehttp_compat.doctor.finding import Finding
from onehttp_compat.doctor.process import read_process
from onehttp_compat.doctor.surroundings import file_findings, proxy_findings, trust_findings
from onehttp_compat.doctor.tls import tls_findings
from onehttp_compat.doctor.versions import version_findings
from onehttp_compat.kamailio.requirements import check_requirements
from onehttp_compat.server_config import read_server_config


def examine(pid: int | None = None, config: Path | None = None) -> list[Finding]:
    """Look at a process, this one unless another is named, and at a server's configuration.

    Raises:
        ConfigurationError: one of them cannot be read.
    """
    facts = read_process(os.getpid() if pid is None else pid)
    found = [*tls_findings(facts), *file_findings(facts)]
    found += [*trust_findings(facts), *proxy_findings(facts)]
    if pid is None:
        found += version_findings()
    if config is not None:
        found += _of_config(config)
    return found


def _of_config(path: Path) -> list[Finding]:
    config = read_server_config(path)
    try:
        check_requirements(config, is_asynchronous=True)
    except ConfigurationError as error:
        return [Finding("error", "server", str(one)) for one in error.errors]
    return [Finding("information", "server", f"{path} has what onehttp needs")]
