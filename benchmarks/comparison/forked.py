"""Probes of onehttp in children of one process that has imported them, a child for each probe:
the tests run all of them, and an interpreter for each would import the same sixty times."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import forkserver
from pathlib import Path
from typing import Final

from benchmarks.comparison.probes import __main__ as program
from benchmarks.comparison.running import of_our_own

IMPORTED: Final = (
    "benchmarks.comparison.probes.of_onehttp_operating",
    "onehttp.api",
    "onehttp.connections.file.load",
    "onehttp.process",
    "onehttp.queries.scheduler",
    "onehttp.streams",
    "onehttp_backends.curl",
)


def begin() -> None:
    """Start the process that imports them, and finds them in the same folders as this one."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(IMPORTED))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, sys.path))
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def run(
    command: list[str], environment: Mapping[str, str], limit_s: float
) -> subprocess.CompletedProcess[bytes]:
    """What `benchmarks.comparison.running` starts an interpreter for; after `begin`."""
    context = multiprocessing.get_context("forkserver")
    arguments = command[command.index("-m") + 2 :]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        out.touch()
        child = context.Process(
            target=_probe, args=(arguments, of_our_own(environment), str(out)), daemon=True
        )
        child.start()
        child.join(limit_s)
        if child.is_alive():
            child.kill()
            raise subprocess.TimeoutExpired(command, limit_s)
        return subprocess.CompletedProcess(command, child.exitcode or 0, out.read_bytes(), b"")


def _probe(arguments: list[str], environment: dict[str, str], out: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(out, os.O_WRONLY)
    os.dup2(file, 1)
    os.close(file)
    sys.argv[1:] = arguments
    program.main()
