"""Caller identity, old and new: sign, verify, forge. Certificates come from a local server.

``python examples/identity.py``; needs the extra: ``pip install '.[identity]'``.
"""

import datetime
import tempfile
import threading
import warnings
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import onehttp
from onehttp.identity import FetchRules, IdentityError, Party, Signer, TrustStore, Verifier
from onehttp_compat import auth_identity
from onehttp_compat.auth_identity import RECOMMENDED_REPLIES
from onehttp_compat.server import default_server

INVITE = b"""\
INVITE sip:bob@biloxi.example SIP/2.0\r
From: Alice <sip:+12155551212@atlanta.example>;tag=1\r
To: Bob <sip:+12155551213@biloxi.example>\r
Call-ID: demo-1@atlanta.example\r
CSeq: 1 INVITE\r
Contact: <sip:alice@pc33.atlanta.example>\r
Content-Length: 5\r
\r
v=0\r
"""
VERIFIER_STEPS = ("vrfy_check_date", "vrfy_get_certificate", "vrfy_check_certificate",
                  "vrfy_check_msgvalidity", "vrfy_check_callid")  # fmt: skip


@contextmanager
def publishing(files):
    """A server for certificates, on loopback; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = files.get(self.path, b"")
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def certificate(subject, key, issuer, issuer_key, *extensions):
    """A certificate for a day."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256())


def numbers(*listed):
    """The extension that says which telephone numbers a certificate is for (RFC 8226)."""
    entries = b""
    for number in listed:
        text = b"\x16" + bytes([len(number)]) + number.encode()
        entries += b"\xa2" + bytes([len(text)]) + text
    oid = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
    return x509.UnrecognizedExtension(oid, b"\x30" + bytes([len(entries)]) + entries)


def pem(thing):
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM)
    return thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption())  # fmt: skip


def new(address, key, anchors):
    """RFC 8224: PASSporT, ES256, shaken."""
    print("new: RFC 8224")
    signer = Signer(key, f"{address}/new.pem")
    # A certificate lies on the public internet, behind https; this one does neither.
    rules = FetchRules(allow_http=True, allow_private=True)
    verifier = Verifier(TrustStore.from_files(anchors), rules=rules)
    orig = Party.from_header("Alice <sip:+12155551212@atlanta.example>;tag=1")
    dest = Party.from_header("Bob <sip:+12155551213@biloxi.example>")
    identity = signer.sign_shaken(orig, dest, "A")
    print(f"  signed    Identity: {identity[:40]}...{identity[identity.index(';') :]}")
    found = verifier.verify(identity, orig=orig, dest=dest)
    print(
        f"  believed  {found.claims.orig} calls {found.claims.dest[0]}, level {found.claims.attest}"
    )
    mallory = Signer(ec.generate_private_key(ec.SECP256R1()), signer.x5u)
    for what, header, caller in (
        ("forged", mallory.sign_shaken(orig, dest, "A"), orig),
        ("stolen", identity, Party(tn="19995550000")),
        ("too old", signer.sign_shaken(orig, dest, "A", iat=1_500_000_000), orig),
    ):
        try:
            verifier.verify(header, orig=caller, dest=dest)
        except IdentityError as error:
            print(f"  {what:9} {error.status} {error.reason}: {error}")
        else:
            raise SystemExit(f"{what}: believed")


def old(address, folder):
    """RFC 4474, by the functions of auth_identity."""
    print("old: RFC 4474, the functions of auth_identity")
    for name, value in (
        ("privatekey_path", str(folder / "old.key")),
        ("certificate_path", str(folder / "old.pem")),
        ("certificate_url", f"{address}/old.cer"),
        ("cainfo_path", str(folder / "anchors.pem")),
        ("allow_sha1", 1),
        ("allow_private", 1),
    ):
        default_server().modparam("auth_identity", name, value)
    request = auth_identity.receive(INVITE)
    codes = auth_identity.auth_date_proc(), auth_identity.auth_add_identity()
    print(f"  signed    {codes}: added {', '.join(name for name, _ in request.added)}")
    signed = request.to_bytes()
    for what, raw, expected in (
        ("believed", signed, None),
        ("forged", signed.replace(b"<sip:alice@pc33", b"<sip:mallory@pc33"),
         "vrfy_check_msgvalidity"),
        ("stolen", signed.replace(b"@atlanta.example>;tag", b"@victim.example>;tag"),
         "vrfy_check_certificate"),
        ("replayed", signed, "vrfy_check_callid"),
    ):  # fmt: skip
        failed, code = verify(raw)
        if failed != expected:
            raise SystemExit(f"{what}: {failed} returned {code}")
        if failed is None:
            print(f"  {what:9} all five functions returned 1")
        else:
            status, reason = RECOMMENDED_REPLIES[failed]
            print(f"  {what:9} {status} {reason}: {failed} returned {code}")


def verify(raw):
    """The first step that refuses the request, and its code; (None, 1) when none does."""
    auth_identity.receive(raw)
    for step in VERIFIER_STEPS:
        code = getattr(auth_identity, step)()
        if code < 0:
            return step, code
    return None, 1


def main():
    warnings.simplefilter("ignore", onehttp.LegacyCallWarning)
    authority, new_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    old_key = rsa.generate_private_key(65537, 2048)
    signs_only = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    key_id = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    is_authority = (x509.BasicConstraints(True, None), signs_only, key_id)
    root = certificate("demo CA", authority, "demo CA", authority, *is_authority)
    new_cert = certificate("SHAKEN", new_key, "demo CA", authority, numbers("12155551212"))
    domain = x509.SubjectAlternativeName([x509.DNSName("atlanta.example")])
    old_cert = certificate("atlanta", old_key, "demo CA", authority, domain)
    files = {
        "/new.pem": pem(new_cert),
        "/old.cer": old_cert.public_bytes(serialization.Encoding.DER),
    }
    with tempfile.TemporaryDirectory() as name, publishing(files) as address:
        folder = Path(name)
        for file, thing in (("anchors.pem", root), ("old.pem", old_cert), ("old.key", old_key)):
            (folder / file).write_bytes(pem(thing))
        onehttp.init()
        new(address, new_key, folder / "anchors.pem")
        old(address, folder)
        print(f"one engine: {onehttp.stats().transfers} certificates fetched")
        onehttp.shutdown()


if __name__ == "__main__":
    main()
