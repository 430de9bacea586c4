"""An exception at each line of what is done about names: it reaches its caller, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

import onehttp_backends.curl.names as package
from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.optional.naming import NameLimits
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer
from stand_ins.injection import Injector, Interrupt, Lines
from stand_ins.resolver import Resolver

FOLDER = (str(Path(package.__file__).parent),)


def moving(peer: Peer) -> None:
    """Leads by a redirect to another name, and answers there."""
    while request := peer.request():
        path = request.split(b" ", 2)[1]
        if path == b"/moved":
            location = b"Location: http://next.example:%d/next\r\n" % peer.server.port
            peer.send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + location + b"\r\n")
        else:
            peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + path)
            return


@pytest.mark.parametrize("max_redirects", [0, 1])
@pytest.mark.parametrize("reuse", [True, False])
def test_an_exception_at_any_line_ends_its_own_call_only(
    resolver: Resolver, max_redirects: int, reuse: bool
) -> None:
    options = TransferOptions(
        max_redirects=max_redirects,
        reuse=reuse,
        total_timeout_s=PATIENCE_S,
        connect_timeout_s=PATIENCE_S,
    )
    for host in ("first", "next", "other"):
        resolver.knows(f"{host}.example", "127.0.0.1")
    path = "/moved" if max_redirects else "/plain"
    expected = b"/next" if max_redirects else b"/plain"
    backend = PycurlBackend()
    with RawServer(moving) as server:

        def get(host: str, path: str) -> bytes:
            url = f"http://{host}.example:{server.port}{path}"
            return backend.perform(Request("GET", url, options=options)).body

        lines, is_over = Lines(), False
        while not is_over:
            backend.limit_names(NameLimits())
            injector = Injector(lines, FOLDER)
            body: bytes | None = None
            try:
                with injector.in_force():
                    body = get("first", path)
            except Interrupt:
                pass
            assert body in (None, expected), (injector.place, body)
            assert get("other", "/other") == b"/other", injector.place
            assert get("first", "/again") == b"/again", injector.place
            stats = backend.stats()
            assert stats.in_flight == 0, injector.place
            is_over = not injector.place
        assert len(lines) > 50
    backend.close()


def test_the_injector_hits_lines_of_the_package() -> None:
    injector = Injector(Lines(), FOLDER)
    with pytest.raises(Interrupt), injector.in_force():
        PycurlBackend().limit_names(NameLimits())
    assert injector.place
    assert isinstance(Response, type)
