"""An XCAP server that is not ours: Kamailio's ``xcap_server``, from its Debian packages."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.patience import PATIENCE_S

_MODULES = next(iter(Path("/usr/lib").glob("*/kamailio/modules")), None)
_CONFIG = """#!KAMAILIO
log_stderror=yes
children=1
tcp_children=1
tcp_accept_no_cl=yes
listen=tcp:127.0.0.1:{port}
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "db_sqlite.so"
loadmodule "xhttp.so"
loadmodule "xcap_server.so"
modparam("xcap_server", "db_url", "sqlite:///{database}")
modparam("xcap_server", "xcap_root", "/xcap-root/")
request_route {{ exit; }}
event_route[xhttp:request] {{
    $xcapuri(u=>data) = $hu;
    $var(user) = $xcapuri(u=>xuid);
    switch($rm) {{
        case "PUT": xcaps_put("$var(user)", "$hu", "$rb"); break;
        case "GET": xcaps_get("$var(user)", "$hu"); break;
        case "DELETE": xcaps_del("$var(user)", "$hu"); break;
    }}
}}
"""
START_S = 20


@contextmanager
def running(folder: Path, database: Path) -> Iterator[str]:
    """Kamailio with its table in ``database``; yields the URL of its XCAP root."""
    assert _MODULES, "Kamailio is missing: make packages"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config, log = folder / "kamailio.cfg", folder / "kamailio.log"
    config.write_text(_CONFIG.format(port=port, modules=_MODULES, database=database))
    command: list[str | Path] = [
        "kamailio",
        "-DD",
        "-E",
        "-f",
        config,
        "-Y",
        folder,
        "-m",
        "16",
        "-M",
        "4",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "-P", folder / "pid"], stderr=output, stdout=output)
    try:
        _wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}/xcap-root"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"Kamailio does not listen:\n{log.read_text()}")
