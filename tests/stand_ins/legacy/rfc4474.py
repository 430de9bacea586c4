"""SIP Identity by RFC 4474 beside our own: requests, and openssl to sign and to verify them."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from onehttp.identity import format_date
from onehttp_compat.server import LegacyServer
from onehttp_compat.sip.request import SipRequest
from servers.sti import CLOCK, DAY_S, Authority

BODY = b"v=0\r\ns=x\r\n"


DATE = format_date(CLOCK)


def invite(
    *, date: str | None = DATE, cseq: str = "7 INVITE", body: bytes = BODY, **more: str
) -> bytes:
    """A request of alice@atlanta.example; ``more`` are further headers, ``_`` for ``-``."""
    headers = {
        "From": more.pop("From", "Alice <sip:alice@atlanta.example>;tag=1"),
        "To": "<sip:bob@biloxi.example>",
        "Call-ID": "c1@atlanta.example",
        "CSeq": cseq,
        "Contact": "<sip:alice@pc33.atlanta.example>",
        "Content-Length": str(len(body)),
        **({"Date": date} if date is not None else {}),
        **{name.replace("_", "-"): text for name, text in more.items()},
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items() if text)
    return f"INVITE sip:bob@biloxi.example SIP/2.0\r\n{lines}\r\n".encode() + body


def digest(date: str = DATE, cseq: str = "7 INVITE", body: bytes = BODY) -> bytes:
    """The text that a signature of `invite` is over, put together here once more."""
    return (
        "sip:alice@atlanta.example|sip:bob@biloxi.example|c1@atlanta.example|"
        f"{cseq}|{date}|sip:alice@pc33.atlanta.example|"
    ).encode() + body


def atlanta(authority: Authority, key: object, *, expires_in_s: float = DAY_S) -> x509.Certificate:
    return authority.issue(key, names=[x509.DNSName("atlanta.example")], expires_in_s=expires_in_s)


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def openssl_signature(folder: Path, text: bytes) -> str:
    command = ["openssl", "dgst", "-sha1", "-sign", str(folder / "key.pem")]
    signed = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    return base64.b64encode(signed).decode()


def openssl_verifies(folder: Path, text: bytes, signature: str) -> bool:
    (folder / "sig").write_bytes(base64.b64decode(signature))
    public = folder / "pub.pem"
    subprocess.run(
        ["openssl", "x509", "-in", str(folder / "cert.pem"), "-noout", "-pubkey", "-out",
         str(public)], check=True,
    )  # fmt: skip
    command = ["openssl", "dgst", "-sha1", "-verify", str(public), "-signature",
               str(folder / "sig")]  # fmt: skip
    return subprocess.run(command, input=text, capture_output=True, check=False).returncode == 0


class Box:
    """A legacy server with the module configured, its clock in hand."""

    def __init__(self, server: LegacyServer, folder: Path, url: str) -> None:
        self.server = server
        self.url = url
        self.now = float(CLOCK)
        server.auth_identity.clock = lambda: self.now
        self._folder = folder
        self.set(cainfo_path=str(folder / "ca.pem"), allow_private=1, allow_sha1=1)

    def signing(self) -> Box:
        """With a key. Apart, since OpenSSL proves RSA keys at length when it loads them."""
        self.set(
            privatekey_path=str(self._folder / "key.pem"),
            certificate_path=str(self._folder / "cert.pem"),
            certificate_url=self.url,
        )
        return self

    def set(self, **parameters: object) -> None:
        for name, value in parameters.items():
            self.server.modparam("auth_identity", name, value)

    def take(self, raw: bytes) -> SipRequest:
        request = self.server.pv.request = SipRequest(raw)
        return request

    def call(self, name: str) -> int:
        return self.server.call(name, ())

    def verify(self, raw: bytes) -> dict[str, int]:
        """The functions in their order, up to the first that fails."""
        self.take(raw)
        codes = {}
        for name in ("vrfy_check_date", "vrfy_get_certificate", "vrfy_check_certificate",
                     "vrfy_check_msgvalidity", "vrfy_check_callid"):  # fmt: skip
            codes[name] = self.call(name)
            if codes[name] < 0:
                break
        return codes

    def failure(self, raw: bytes) -> tuple[str, int]:
        """The function that refuses ``raw``, and its code."""
        return next(((name, code) for name, code in self.verify(raw).items() if code < 0), ("", 1))


Signed = Callable[..., bytes]


def signed_by_openssl(folder: Path, url: str, **change: object) -> bytes:
    parts = {name: change[name] for name in ("date", "cseq", "body") if name in change}
    signature = openssl_signature(folder, digest(**parts))  # type: ignore[arg-type]
    identity = {"Identity": f'"{signature}"', "Identity_Info": f"<{url}>;alg=rsa-sha1"}
    return invite(**{**identity, **change})  # type: ignore[arg-type]
