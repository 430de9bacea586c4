"""Link-local addresses name their interface in the URL (RFC 6874), and on no wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp_backends.contract import Backend, Request
from onehttp_backends.errors import RequestError
from servers.names import in_own_network

SCRIPT = """
from onehttp_backends.contract import Request
from onehttp_backends.registry import load
from servers.raw import OK

raise_loopback("fe80::1")
listener = socket.create_server(("::", 0), family=socket.AF_INET6)
port = listener.getsockname()[1]
received = []
def serve():
    while True:
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(4096))
            connection.sendall(OK)
threading.Thread(target=serve, daemon=True).start()
backend = load({engine!r})()
for zone in ("lo", "1"):
    response = backend.perform(Request("GET", f"http://[fe80::1%25{{zone}}]:{{port}}/x"))
    assert response.status == 200
    assert f"\\r\\nHost: [fe80::1]:{{port}}\\r\\n".encode() in received.pop(), received
"""


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_an_address_is_reached_by_its_interface(engine: str, tmp_path: Path) -> None:
    in_own_network(SCRIPT.format(engine=engine), tmp_path)


@pytest.mark.parametrize("host", ["[fe80::1%eth0]", "[fe80::1%]", "[fe80::1%25]", "a%25b"])
def test_a_zone_that_is_written_otherwise_is_refused(backend: Backend, host: str) -> None:
    with pytest.raises(RequestError) as caught:
        backend.perform(Request("GET", f"http://{host}/"))
    assert caught.value.code == 3
    assert ("%25ZONE" in str(caught.value)) is ("%25" not in host)
