"""Kamailio's presence module, which asks the XCAP table who may watch whom."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.kamailio.process import MODULES, started
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
alias="a.example"
mpath="{modules}/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "db_mysql.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("presence", "db_url", "mysql://root@localhost/{database}")
modparam("presence", "server_address", "sip:127.0.0.1:{port}")
modparam("presence_xml", "db_url", "mysql://root@localhost/{database}")
modparam("presence_xml", "force_active", 0)
modparam("presence_xml", "integrated_xcap_server", 1)
request_route {{
    if (method == "SUBSCRIBE") {{ handle_subscribe(); t_release(); }}
    exit;
}}
"""
RETRANSMIT_S = 0.5


class Presence:
    """A running server, and what it tells those who watch."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._numbers = itertools.count(1)

    def state(self, watcher: str, presentity: str) -> str:
        """``Subscription-State`` of the first NOTIFY that ``watcher`` gets: active, pending..."""
        number = next(self._numbers)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 0))
            client.settimeout(RETRANSMIT_S)
            own = f"127.0.0.1:{client.getsockname()[1]}"
            lines = [
                f"SUBSCRIBE {presentity} SIP/2.0",
                f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{number}",
                f"From: <{watcher}>;tag={number}",
                f"To: <{presentity}>",
                f"Call-ID: {number}@{own}",
                "CSeq: 1 SUBSCRIBE",
                f"Contact: <sip:{own}>",
                "Event: presence",
                "Expires: 600",
                "Max-Forwards: 70",
                "Content-Length: 0",
            ]
            request = ("\r\n".join(lines) + "\r\n\r\n").encode()
            client.sendto(request, ("127.0.0.1", self._port))
            for _ in range(int(PATIENCE_S / RETRANSMIT_S)):
                try:
                    said = client.recv(65535).decode()
                except TimeoutError:  # it may not listen yet
                    client.sendto(request, ("127.0.0.1", self._port))
                    continue
                if said.startswith("NOTIFY"):
                    client.sendto(_agreed(said), ("127.0.0.1", self._port))
                    return _value(said, "Subscription-State").partition(";")[0]
        raise TimeoutError(f"nothing about {presentity}")


@contextmanager
def running(folder: Path, mariadb_socket: Path, database: str) -> Iterator[Presence]:
    """Kamailio on the tables of ``database``, as its own scripts have made them."""
    port = free_udp_port()
    config = _CONFIG.format(port=port, modules=MODULES, database=database)
    environment = {"MYSQL_UNIX_PORT": str(mariadb_socket)}
    with started(folder, "presence", config, environment) as (_, log):
        try:
            yield Presence(port)
        except TimeoutError:
            raise AssertionError(f"no answer:\n{log.read_text()}") from None


def _agreed(request: str) -> bytes:
    """200 to a request."""
    names = ("Via", "From", "To", "Call-ID", "CSeq")
    lines = ["SIP/2.0 200 OK", *(f"{name}: {_value(request, name)}" for name in names)]
    return ("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode()


def _value(message: str, name: str) -> str:
    for line in message.split("\r\n"):
        if line.lower().startswith(f"{name.lower()}:"):
            return line.partition(":")[2].strip()
    raise AssertionError(f"no {name} in {message}")
