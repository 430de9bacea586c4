"""What is allowed of TLS: versions, ciphers, curves, and certificates that are not revoked."""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp_backends.certificates.pem import Pem
from onehttp_backends.contract import Backend, Request, Tls, TlsVersion, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import Phase, Sent, TLSError, TransferError
from servers.certificates import Authority, Issued
from servers.ocsp import stapling
from servers.raw import RawServer, keep_answering

NAMES = ["localhost", "127.0.0.1"]


@pytest.fixture
def issuer() -> Authority:
    return Authority()


@pytest.fixture
def issued(issuer: Authority) -> Issued:
    return issuer.issue("localhost", NAMES)


@pytest.fixture
def context(issued: Issued, tmp_path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure(made, tmp_path)
    return made


@pytest.fixture
def server(context: ssl.SSLContext) -> Iterator[RawServer]:
    with RawServer(keep_answering, context) as server:
        yield server


def failure(backend: Backend, request: Request) -> TransferError:
    with pytest.raises(TransferError) as caught:
        backend.perform(request)
    return caught.value


def asked(server: RawServer, tls: Tls) -> Request:
    return Request("GET", server.url, options=TransferOptions(tls=tls))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_a_version_that_is_broken_is_spoken_to_whoever_asks_for_it(
    backend: Backend, issuer: Authority, context: ssl.SSLContext, version: str
) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion[version]
    usual = Tls(ca_pem=Pem(issuer.pem))
    with RawServer(keep_answering, context) as server:
        error = failure(backend, asked(server, usual))
        assert type(error) is TLSError
        assert (error.code, error.sent, error.phase) == (35, Sent.NO, Phase.TLS)
        for ciphers in (None, "HIGH"):
            old = dataclasses.replace(usual, min_version=TlsVersion.TLS_1_0, ciphers=ciphers)
            assert backend.perform(asked(server, old)).status == 200


def test_curves_are_those_that_were_asked_for(
    backend: Backend, issuer: Authority, context: ssl.SSLContext
) -> None:
    context.set_ecdh_curve("secp384r1")
    with RawServer(keep_answering, context) as server:
        right = Tls(ca_pem=Pem(issuer.pem), curves="P-384")
        assert backend.perform(asked(server, right)).status == 200
        wrong = dataclasses.replace(right, curves="X25519")
        assert type(failure(backend, asked(server, wrong))) is TLSError


def test_a_revoked_certificate_is_refused(
    backend: Backend, issuer: Authority, issued: Issued, server: RawServer
) -> None:
    another = issuer.issue("another", NAMES)
    usual = Tls(ca_pem=Pem(issuer.pem))
    for crl, is_good in (
        (issuer.revoking(another), True),
        (issuer.revoking(another, issued), False),
        (issuer.revoking(another), True),
        (issuer.revoking(days=-1), False),
        (Authority("Another").revoking(), False),
    ):
        # Each on connections of its own, whatever the others allowed.
        request = asked(server, dataclasses.replace(usual, crl_pem=Pem(crl)))
        if is_good:
            assert backend.perform(request).status == 200
        else:
            error = failure(backend, request)
            assert type(error) is TLSError
            assert (error.code, error.sent, error.phase) == (60, Sent.NO, Phase.TLS)
    assert server.requests == [server.requests[0]] * 2


def test_a_list_of_revoked_certificates_may_be_a_file(
    backend: Backend, issuer: Authority, issued: Issued, server: RawServer, tmp_path: Path
) -> None:
    crl_file = tmp_path / "crl.pem"
    crl_file.write_bytes(issuer.revoking(issued))
    tls = Tls(ca_pem=Pem(issuer.pem), crl_file=str(crl_file))
    assert type(failure(backend, asked(server, tls))) is TLSError
    gone = dataclasses.replace(tls, crl_file=str(tmp_path / "gone.pem"))
    error = failure(backend, asked(server, gone))
    assert type(error) is TLSError
    assert error.code == 82


@pytest.mark.usefixtures("debian")
def test_what_is_stapled_to_the_handshake_counts(
    issuer: Authority, issued: Issued, server: RawServer, tmp_path: Path
) -> None:
    engine = PycurlBackend()
    tls = Tls(ca_pem=Pem(issuer.pem), verify_status=True)
    error = failure(engine, asked(server, tls))
    assert type(error) is TLSError
    assert (error.code, error.sent) == (91, Sent.NO)
    for is_revoked in (False, True):
        with stapling(issuer, issued, tmp_path, is_revoked=is_revoked) as port:
            request = Request("GET", f"https://127.0.0.1:{port}/", options=TransferOptions(tls=tls))
            if is_revoked:
                error = failure(engine, request)
                assert (type(error), error.code) == (TLSError, 91)
            else:
                assert engine.perform(request).status == 200
    engine.close()


@pytest.mark.parametrize(
    ("tls", "code"),
    [
        (Tls(curves="nope"), 59),
        (Tls(ciphers="NOPE"), 59),
        (Tls(cert_pem=Pem(b"x"), key_pem=Pem(b"x")), 58),
        (Tls(ca_pem=Pem(b"x")), 77),
        (Tls(cert_file="/gone", key_file="/gone"), 58),
        (Tls(ca_file="/gone"), 77),
    ],
)
def test_what_cannot_be_used_is_a_tls_error(
    backend: Backend, server: RawServer, tls: Tls, code: int
) -> None:
    error = failure(backend, asked(server, tls))
    assert type(error) is TLSError
    assert (error.code, error.sent) == (code, Sent.NO)


def test_a_key_of_another_certificate_is_a_tls_error(
    backend: Backend, issuer: Authority, issued: Issued, server: RawServer
) -> None:
    other = issuer.issue("other", NAMES)
    tls = Tls(ca_pem=Pem(issuer.pem), cert_pem=Pem(issued.pem), key_pem=Pem(other.key_pem))
    error = failure(backend, asked(server, tls))
    assert type(error) is TLSError
    assert (error.code, error.sent) == (58, Sent.NO)
