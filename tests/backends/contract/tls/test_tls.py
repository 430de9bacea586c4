"""Who a server is, who its client is, and whether an answer is whole."""

from __future__ import annotations

import dataclasses
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from onehttp_backends.certificates.pem import Pem
from onehttp_backends.certificates.x509 import pin_of_certificate
from onehttp_backends.contract import Backend, HttpVersion, Request, Tls, TransferOptions
from onehttp_backends.errors import (
    ClientCertificateError,
    DisconnectedError,
    Phase,
    Sent,
    TLSError,
    TransferError,
)
from servers.certificates import Authority
from servers.identities import client_identity, mutual_context
from servers.raw import Peer, RawServer, keep_answering


def failure(backend: Backend, request: Request) -> TransferError:
    with pytest.raises(TransferError) as caught:
        backend.perform(request)
    return caught.value


BODIES = {"GET": None, "POST": b"x", "PUT": b"x" * 1_000_000}


@pytest.mark.parametrize("method", BODIES)
@pytest.mark.parametrize("shown", ["none", "a stranger's"])
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_a_client_certificate_is_refused_alike_by_every_version_of_tls(
    backend: Backend,
    authority: trustme.CA,
    ca_file: Path,
    alpn: str,
    version: str,
    shown: str,
    method: str,
) -> None:
    context = mutual_context(authority, version=ssl.TLSVersion[version])
    context.set_alpn_protocols([alpn])
    tls = Tls(ca_file=str(ca_file))
    if shown != "none":
        stranger = client_identity(trustme.CA(), "stranger")
        tls = dataclasses.replace(tls, cert_pem=Pem(stranger.cert), key_pem=Pem(stranger.key))
    options = TransferOptions(tls=tls, name="billing")
    with RawServer(keep_answering, context) as server:
        for number in range(1, 4):
            request = Request(method, server.url, body=BODIES[method], options=options)
            error = failure(backend, request)
            assert isinstance(error, TLSError)
            assert (error.sent, error.phase) == (Sent.NO, Phase.TLS)
            assert "billing" in error.message
            if version == "TLSv1_3":
                assert type(error) is ClientCertificateError
            assert server.connections in range(number, number + 2 if alpn == "h2" else number + 1)
        assert server.requests == []


def test_a_reset_after_the_handshake_is_no_refusal(
    backend: Backend, tls_server_context: ssl.SSLContext, trusting: TransferOptions
) -> None:
    def reset(peer: Peer) -> None:
        peer.request()
        peer.reset()

    with RawServer(reset, tls_server_context) as server:
        error = failure(backend, Request("POST", server.url, body=b"x", options=trusting))
    assert type(error) is DisconnectedError
    assert error.sent is Sent.MAYBE


@pytest.fixture
def issuer() -> Authority:
    return Authority()


def server_of(issuer: Authority, folder: Path, *names: str) -> RawServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue("localhost", names).configure(context, folder)
    return RawServer(keep_answering, context)


def test_a_certificate_that_names_its_host_as_browsers_want_it_is_believed(
    backend: Backend, issuer: Authority, tmp_path: Path
) -> None:
    options = TransferOptions(tls=Tls(ca_pem=Pem(issuer.pem)))
    with server_of(issuer, tmp_path, "localhost", "127.0.0.1") as server:
        for host in ("localhost", "127.0.0.1"):
            url = f"https://{host}:{server.port}"
            assert backend.perform(Request("GET", url, options=options)).status == 200


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_common_name_is_no_name_of_a_host(
    backend: Backend, issuer: Authority, tmp_path: Path, version: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    issuer.issue("localhost").configure(context, tmp_path)
    strict = TransferOptions(tls=Tls(ca_pem=Pem(issuer.pem)))
    as_libcurl = dataclasses.replace(strict, as_libcurl=True)
    with RawServer(keep_answering, context) as server:
        request = Request("GET", f"https://localhost:{server.port}", options=strict)
        # Neither by a kept connection nor by a resumed session does one come through.
        for _ in range(3):
            error = failure(backend, request)
            assert type(error) is TLSError
            assert (error.code, error.sent, error.phase) == (60, Sent.NO, Phase.TLS)
            assert backend.perform(request._replace(options=as_libcurl)).status == 200
        assert len(server.requests) == 3
        new = dataclasses.replace(strict, reuse=False)
        assert type(failure(backend, request._replace(options=new))) is TLSError
        unchecked = dataclasses.replace(
            strict, tls=dataclasses.replace(strict.tls, verify_host=False)
        )
        assert backend.perform(request._replace(options=unchecked)).status == 200


def test_a_server_whose_certificate_was_mended_is_believed(
    backend: Backend, issuer: Authority, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue("localhost").configure(context, tmp_path)
    options = TransferOptions(tls=Tls(ca_pem=Pem(issuer.pem)))
    with RawServer(keep_answering, context) as server:
        request = Request("GET", f"https://localhost:{server.port}", options=options)
        assert type(failure(backend, request)) is TLSError
        issuer.issue("localhost", ["localhost"]).configure(context, tmp_path)
        assert backend.perform(request).status == 200


@pytest.mark.parametrize("verifies", [True, False])
def test_a_server_with_another_key_than_the_pinned_one_is_refused(
    backend: Backend,
    authority: trustme.CA,
    tls_server_context: ssl.SSLContext,
    ca_file: Path,
    tmp_path: Path,
    verifies: bool,
) -> None:
    with RawServer(keep_answering, tls_server_context) as server:
        shown = ssl.get_server_certificate(("127.0.0.1", server.port))
        certificate = x509.load_pem_x509_certificate(shown.encode())
        right = pin_of_certificate(certificate.public_bytes(Encoding.DER))
        other = authority.issue_cert("other.example").cert_chain_pems[0].bytes()
        wrong = pin_of_certificate(ssl.PEM_cert_to_DER_cert(other.decode()))
        key_file = tmp_path / "key.pem"
        key_file.write_bytes(
            certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

        def asked(pin: str) -> Request:
            tls = Tls(
                ca_file=str(ca_file),
                verify_peer=verifies,
                verify_host=verifies,
                pinned_public_key=pin,
            )
            return Request("GET", server.url, options=TransferOptions(tls=tls))

        for pin in (right, f"{wrong};{right}", str(key_file)):
            assert backend.perform(asked(pin)).status == 200
        for pin in (wrong, "sha256//nothing", str(tmp_path / "gone.pem")):
            error = failure(backend, asked(pin))
            assert type(error) is TLSError
            assert (error.code, error.sent, error.phase) == (90, Sent.NO, Phase.TLS)
            assert "127.0.0.1" in error.message


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("body", [b"", b"half of it"])
def test_a_body_that_only_the_end_of_the_connection_ends_must_be_ended_by_tls(
    backend: Backend, authority: trustme.CA, trusting: TransferOptions, body: bytes, version: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

    def cut(peer: Peer) -> None:
        peer.request()
        peer.send(head + body)
        peer.socket.shutdown(socket.SHUT_RDWR)

    def end(peer: Peer) -> None:
        peer.request()
        peer.send(head + body)
        assert isinstance(peer.socket, ssl.SSLSocket)
        peer.socket.unwrap()

    with RawServer(end, context) as server:
        response = backend.perform(Request("GET", server.url, options=trusting))
        assert response.body == body
    with RawServer(cut, context) as server:
        error = failure(backend, Request("GET", server.url, options=trusting))
    assert type(error) is DisconnectedError
    assert (error.code, error.sent) == (56, Sent.YES)


def test_two_identities_share_neither_connection_nor_session_over_http2(
    backend: Backend, authority: trustme.CA, ca_file: Path
) -> None:
    assert HttpVersion.AUTO is TransferOptions().http_version
    context = mutual_context(authority)
    with RawServer(keep_answering, context) as server:
        each = []
        for name in ("a", "b"):
            client = client_identity(authority, name)
            tls = Tls(ca_file=str(ca_file), cert_pem=Pem(client.cert), key_pem=Pem(client.key))
            each.append(TransferOptions(tls=tls))
        for options in each * 2:
            assert backend.perform(Request("GET", server.url, options=options)).status == 200
        assert server.connections == 2
