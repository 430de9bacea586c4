"""A Kamailio process on loopback: its configuration, start and end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from onehttp import OnehttpError

MODULES: Final = (
    "kex", "corex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "textops", "textopsx", "siputils",
    "xlog", "sanity", "nathelper", "htable", "auth", "ipops", "sdpops", "uac", "path", "diversion",
    "cfgutils", "kemix", "statistics", "counters", "usrloc", "registrar", "stun", "crypto", "uuid",
    "json", "jansson", "regex", "tmrec", "pike", "ratelimit", "pv_headers", "dialog",
    "mqueue",
)  # fmt: skip
"""The modules for a script without a configuration: all that start without a database."""
QUIET: Final = {"pv_headers": ['modparam("pv_headers", "auto_msg", 0)']}
"""Without this setting the module splits every message into its headers, and marks that by a branch
flag, `$bf`."""
_TM_LISTS: Final = {"contacts_avp": 901, "contact_flows_avp": 902}
PATIENT: Final = dict.fromkeys(("fr_timer", "fr_inv_timer", "wt_timer"), 120_000) | dict.fromkeys(
    ("retr_timer1", "retr_timer2"), 60_000
)
"""Milliseconds. Replies may arrive later here than in the capture. With these timers the server
does not repeat messages, forget transactions or give them up meanwhile."""
START_S: Final = 60.0
STOP_S: Final = 10.0
_SHOWN_LINES: Final = 12
_table = re.compile(rb"""\$sht[a-z]*\((\w+)=>|sht_\w+\(\s*["'](\w+)["']""")
_queue = re.compile(rb"""\bmq_\w+\(\s*["'](\w+)["']|\$mq(?:k|v|_size)\((\w+)\)""")
_failed_module = re.compile(r"Error while initializing module (\w+)|init_mod\(\): .*module (\w+)")

CONFIG: Final = """#!KAMAILIO
debug={level}
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
server_signature=no
listen=udp:127.0.0.1:{port}
{aliases}
{settings}
{modules}
{parameters}
modparam("tm", "event_callback", "onehttp_local_request")
modparam("app_python3", "load", "{script}")
cfgengine "python"
"""


class RealServerError(OnehttpError, RuntimeError):
    """No Kamailio could be run. The message ends with the server's output."""


@dataclass(slots=True)
class RealServer:
    """A Kamailio process and its settings.

    Args:
        folder: the folder for its files.
        modules: the modules to load; those that do not start by themselves are left out.
        parameters: ``modparam`` lines, by module.
        aliases: host names of the server itself.
    """

    folder: Path
    environment: dict[str, str]
    modules: list[str] = field(default_factory=lambda: list(MODULES))
    parameters: dict[str, list[str]] = field(default_factory=dict)
    aliases: Iterable[str] = ()
    settings: Iterable[str] = ()
    """Further lines of the configuration, before its modules."""
    level: int = 1
    port: int = 0
    left_out: list[str] = field(default_factory=list)
    """Modules that are installed and did not start."""
    loaded: list[str] = field(default_factory=list)
    version: str = ""
    _process: subprocess.Popen[bytes] | None = None

    def start(self, is_ready: Callable[[int], bool]) -> None:
        """Start the server, and wait until ``is_ready(port)``.

        Raises:
            RealServerError: it does not start.
        """
        binary, folder = find_server()
        wanted = [name for name in self.modules if (folder / f"{name}.so").exists()]
        if not (folder / "app_python3.so").exists():
            raise RealServerError(f"no app_python3.so in {folder}: {INSTALL}")
        while True:
            failed = self._try(binary, wanted, is_ready)
            if failed is None:
                self.loaded, self.version = wanted, _version(binary)
                return
            if failed not in wanted:
                raise RealServerError(f"Kamailio does not start:\n{self.log_tail()}")
            wanted.remove(failed)
            self.left_out.append(failed)

    def stop(self) -> None:
        """Stop the server and all processes that it has started."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S)
        # If only the main process is killed, its children keep the port.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self._process = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log_tail(self) -> str:
        """Return the last errors in its log."""
        text = (self.folder / "kamailio.log").read_text("utf-8", "replace")
        told = [line for line in text.splitlines() if "ERROR" in line or "CRITICAL" in line]
        return "\n".join((told or text.splitlines())[-_SHOWN_LINES:])

    def _try(self, binary: Path, modules: list[str], is_ready: Callable[[int], bool]) -> str | None:
        """Return None if it runs, or the module that does not start, or an empty text."""
        self.port = free_port()
        config = self.folder / "kamailio.cfg"
        config.write_text(self._config(modules))
        log = (self.folder / "kamailio.log").open("wb")
        command: list[str | Path] = [
            binary, "-f", config, "-DD", "-E", "-m", "512", "-M", "16", "-w", self.folder,
            "-Y", self.folder, "-P", self.folder / "pid",
        ]  # fmt: skip
        # A fixed PATH, because the embedded interpreter finds its home from the first python3 in
        # it.
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment}
        self._process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
            env=environment, start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
        log.close()
        end = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < end:
            if is_ready(self.port):
                return None
        if self.is_running:
            self.stop()
            raise RealServerError(f"Kamailio does not answer:\n{self.log_tail()}")
        found = _failed_module.search((self.folder / "kamailio.log").read_text("utf-8", "replace"))
        self.stop()
        return (found[1] or found[2]) if found else ""

    def _config(self, modules: list[str]) -> str:
        loaded = [*modules, "app_python3"]
        return CONFIG.format(
            level=self.level,
            port=self.port,
            aliases="\n".join(f'alias="{host}"' for host in self.aliases),
            settings="\n".join(self.settings),
            modules="\n".join(f'loadmodule "{name}.so"' for name in loaded),
            parameters="\n".join(
                line for name in modules for line in self.parameters.get(name, [])
            ),
            script=self.folder / "script.py",
        )


INSTALL: Final = "apt-get install kamailio kamailio-python3-modules"


def find_server() -> tuple[Path, Path]:
    """Return the binary and its folder of modules.

    Raises:
        RealServerError: there is none.
    """
    found = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    folders = [*Path("/usr/lib").glob("*/kamailio/modules"),
               *Path("/usr/local").glob("lib*/kamailio/modules")]  # fmt: skip
    if found is None or not folders:
        raise RealServerError(f"no Kamailio on this machine: {INSTALL}")
    return Path(found), folders[0]


def _version(binary: Path) -> str:
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=False).stdout
    return "Kamailio " + (said.split()[2] if len(said.split()) > 2 else "")


def free_port() -> int:
    """Return a UDP port of loopback that is not in use, because the server would share one that
    is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    # If this process is killed, the server must end, too. 1 is PR_SET_PDEATHSIG.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def needed_parameters(path: Path) -> dict[str, list[str]]:
    """Return the ``modparam`` lines that the script needs: the tables and queues that it names."""
    text = b"".join(file.read_bytes() for file in path.parent.glob("*.py"))
    tables = {(one or other).decode() for one, other in _table.findall(text)}
    queues = {(one or other).decode() for one, other in _queue.findall(text)}
    return {
        "mqueue": [f'modparam("mqueue", "mqueue", "name={name}")' for name in sorted(queues)],
        "htable": [f'modparam("htable", "htable", "{name}=>size=8;")' for name in sorted(tables)],
        "usrloc": ['modparam("usrloc", "preload", "location")'],
        "tm": [
            *(f'modparam("tm", "{name}", "i:{number}")' for name, number in _TM_LISTS.items()),
            *(
                f'modparam("tm", "{name}", {milliseconds})'
                for name, milliseconds in PATIENT.items()
            ),
        ],
        "cfgutils": ['modparam("cfgutils", "lock_set_size", 4)'],
    }
