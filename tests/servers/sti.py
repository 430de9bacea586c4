"""A certification authority of signers, and the server that publishes its certificates."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from onehttp.identity import FetchRules
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

LOCAL = FetchRules(
    allow_http=True, allow_private=True, timeout_s=PATIENCE_S, connect_timeout_s=PATIENCE_S
)
"""For servers of tests, on a machine however busy."""
TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
DAY_S = 86400
CALLER, CALLED = "12155551212", "12155551213"
CLOCK = 1_471_375_418
"""When these tests happen: the ``iat`` of the example in RFC 8225."""


def at(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def der(tag: int, *contents: bytes) -> bytes:
    """One DER element of less than 64 KiB."""
    content = b"".join(contents)
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def number_list(
    *, code: str = "", numbers: Iterable[str] = (), ranges: Iterable[tuple[str, int]] = ()
) -> bytes:
    """A ``TNAuthList``."""
    codes = [der(0xA0, der(0x16, code.encode()))] if code else []
    listed = [der(0xA2, der(0x16, number.encode())) for number in numbers]
    spans = [
        der(0xA1, der(0x30, der(0x16, start.encode()), der(0x02, count.to_bytes(4, "big"))))
        for start, count in ranges
    ]
    return der(0x30, *codes, *spans, *listed)


class Authority:
    """Issues certificates valid for a day around `CLOCK`."""

    def __init__(self, name: str = "STI-CA") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self._issue(self.name, self.key.public_key(), is_authority=True)

    def delegate(
        self,
        numbers: bytes | None = None,
        *,
        is_critical: bool = False,
        path_length: int | None = None,
    ) -> Authority:
        """An authority certified by this one, for these numbers only (RFC 9060)."""
        below = Authority("Delegate")
        listed = [x509.UnrecognizedExtension(TN_AUTH_LIST, numbers)] if numbers is not None else []
        below.certificate = self._issue(
            below.name,
            below.key.public_key(),
            listed,
            is_authority=True,
            are_critical=is_critical,
            path_length=path_length,
        )
        return below

    def write(self, path: Path) -> Path:
        """Its own certificate as a PEM file."""
        path.write_bytes(pem(self.certificate))
        return path

    def issue(
        self,
        key: Any,
        *,
        common_name: str = "SHAKEN 709J",
        numbers: bytes | None = None,
        names: Iterable[x509.GeneralName] = (),
        extensions: Iterable[tuple[x509.ObjectIdentifier, bytes]] = (),
        expires_in_s: float = DAY_S,
        are_critical: bool = False,
    ) -> x509.Certificate:
        """A signer's certificate for ``key``."""
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        raw = [*extensions, *([(TN_AUTH_LIST, numbers)] if numbers is not None else [])]
        listed: list[x509.ExtensionType] = [x509.UnrecognizedExtension(*one) for one in raw]
        if names := list(names):
            listed.append(x509.SubjectAlternativeName(names))
        return self._issue(
            subject, key.public_key(), listed, expires_in_s=expires_in_s, are_critical=are_critical
        )

    def _issue(
        self,
        subject: x509.Name,
        key: Any,
        extensions: Iterable[x509.ExtensionType] = (),
        *,
        is_authority: bool = False,
        expires_in_s: float = DAY_S,
        are_critical: bool = False,
        path_length: int | None = None,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at(CLOCK - DAY_S))
            .not_valid_after(at(CLOCK + expires_in_s))
            .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
        )
        if is_authority:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True).add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key), critical=False
            )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=are_critical)
        return builder.sign(self.key, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Repository(RawServer):
    """Publishes certificates by path.

    ``gate``, once cleared, holds every answer back; ``asked`` is set by the first request.
    """

    def __init__(self, **tls: Any) -> None:
        super().__init__(self._publish, **tls)
        self.files: dict[str, bytes] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()

    def put(self, path: str, body: bytes) -> str:
        """Publish ``body``; its URL."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        return self.put_raw(path, head + body)

    def put_raw(self, path: str, answer: bytes) -> str:
        """Publish a whole answer; its URL."""
        self.files[path] = answer
        return self.url + path

    def _publish(self, peer: Peer) -> None:
        while request := peer.request():
            self.asked.set()
            self.gate.wait(PATIENCE_S)
            path = request.split(b" ", 2)[1].decode()
            answer = self.files.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            peer.send(answer)


def flipped(identity: str) -> str:
    """The header with one character of its signature changed."""
    token, semicolon, rest = identity.partition(";")
    other = "A" if token[-10] != "A" else "B"
    return f"{token[:-10]}{other}{token[-9:]}{semicolon}{rest}"
