"""Rows 34, 79 and 80: inside the real server, and as its scripts are loaded."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from conftest import server_context
from servers.kamailio import inside as kamailio_inside
from servers.ports import free_port
from servers.raw import RawServer, keep_answering
from stand_ins import processes

SCRIPT = Path(__file__).with_name("script.py")
OVER_TLS = """#!KAMAILIO
log_stderror=yes
children=1
dns=no
rev_dns=no
auto_aliases=no
enable_tls=yes
tcp_children=1
listen=udp:127.0.0.1:{port}
listen=tls:127.0.0.1:{tls_port}
mpath="{modules}/"
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "app_python3.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{folder}/sip.pem")
modparam("tls", "private_key", "{folder}/sip.pem")
modparam("app_python3", "load", "{script}")
cfgengine "python"
"""


@pytest.fixture
def folder(same_python: None, tmp_path: Path) -> Path:
    return tmp_path


@contextlib.contextmanager
def over_tls(port: int) -> Iterator[ssl.SSLSocket]:
    """A SIP client over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 60) as plain,
        context.wrap_socket(plain) as client,
    ):
        yield client


def options(number: int, what: str) -> bytes:
    lines = [
        f"OPTIONS sip:{what}@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK{number}",
        "From: <sip:test@127.0.0.1>;tag=1",
        "To: <sip:test@127.0.0.1>",
        f"Call-ID: tls{number}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_34_sip_over_tls_beside_calls_over_tls(
    folder: Path, authority: trustme.CA, ca_file: Path
) -> None:
    """Both TLS libraries in one process: neither finds an error of the other's."""
    issued = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    issued.write_to_path(folder / "sip.pem")
    tls_port = free_port()
    with RawServer(keep_answering, server_context(authority, "127.0.0.1")) as server:
        environment = {"TEST_URL": server.url, "TEST_CA": str(ca_file)}
        with kamailio_inside.running(
            folder, SCRIPT, environment, OVER_TLS, tls_port=tls_port
        ) as inside:
            for number in range(10):
                assert inside.ask("many") == "100"
                with over_tls(tls_port) as client:
                    for each in range(2):
                        client.sendall(options(10 * number + each, "call"))
                        assert b"X-Answer: 200" in client.recv(65535)
            log = inside.log()
    assert "ERROR" not in log, log
    assert "CRITICAL" not in log, log


def test_79_a_worker_that_holds_the_interpreter_while_it_is_idle(folder: Path) -> None:
    """Its threads stand still with it; what has come meanwhile is there at its next message."""
    with (
        RawServer(keep_answering) as server,
        kamailio_inside.running(folder, SCRIPT, {"TEST_URL": server.url}) as inside,
    ):
        assert inside.ask("call") == "200"
        assert inside.ask("submit") == "submitted"
        assert inside.ask_until("seen", "[True]") == "[True]"
        assert inside.ask("many") == "100"


def test_80_two_scripts_and_a_second_import(engine: str) -> None:
    """One process, one engine, one set of handlers for forks; the second asks for the same."""
    processes.output(
        f"""
import os, runpy, sys, tempfile
registered = []
real = os.register_at_fork
def noted(**handlers):
    registered.append(handlers)
    real(**handlers)
os.register_at_fork = noted
from servers.raw import RawServer, keep_answering
from stand_ins.processes import child
with RawServer(keep_answering) as server, tempfile.TemporaryDirectory() as folder:
    script = os.path.join(folder, "script.py")
    with open(script, "w") as file:
        file.write(f'''
import onehttp
onehttp.init(backend={engine!r})
assert onehttp.request("GET", {{server.url!r}}).status == 200
''')
    runpy.run_path(script)
    once = len([each for each in registered if "onehttp" in str(each)])
    for _ in range(3):
        runpy.run_path(script)
    again = len([each for each in registered if "onehttp" in str(each)])
    assert again == once > 0, registered
    assert child(lambda: runpy.run_path(script)) == 0
"""
    )
