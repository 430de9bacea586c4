"""Copies of sockets behind their handshakes: for as long as a first answer takes, and no longer."""

from __future__ import annotations

import os
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from onehttp_backends.certificates.refusal import HandshakeEnd
from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import TransferError
from servers.identities import mutual_context
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer, keep_answering
from stand_ins import processes


def sockets() -> set[str]:
    """Those that this process has descriptors of, each as often as it has."""
    found = (os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if entry.is_symlink())
    return {name for name in found if name.startswith("socket:")}


def descriptors(of: str) -> int:
    links = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{entry}"))
        except FileNotFoundError:  # that of the listing
            continue
    return links.count(of)


def test_a_kept_connection_has_one_descriptor(
    tls_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    engine = PycurlBackend()
    with RawServer(keep_answering, tls_server_context) as server:
        before = sockets()
        engine.perform(Request("GET", server.url, options=trusting))
        ours = [name for name in sockets() - before if descriptors(name)]
        assert engine.stats().connections_open == 1
        assert all(descriptors(name) == 1 for name in ours)
        engine.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_refused_ones_do_not_gather(
    authority: trustme.CA, trusting: TransferOptions, version: ssl.TLSVersion
) -> None:
    engine = PycurlBackend()
    with RawServer(keep_answering, mutual_context(authority, version=version)) as server:
        for _ in range(20):
            with pytest.raises(TransferError):
                engine.perform(Request("GET", server.url, options=trusting))
        # libcurl lets go of the last when it looks at it again.
        assert engine.stats().connections_open <= 1
    engine.close()


def test_a_connection_ends_though_a_child_lives_on(
    tls_server_context: ssl.SSLContext, ca_file: Path
) -> None:
    """A child that kept a copy of a socket would keep its server from hearing of the end."""
    has_asked, has_ended = threading.Event(), threading.Event()

    def hold(peer: Peer) -> None:
        peer.request()
        has_asked.set()
        try:
            peer.wait_for_close()
        finally:
            has_ended.set()

    def tell(peer: Peer) -> None:
        """Answers when what is asked for has happened."""
        event = has_ended if b"/ended" in peer.request() else has_asked
        assert event.wait(PATIENCE_S)
        peer.send(OK)

    script = """
        import os, sys
        from onehttp_backends.contract import Request, Tls, TransferOptions
        from onehttp_backends.curl import PycurlBackend
        held, teller, ca = sys.argv[1:]
        backend = PycurlBackend()
        options = TransferOptions(tls=Tls(ca_file=ca))
        transfer = backend.submit(Request("GET", held, options=options), lambda outcome: None)
        backend.perform(Request("GET", teller + "/asked"))
        ours, its = os.pipe()
        if os.fork() == 0:
            os.close(its)
            os.read(ours, 1)
            os._exit(0)
        transfer.cancel()
        backend.close()
        # The server hears of the end while the child lives; that ends with its parent.
        PycurlBackend().perform(Request("GET", teller + "/ended"))
        os._exit(0)
    """
    with RawServer(hold, tls_server_context) as server, RawServer(tell) as teller:
        assert processes.output(script, server.url, teller.url, str(ca_file)) == ""


def test_what_is_no_descriptor_leaves_nothing_behind() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        HandshakeEnd(1_000_000)
