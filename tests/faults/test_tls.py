"""Rows 27 to 33: what goes wrong with certificates, keys and handshakes.

In each row a call to another server is served by the same engine meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

import onehttp
from onehttp_backends.certificates.pem import Pem
from onehttp_backends.certificates.x509 import pin_of_certificate
from onehttp_backends.contract import (
    Backend,
    Proxy,
    Request,
    Tls,
    TlsVersion,
    TransferOptions,
)
from onehttp_backends.errors import (
    DisconnectedError,
    Phase,
    Sent,
    TimeoutError,
    TLSError,
    TransferError,
)
from onehttp_backends.registry import load
from servers.certificates import Authority
from servers.identities import (
    client_identity,
    common_name,
    mutual_context,
)
from servers.nginx import resuming
from servers.proxies import tunnel
from servers.raw import OK, Peer, RawServer, keep_answering, silent


@pytest.fixture
def backend(engine: str) -> Iterator[Backend]:
    made = load(engine)()
    yield made
    made.close()


@pytest.fixture
def neighbour() -> Iterator[RawServer]:
    with RawServer(keep_answering) as server:
        yield server


@pytest.fixture
def failure(
    backend: Backend, neighbour: RawServer
) -> Callable[[str, TransferOptions], TransferError]:
    """What a call ends with, while another is served."""

    def ask(url: str, options: TransferOptions, method: str = "POST") -> TransferError:
        body = None if method == "GET" else b"once"
        with pytest.raises(TransferError) as caught:
            backend.perform(Request(method, url, body=body, options=options))
        assert backend.perform(Request("GET", neighbour.url)).status == 200
        return caught.value

    return ask


def refused(error: TransferError, code: int) -> None:
    assert isinstance(error, TLSError), error
    assert (error.code, error.sent, error.phase) == (code, Sent.NO, Phase.TLS)


@pytest.fixture
def issuer() -> Authority:
    return Authority()


def showing(issuer: Authority, folder: Path, *names: str, expired_days: int = 0) -> RawServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue("server", names, expired_days).configure(context, folder)
    return RawServer(keep_answering, context)


def connections(
    url: str, tls: dict[str, object], spare: str, **more: object
) -> dict[str, dict[str, object]]:
    return {
        "api": {"url": url, "tls": tls, "retry": 3, "failover": "spare", **more},
        "spare": {"url": spare},
    }


WRONG = {
    "expired": (["127.0.0.1"], 1, "expired"),
    "of another host": (["other.example"], 0, "127.0.0.1"),
    "of an unknown authority": (["127.0.0.1"], 0, "issuer"),
    "revoked": (["127.0.0.1"], 0, "revoked"),
}


@pytest.mark.parametrize("what", WRONG)
def test_27_a_certificate_that_is_not_believed_ends_the_call_and_says_why(
    issuer: Authority,
    neighbour: RawServer,
    tmp_path: Path,
    engine: str,
    what: str,
) -> None:
    names, expired_days, word = WRONG[what]
    issued = issuer.issue("server", names, expired_days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure(context, tmp_path)
    trusted = Authority("Another") if what == "of an unknown authority" else issuer
    (tmp_path / "ca.pem").write_bytes(trusted.pem)
    tls: dict[str, object] = {"ca_file": str(tmp_path / "ca.pem")}
    if what == "revoked":
        (tmp_path / "crl.pem").write_bytes(issuer.revoking(issued))
        tls["crl_file"] = str(tmp_path / "crl.pem")
    with RawServer(keep_answering, context) as server:
        known = connections(server.url, tls, neighbour.url)
        onehttp.init({"version": 1, "connections": known}, backend=engine)
        for method in ("GET", "POST"):
            before = server.connections
            with pytest.raises(TLSError) as caught:
                onehttp.connection("api").request(method, "/")
            refused(caught.value, 60)
            assert word in caught.value.message
            assert "api" in caught.value.message
            # Neither again nor elsewhere: somebody may be in between.
            assert server.connections == before + 1
        assert neighbour.requests == []
        told = connections(server.url, tls, neighbour.url, retry={"attempts": 2, "errors": ["tls"]})
        onehttp.reload({"version": 1, "connections": told})
        assert onehttp.connection("api").get().url.startswith(neighbour.url)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_28_a_client_certificate_that_is_wanted_is_asked_for_by_the_connections_name(
    authority: trustme.CA,
    ca_file: Path,
    neighbour: RawServer,
    engine: str,
    version: ssl.TLSVersion,
) -> None:
    with RawServer(keep_answering, mutual_context(authority, version=version)) as server:
        known = connections(server.url, {"ca_file": str(ca_file)}, neighbour.url)
        onehttp.init({"version": 1, "connections": known}, backend=engine)
        for method in ("GET", "POST"):
            before = server.connections
            with pytest.raises(TLSError, match="'api'") as caught:
                onehttp.connection("api").request(method, "/")
            assert (caught.value.sent, caught.value.phase) == (Sent.NO, Phase.TLS)
            assert server.connections == before + 1
        assert neighbour.requests == []


def test_29_files_that_do_not_fit_or_are_not_there(
    failure: Callable[..., TransferError],
    authority: trustme.CA,
    ca_file: Path,
    tls_server_context: ssl.SSLContext,
    tmp_path: Path,
    engine: str,
) -> None:
    client = client_identity(authority, "a")
    client.write(tmp_path)
    (tmp_path / "other.pem").write_bytes(client_identity(authority, "b").key)
    with RawServer(keep_answering, tls_server_context) as server:
        for cert, key, ca, code in (
            ("cert.pem", "other.pem", ca_file, 58),
            ("gone.pem", "key.pem", ca_file, 58),
            ("cert.pem", "gone.pem", ca_file, 58),
            ("cert.pem", "key.pem", tmp_path / "gone.pem", 77),
        ):
            files = {"cert": str(tmp_path / cert), "key": str(tmp_path / key), "ca_file": str(ca)}
            with pytest.raises(onehttp.ConfigurationError, match=r"(other|gone)\.pem"):
                onehttp.init(
                    {"version": 1, "connections": {"api": {"url": server.url, "tls": files}}},
                    backend=engine,
                )
            tls = Tls(cert_file=files["cert"], key_file=files["key"], ca_file=files["ca_file"])
            error = failure(server.url, TransferOptions(tls=tls))
            assert isinstance(error, TLSError)
            assert (error.code, error.sent) == (code, Sent.NO)
        assert server.requests == []


def test_30_a_handshake_that_nobody_answers(
    failure: Callable[..., TransferError],
) -> None:
    with RawServer(silent) as server:
        url = f"https://127.0.0.1:{server.port}/"
        error = failure(url, TransferOptions(total_timeout_s=1.0))
    assert isinstance(error, TimeoutError)
    assert (error.code, error.sent, error.phase) == (28, Sent.NO, Phase.TLS)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_31_what_is_no_tls_or_a_broken_version_of_it(
    failure: Callable[..., TransferError], authority: trustme.CA, trusting: TransferOptions
) -> None:
    def plain(peer: Peer) -> None:
        peer.socket.recv(1)
        peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        peer.wait_for_close()

    with RawServer(plain) as server:
        refused(failure(f"https://127.0.0.1:{server.port}/", trusting), 35)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    with RawServer(keep_answering, context) as server:
        refused(failure(server.url, trusting), 35)


def test_32_a_body_that_tls_does_not_end(
    failure: Callable[..., TransferError],
    tls_server_context: ssl.SSLContext,
    trusting: TransferOptions,
) -> None:
    def cut(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")
        peer.socket.shutdown(socket.SHUT_RDWR)

    with RawServer(cut, tls_server_context) as server:
        error = failure(server.url, trusting, "GET")
    assert type(error) is DisconnectedError
    assert (error.code, error.sent, error.phase) == (56, Sent.YES, Phase.BODY)


def pairs(authority: trustme.CA, server_pin: str) -> dict[str, tuple[Tls, Tls]]:
    """Two each that differ in one thing."""
    usual = Tls(ca_pem=Pem(authority.cert_pem.bytes()))
    one, other = (client_identity(authority, name) for name in ("one", "other"))
    shown = dataclasses.replace(usual, cert_pem=Pem(one.cert), key_pem=Pem(one.key))
    stranger = Pem(trustme.CA().cert_pem.bytes())
    both = Pem(authority.cert_pem.bytes() + stranger.content)

    def changed(of: Tls, **fields: object) -> tuple[Tls, Tls]:
        return of, dataclasses.replace(of, **fields)  # type: ignore[arg-type]

    return {
        "no certificate": (usual, shown),
        "certificate and key": changed(shown, cert_pem=Pem(other.cert), key_pem=Pem(other.key)),
        "authorities": changed(usual, ca_pem=both),
        "a large bundle": changed(usual, ca_pem=Pem(both.content + b"#" * 20_000)),
        "the authority, and none is asked": changed(usual, ca_pem=stranger, verify_peer=False),
        "whether the server is verified": changed(usual, verify_peer=False, verify_host=False),
        "whether its name is": changed(usual, verify_host=False),
        "a pin": changed(usual, pinned_public_key=server_pin),
        "versions": changed(usual, max_version=TlsVersion.TLS_1_2),
        "curves": changed(usual, curves="P-256"),
    }


PAIRS = list(pairs(trustme.CA(), ""))


@pytest.mark.parametrize("what", PAIRS)
def test_33_what_differs_in_one_thing_shares_no_connection(
    backend: Backend, authority: trustme.CA, neighbour: RawServer, what: str
) -> None:
    seen: list[tuple[int, str]] = []

    def note(peer: Peer) -> None:
        assert isinstance(peer.socket, ssl.SSLSocket)
        while peer.request():
            seen.append((peer.number, common_name(peer.socket)))
            peer.send(OK)

    with RawServer(note, mutual_context(authority, is_required=False)) as server:
        shown = ssl.get_server_certificate(("127.0.0.1", server.port))
        pin = pin_of_certificate(ssl.PEM_cert_to_DER_cert(shown))
        one, other = (TransferOptions(tls=tls) for tls in pairs(authority, pin)[what])
        for options in (one, other, one, other):
            assert backend.perform(Request("GET", server.url, options=options)).status == 200
            assert backend.perform(Request("GET", neighbour.url)).status == 200
    (first, second), again = seen[:2], seen[2:]
    assert first[0] != second[0]
    assert again == [first, second]


@pytest.mark.usefixtures("debian")
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("verifies", [True, False])
@pytest.mark.parametrize("form", ["content", "path"])
def test_33_what_differs_in_one_thing_resumes_no_session_of_the_other(
    authority: trustme.CA, tmp_path: Path, form: str, version: str, verifies: bool
) -> None:
    """nginx tells who its client is by the session: on a resumed one it asks for nothing."""
    backend = load("pycurl")()
    usual = Tls(ca_pem=Pem(authority.cert_pem.bytes()), verify_peer=verifies, verify_host=verifies)
    each = []
    for name in ("one", "other"):
        client = client_identity(authority, name)
        tls = dataclasses.replace(usual, cert_pem=Pem(client.cert), key_pem=Pem(client.key))
        if form == "path":
            (tmp_path / name).mkdir()
            client.write(tmp_path / name)
            files = (str(tmp_path / name / file) for file in ("cert.pem", "key.pem"))
            tls = dataclasses.replace(usual, cert_file=next(files), key_file=next(files))
        each.append(TransferOptions(tls=tls, reuse=False))
    with resuming(authority, tmp_path, version) as url:
        told = [
            backend.perform(Request("GET", url, options=options)).text.split("|")
            for options in each * 3
        ]
    names = [dict(part.split("=", 1) for part in name.split(","))["CN"] for name, _ in told]
    assert names == ["one", "other"] * 3
    if form == "path":  # by content libcurl 8.23 resumes none, where a client shows a certificate
        assert [is_resumed for _, is_resumed in told][2:] == ["r"] * 4
    backend.close()


def test_33_tunnels_with_other_identities_behind_them_are_not_shared(
    backend: Backend, authority: trustme.CA
) -> None:
    seen: list[str] = []

    def note(peer: Peer) -> None:
        assert isinstance(peer.socket, ssl.SSLSocket)
        while peer.request():
            seen.append(common_name(peer.socket))
            peer.send(OK)

    usual = Tls(ca_pem=Pem(authority.cert_pem.bytes()))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RawServer(note, mutual_context(authority)))
        proxy = Proxy(url=stack.enter_context(RawServer(tunnel)).url)
        each = []
        for name in ("one", "other"):
            client = client_identity(authority, name)
            tls = dataclasses.replace(usual, cert_pem=Pem(client.cert), key_pem=Pem(client.key))
            each.append(TransferOptions(tls=tls, proxy=proxy))
        for options in each * 2:
            assert backend.perform(Request("GET", server.url, options=options)).status == 200
    assert seen == ["one", "other"] * 2
