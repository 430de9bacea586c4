"""HTTPS from a SIP worker of a server that has loaded its own TLS module, and uses it."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from servers.certificates import Authority
from servers.kamailio import inside as kamailio_inside
from servers.kamailio.inside import Inside
from servers.patience import PATIENCE_S
from servers.proxies import free_port
from servers.raw import RawServer, keep_answering

SCRIPT: Final = Path(__file__).with_name("https_script.py")
CALLS: Final = 100
"""Of each kind; the server's own modules bring it down before the twentieth."""
CONFIG: Final = """#!KAMAILIO
log_stderror=yes
children=1
tcp_children=1
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
loadmodule "app_python3.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{folder}/own.pem")
modparam("tls", "private_key", "{folder}/own.pem")
modparam("app_python3", "load", "{script}")
cfgengine "python"
"""


@pytest.fixture
def sip_over_tls() -> int:
    return free_port()


@pytest.fixture
def inside(debian: None, tmp_path: Path, sip_over_tls: int) -> Iterator[Inside]:
    if not kamailio_inside.same_python():
        pytest.skip("the server runs another Python, which finds nothing of this one")
    authority = Authority()
    issued = authority.issue("localhost", ["127.0.0.1", "localhost"])
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "own.pem").write_bytes(issued.pem + issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure(context, tmp_path)
    with RawServer(keep_answering, tls=context) as web:
        plain = {"url": web.url, "tls": {"ca_file": str(tmp_path / "ca.pem")}}
        connections = {
            "version": 1,
            "connections": {"kept": plain, "fresh": {**plain, "reuse": False}},
        }
        (tmp_path / "connections.yaml").write_text(json.dumps(connections))
        environment = {"TEST_CONNECTIONS": str(tmp_path / "connections.yaml")}
        with kamailio_inside.running(
            tmp_path, SCRIPT, environment, CONFIG, tls_port=sip_over_tls
        ) as running:
            yield running


def speak_tls(port: int, folder: Path) -> None:
    """A handshake with the server's own TLS."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        assert secure.version()


def test_calls_and_the_servers_own_tls_do_not_disturb_each_other(
    inside: Inside, tmp_path: Path, sip_over_tls: int
) -> None:
    for number in range(CALLS):
        for connection in ("kept", "fresh"):
            assert inside.ask(connection) == "200 ok", number
        if number % 10 == 0:
            speak_tls(sip_over_tls, tmp_path)
    assert inside.process.poll() is None
    assert "BUG" not in inside.log()
