"""The control socket of a process: one line of JSON asks, one line answers.

It is a file ``<directory>/<pid>.sock`` that only its owner can open, and whoever connects is asked
of the kernel again (``SO_PEERCRED``): the owner and root are answered, others are told why not. The
thread behind it waits in the kernel and costs nothing until somebody asks.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from onehttp.control.state_file import state_file
from onehttp.errors import ConfigurationError

logger = logging.getLogger("onehttp")
Command: TypeAlias = Callable[[Mapping[str, Any]], object]
"""Takes what the line says besides, and returns plain values, or raises `CommandError`."""
LONGEST_LINE: Final = 64 << 10
MOST_READ: Final = 1 << 20
PATIENCE_S: Final = 5.0
"""The time limit for reading a request and for writing its answer."""
LONGEST_PATH: Final = 107
_CREDENTIALS: Final = struct.Struct("3i")


class CommandError(Exception):
    """A command cannot be carried out; the message says why."""


class ControlSocket:
    """Answers commands until `close`, or the end of the process; a forked child has its own.

    Args:
        directory: made if missing, for its owner alone.

    Raises:
        ConfigurationError: others may write there, or no socket can be made there.
    """

    def __init__(self, directory: str | os.PathLike[str], commands: Mapping[str, Command]) -> None:
        self._directory = Path(directory).absolute()
        self._commands = commands
        self._is_closed = False
        self._open()
        os.register_at_fork(after_in_child=self._open_in_child)

    def _open(self) -> None:
        self._pid = os.getpid()
        self.path = self._directory / f"{self._pid}.sock"
        try:
            _make_private(self._directory)
            self._listener = _listening(self.path)
        except OSError as error:
            raise ConfigurationError(f"control: {self.path}: {error.strerror or error}") from None
        threading.Thread(
            target=self._serve, args=(self._listener,), name="onehttp-control", daemon=True
        ).start()

    def _open_in_child(self) -> None:
        if self._is_closed:
            return
        self._listener.close()
        try:
            self._open()
        except (ConfigurationError, RuntimeError) as error:
            logger.error("no control socket in this process: %s", error)

    def close(self) -> None:
        """Stop answering, and remove the file."""
        self._is_closed = True
        if os.getpid() != self._pid:
            return
        with contextlib.suppress(OSError):  # closed before, or broken: it is to be gone either way
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        state_file(self._directory, self._pid).unlink(missing_ok=True)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return  # closed
            threading.Thread(
                target=self._answer, args=(peer,), name="onehttp-control", daemon=True
            ).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(PATIENCE_S)
            try:
                self._send(peer, self._answer_of(peer))
            except OSError as error:
                logger.debug("the client of the control socket has gone: %s", error)

    def _answer_of(self, peer: socket.socket) -> dict[str, Any]:
        line = _line(peer)  # even if it is refused: unread bytes would cut the answer off
        user = peer_user(peer)
        if user not in (0, os.geteuid()):
            logger.warning("control socket: refused user %d", user)
            return {"error": f"refused: user {user} is neither the owner of this process nor root"}
        try:
            return {"answer": self._run(line)}
        except CommandError as error:
            return {"error": str(error)}
        except OSError:
            raise
        except Exception as error:
            logger.exception("a command of the control socket failed")
            return {"error": f"{type(error).__name__}: {error}"}

    def _run(self, line: bytes) -> object:
        if len(line) > LONGEST_LINE:
            raise CommandError("the line is too long")
        try:
            asked = json.loads(line)
        except ValueError:
            raise CommandError("expected one line of JSON") from None
        name = asked.get("command") if isinstance(asked, dict) else None
        command = self._commands.get(name) if isinstance(name, str) else None
        if command is None:
            raise CommandError(f"no such command; there are: {', '.join(self._commands)}")
        return command(asked)

    def _send(self, peer: socket.socket, answer: dict[str, Any]) -> None:
        peer.sendall(json.dumps({"pid": self._pid, **answer}, default=str).encode() + b"\n")


def peer_user(peer: socket.socket) -> int:
    """The user at the other end, according to the kernel."""
    found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(found)
    return int(user)


def _line(peer: socket.socket) -> bytes:
    """The first line that arrives; of one that is too long, only the beginning."""
    line, read = b"", 0
    while read < MOST_READ:
        more = peer.recv(4096)
        read += len(more)
        if len(line) <= LONGEST_LINE:
            line += more
        if not more or more.endswith(b"\n"):
            break
    return line


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid not in (0, os.geteuid()) or stat.S_IMODE(found.st_mode) & 0o022:
        raise ConfigurationError(
            f"control: {directory}: others may write there; make it a directory of the owner alone "
            "(mode 0700)"
        )


def _listening(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ConfigurationError(f"control: {path}: longer than the path of a socket may be")
    path.unlink(missing_ok=True)  # of a process of this number that was killed
    listener = socket.socket(socket.AF_UNIX)
    try:
        # Closed to others from its first moment on; the umask is the whole process's.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(os.fspath(path))
        path.chmod(0o600)
        listener.listen(16)
    except BaseException:
        listener.close()
        raise
    return listener
