"""Kamailio that runs a Python script for its routing logic, from its Debian packages."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from servers.kamailio.process import MODULES, started
from servers.kamailio.readiness import READY
from servers.patience import PATIENCE_S
from servers.ports import free_udp_port

_CONFIG = """#!KAMAILIO
log_stderror=yes
children=1
disable_tcp=yes
dns=no
rev_dns=no
auto_aliases=no
listen=udp:127.0.0.1:{port}
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "rtimer.so"
loadmodule "app_python3.so"
modparam("rtimer", "timer", "name=often;interval=100000u;mode=1;")
modparam("rtimer", "exec", "timer=often;route=often")
modparam("app_python3", "load", "{script}")
cfgengine "python"
"""


def same_python() -> bool:
    """Whether the server's Python can import what is installed for this one."""
    assert MODULES, "Kamailio is missing: make packages"
    wanted = f"libpython{sys.version_info[0]}.{sys.version_info[1]}.so".encode()
    return wanted in (MODULES / "app_python3.so").read_bytes()


class Inside:
    """A running server: what its script answers to a request."""

    def __init__(
        self, port: int, log_file: Path, process: subprocess.Popen[bytes], first_number: int = 0
    ) -> None:
        self.port = port
        self.process = process
        self.log_file = log_file
        self._number = first_number

    def ask(self, what: str, wait_s: float = PATIENCE_S) -> str:
        """The header ``X-Answer`` of the reply to ``OPTIONS sip:WHAT@...``."""
        self._number += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 0))
            client.settimeout(wait_s)
            own = f"127.0.0.1:{client.getsockname()[1]}"
            lines = [
                f"OPTIONS sip:{what}@127.0.0.1:{self.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{self._number}",
                f"From: <sip:test@{own}>;tag=1",
                f"To: <sip:{what}@127.0.0.1>",
                f"Call-ID: {self._number}@{own}",
                "CSeq: 1 OPTIONS",
                "Content-Length: 0",
            ]
            client.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), ("127.0.0.1", self.port))
            try:
                reply = client.recv(65535).decode()
            except TimeoutError:
                raise AssertionError(f"no answer to {what}:\n{self.log()}") from None
        for line in reply.split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "X-Answer":
                return value
        raise AssertionError(f"{reply}\n{self.log_file.read_text()}")

    def log(self) -> str:
        """What it has said so far."""
        return self.log_file.read_text(errors="replace")

    def has_said(self, text: str, times: int = 1) -> None:
        """Wait until it has, so often."""
        end = time.monotonic() + PATIENCE_S
        while self.log().count(text) < times:
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)

    def ask_until(self, what: str, wanted: str) -> str:
        """Ask again until it is that, or patience ends; the last answer."""
        end = time.monotonic() + PATIENCE_S
        while (answer := self.ask(what)) != wanted and time.monotonic() < end:
            pass
        return answer


@contextmanager
def running(
    folder: Path,
    script: Path,
    environment: Mapping[str, str],
    template: str = _CONFIG,
    shared_mib: int = 64,
    **values: object,
) -> Iterator[Inside]:
    """The server with its script; what is installed here is found there.

    Args:
        environment: what the server has besides; its ``PYTHONPATH`` comes before what is installed.
        template: its configuration, in which ``values`` are put as well.
    """
    port = free_udp_port()
    config = template.format(port=port, modules=MODULES, script=script, folder=folder, **values)
    # Not the standard library: the server has its own, of the same version.
    paths = [path for path in sys.path if path and not _is_of_python(path)]
    paths = [*environment.get("PYTHONPATH", "").split(os.pathsep), *paths]
    environment = {**environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with started(folder, "inside", config, environment, shared_mib=shared_mib, private_mib=8) as (
        process,
        log,
    ):
        inside = Inside(port, log, process)
        _wait(process, log, port)
        yield inside


def _is_of_python(path: str) -> bool:
    return "site-packages" not in path and Path(path).is_relative_to(sys.base_prefix)


def _wait(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    """Until the script says that its worker is there."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        if READY in log.read_text(errors="replace"):
            return
        time.sleep(0.02)
    raise AssertionError(f"Kamailio is not ready at {port}:\n{log.read_text(errors='replace')}")
