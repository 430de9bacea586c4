"""Kamailio as a process of a test, from its Debian packages."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from servers.patience import PATIENCE_S

MODULES = next(iter(Path("/usr/lib").glob("*/kamailio/modules")), None)
STOP_S = 5


@contextmanager
def started(
    folder: Path,
    name: str,
    config: str,
    environment: Mapping[str, str] | None = None,
    *,
    shared_mib: int = 16,
    private_mib: int = 4,
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The server with this configuration, which may not listen yet; the process, and its log."""
    assert MODULES, "Kamailio is missing: make packages"
    path, log = folder / f"{name}.cfg", folder / f"{name}.log"
    path.write_text(config)
    command: list[str | Path] = ["kamailio", "-DD", "-E", "-f", path, "-Y", folder]
    command += ["-m", str(shared_mib), "-M", str(private_mib), "-P", folder / f"{name}.pid"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stderr=output, stdout=output, start_new_session=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
    try:
        yield process, log
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    # A process of the server that is just starting misses the signal, and the others wait for it.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)
