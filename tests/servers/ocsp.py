"""A server that shows with its handshake whether its certificate is revoked (OCSP stapling)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from servers.certificates import Authority, Issued
from servers.ports import free_port
from servers.proxies import running


@contextlib.contextmanager
def stapling(issuer: Authority, issued: Issued, folder: Path, *, is_revoked: bool) -> Iterator[int]:
    """OpenSSL's own server, the only one here that staples what it is given; yields its port."""
    port = free_port()
    answer = folder / "answer.der"
    answer.write_bytes(issuer.status(issued, is_revoked=is_revoked))
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(issued.pem)
    key.write_bytes(issued.key_pem)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet"]
    # libcurl looks for who has issued the certificate among those that the server shows.
    chain = folder / "chain.pem"
    chain.write_bytes(issuer.pem)
    command += ["-cert", str(cert), "-key", str(key), "-cert_chain", str(chain)]
    command += ["-status_file", str(answer)]
    with running(command, port):
        yield port
