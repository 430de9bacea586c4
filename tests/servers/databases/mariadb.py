"""A MariaDB of one's own: Debian's server on a private folder and socket, for one test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

_SETTINGS = (
    "--no-defaults",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=32M",
)
_SCRIPTS = Path("/usr/share/kamailio/mysql")


@contextmanager
def running(*settings: str) -> Iterator[Path]:
    """A server, started; yields its socket. Whoever asks is let in as ``root``."""
    settings = (*_SETTINGS, *settings)
    assert shutil.which("mariadb-install-db"), "MariaDB is missing: make packages"
    folder = Path(tempfile.mkdtemp(prefix="onehttp-my-"))
    as_user = []
    if os.geteuid() == 0:  # the server refuses to be root's
        shutil.chown(folder, "mysql", "mysql")
        as_user = ["--user=mysql"]
    data, socket = folder / "data", folder / "socket"
    # What a sandbox says of the temporary folder is not for the server.
    places = [f"--datadir={data}", f"--tmpdir={folder}", *as_user]
    making = ["mariadb-install-db", *settings, *places, "--skip-test-db"]
    making += ["--auth-root-authentication-method=normal"]
    try:
        made = subprocess.run(making, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        options = [f"--socket={socket}", "--skip-networking", f"--pid-file={folder}/pid"]
        program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        server = subprocess.Popen(
            [program, *settings, *places, *options], stderr=subprocess.PIPE, text=True
        )
        assert server.stderr is not None
        said: list[str] = []
        drain = threading.Thread(target=server.stderr.read, daemon=True)
        try:
            for line in server.stderr:
                said.append(line)
                if "ready for connections" in line:
                    break
            else:
                raise AssertionError("".join(said))
            drain.start()
            yield socket
        finally:
            server.kill()
            server.wait()
            if drain.ident is not None:
                drain.join()
            server.stderr.close()
    finally:
        shutil.rmtree(folder)


def opened(socket: Path, database: str | None = None) -> Any:
    """A connection that commits each statement."""
    # Without: a context for TLS, with the system's authorities, is made for each, if for a socket.
    return pymysql.connect(
        unix_socket=str(socket),
        user="root",
        database=database,
        autocommit=True,
        ssl_disabled=True,
    )


@contextmanager
def database(socket: Path, name: str, charset: str = "utf8mb4") -> Iterator[str]:
    """An empty database; yields its URL."""
    run(socket, None, f"CREATE DATABASE `{name}` CHARACTER SET {charset}")
    try:
        yield f"mysql://root@/{name}?unix_socket={socket}"
    finally:
        run(socket, None, f"DROP DATABASE `{name}`")


@contextmanager
def kamailio_database(socket: Path, name: str) -> Iterator[str]:
    """One as the SIP server's own scripts make it, with the character set that kamdbctl names."""
    assert _SCRIPTS.exists(), "the SIP server's scripts are missing: make packages"
    with database(socket, name, "latin1") as url:
        scripts = [_SCRIPTS / f"{part}-create.sql" for part in ("standard", "presence")]
        run(socket, name, *";\n".join(each.read_text() for each in scripts).split(";\n"))
        yield url


def run(socket: Path, name: str | None, *statements: str) -> None:
    """One after the other, what is empty left out."""
    with opened(socket, name) as connection, connection.cursor() as cursor:
        for statement in filter(str.strip, statements):
            cursor.execute(statement)
