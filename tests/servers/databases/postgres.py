"""A PostgreSQL of one's own: Debian's server on a private folder and socket, for one test run."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_SETTINGS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -k {folder}"


def _identity() -> dict[str, Any]:
    """The server refuses to be root's: then it runs as its own user."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def running(largest_file_bytes: int = resource.RLIM_INFINITY) -> Iterator[str]:
    """A cluster, started; yields the URL of an empty database.

    Args:
        largest_file_bytes: how large a file of its may become, as on a disk that is full.
    """
    assert _PROGRAMS, "PostgreSQL is missing: make packages"
    programs = _PROGRAMS[-1]
    folder = Path(tempfile.mkdtemp(prefix="onehttp-pg-"))
    identity = _identity()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    data, log = folder / "data", folder / "log"
    control = [programs / "pg_ctl", "-D", data, "-l", log, "-w"]

    def run(*command: Any) -> None:
        done = subprocess.run(
            ["prlimit", f"--fsize={largest_file_bytes}", *command],
            cwd=folder, capture_output=True, check=False, **identity,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode() + (
            log.read_text() if log.exists() else ""
        )

    try:
        run(programs / "initdb", "-D", data, "-A", "trust", "-U", "test", "-N", "-E", "UTF8",
            "--wal-segsize=1")  # fmt: skip
        run(*control, "-o", _SETTINGS.format(folder=folder), "start")
        try:
            yield f"postgresql://test@/postgres?host={folder}"
        finally:
            run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
