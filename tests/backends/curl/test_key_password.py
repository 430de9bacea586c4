"""A key that needs a password which nobody gave ends the transfer, and asks nobody."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from servers.identities import client_identity, identity_server

ASK = """
import sys
from onehttp_backends.contract import Request, Tls, TransferOptions
from onehttp_backends.errors import TLSError
from onehttp_backends.registry import load
engine, url, ca, cert, key = sys.argv[1:]
options = TransferOptions(tls=Tls(ca_file=ca, cert_file=cert, key_file=key))
try:
    load(engine)().perform(Request("GET", url, options=options))
except TLSError as error:
    print(error.code, error.sent.value)
"""


def locked(key: bytes) -> bytes:
    """A key, with a password on it."""
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_it_does_so_in_front_of_a_terminal_too(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, engine: str
) -> None:
    client = client_identity(authority, "a")
    client.write(tmp_path)
    (tmp_path / "key.pem").write_bytes(locked(client.key))
    keyboard, terminal = pty.openpty()
    with identity_server(authority) as server:
        files = (str(ca_file), str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
        told = subprocess.run(
            [sys.executable, "-c", ASK, engine, server.url, *files],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            check=False,
        )
    os.close(terminal)
    os.set_blocking(keyboard, False)
    with pytest.raises(OSError):  # noqa: PT011  nothing was written to it
        print(os.read(keyboard, 4096).decode())
    os.close(keyboard)
    assert told.stdout == b"58 no\n"
