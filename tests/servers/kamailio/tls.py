"""A Kamailio that speaks TLS itself, whose script calls an https service."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from servers.certificates import Authority
from servers.kamailio import inside as kamailio_inside
from servers.kamailio.inside import Inside
from servers.patience import PATIENCE_S
from servers.ports import free_port
from servers.raw import RawServer, keep_answering

CONFIG: Final = """#!KAMAILIO
log_stderror=yes
children=4
tcp_children=2
enable_tls=yes
dns=no
rev_dns=no
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tls:127.0.0.1:{tls_port}
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "tls.so"
{more}
loadmodule "app_python3.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{folder}/own.pem")
modparam("tls", "private_key", "{folder}/own.pem")
modparam("app_python3", "load", "{script}")
cfgengine "python"
"""


@contextmanager
def running(folder: Path, script: Path, more: str = "") -> Iterator[tuple[Inside, int]]:
    """The server and its port for SIP over TLS. ``TEST_CONNECTIONS`` has two connections to the
    service, ``kept`` and ``fresh``, and ``TEST_SERVICE`` its URL; ``folder/ca.pem`` vouches for
    both servers."""
    authority = Authority()
    issued = authority.issue("localhost", ["127.0.0.1", "localhost"])
    (folder / "ca.pem").write_bytes(authority.pem)
    (folder / "own.pem").write_bytes(issued.pem + issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure(context, folder)
    with RawServer(keep_answering, tls=context) as web:
        plain = {"url": web.url, "tls": {"ca_file": str(folder / "ca.pem")}}
        connections = {"kept": plain, "fresh": {**plain, "reuse": False}}
        file = folder / "connections.yaml"
        file.write_text(json.dumps({"version": 1, "connections": connections}))
        environment = {"TEST_CONNECTIONS": str(file), "TEST_SERVICE": web.url}
        tls_port = free_port()
        with kamailio_inside.running(
            folder, script, environment, CONFIG, tls_port=tls_port, more=more
        ) as inside:
            yield inside, tls_port


def speak_tls(port: int, folder: Path) -> None:
    """A handshake with the server's own TLS."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        assert secure.version()
