"""An XCAP server that is not ours: Kamailio's ``xcap_server``, from its Debian packages."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.kamailio.process import MODULES, started
from servers.patience import PATIENCE_S
from servers.ports import free_port

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


@contextmanager
def running(folder: Path, database: Path) -> Iterator[str]:
    """Kamailio with its table in ``database``; yields the URL of its XCAP root."""
    port = free_port()
    config = _CONFIG.format(port=port, modules=MODULES, database=database)
    with started(folder, "kamailio", config) as (process, log):
        _wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}/xcap-root"


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"Kamailio does not listen:\n{log.read_text()}")
