"""Certificates and keys: opened and matched against each other before anything uses them."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Final

from onehttp.connections.file.regular_file import read_regular
from onehttp_backends.contract import Tls

MAX_PEM_BYTES: Final = 16 * 1024 * 1024
EXPIRES_SOON: Final = timedelta(days=14)
_KEYS: Final = {
    "ca_file": "ca_file",
    "cert_file": "cert",
    "key_file": "key",
    "pinned_public_key": "pinned_public_key",
}
"""Fields of `Tls` that name a file -> their keys in a connections file."""
_PEM: Final = re.compile(b"-----BEGIN CERTIFICATE-----(.+?)-----END", re.DOTALL)


class SeenContents:
    """Every content a path has had in this process, in order.

    libcurl compares the paths of certificates, not what is in them, when it looks for a kept
    connection. A path whose content has changed is therefore spelled in another way, which no
    connection of the old content was opened with.
    """

    def __init__(self) -> None:
        self._seen: dict[str, dict[bytes, int]] = {}

    def spelled(self, path: str, digest: bytes) -> str:
        """``path`` for its first content, and the same file by another name for each other."""
        seen = self._seen.setdefault(path, {})
        number = seen.setdefault(digest, len(seen))
        if not number:
            return path
        return "".join("/." if bit == "1" else "/" for bit in f"{number:b}") + path


@dataclass(slots=True)
class Inspection:
    """What came of opening the files of one `Tls`; problems and warnings by key."""

    tls: Tls
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def inspected(wanted: Collection[Tls], contents: SeenContents) -> dict[Tls, Inspection]:
    """Open all files; the inspections by what was to be inspected.

    Inside Kamailio with its TLS module all processes share the error queue that OpenSSL keeps
    for the main thread, and filling it may crash the server. A new thread has one of its own.
    """
    files = {tls for tls in wanted if any(_files(tls)) or tls.ca_path}
    found = {tls: Inspection(tls) for tls in wanted}
    if files:
        with ThreadPoolExecutor(1, "onehttp-certificates") as thread:
            found.update(thread.submit(_inspect_all, files, contents).result())
    return found


def _inspect_all(wanted: Collection[Tls], contents: SeenContents) -> dict[Tls, Inspection]:
    return {tls: _inspect(tls, contents) for tls in wanted}


def _files(tls: Tls) -> Iterator[tuple[str, str]]:
    for name in _KEYS:
        path = getattr(tls, name)
        if path and not path.startswith("sha256//"):
            yield name, path


def _inspect(tls: Tls, contents: SeenContents) -> Inspection:
    found = Inspection(tls)
    read: dict[str, bytes] = {}
    spelled: dict[str, str] = {}
    for name, path in _files(tls):
        try:
            read[name], _ = read_regular(path, MAX_PEM_BYTES)
        except OSError as error:
            found.problems.append((_KEYS[name], f"{path} cannot be read: {error.strerror}"))
            continue
        spelled[name] = contents.spelled(path, hashlib.sha256(read[name]).digest())
    if tls.ca_path:
        try:
            listing = [(entry.name, entry.stat().st_mtime_ns) for entry in os.scandir(tls.ca_path)]
        except OSError as error:
            found.problems.append(("ca_path", f"{tls.ca_path} cannot be read: {error.strerror}"))
        else:
            digest = hashlib.sha256(repr(sorted(listing)).encode()).digest()
            spelled["ca_path"] = contents.spelled(tls.ca_path, digest)
    if not found.problems:
        _check_contents(tls, read, found)
    found.tls = replace(tls, **spelled)  # type: ignore[arg-type]
    return found


def _check_contents(tls: Tls, read: dict[str, bytes], found: Inspection) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if tls.ca_file:
            context.load_verify_locations(tls.ca_file)
    except ssl.SSLError:
        found.problems.append(("ca_file", f"{tls.ca_file} holds no PEM certificate"))
    if not (tls.cert_file and tls.key_file):
        return
    if not _PEM.search(read["cert_file"]):
        found.problems.append(("cert", f"{tls.cert_file} holds no PEM certificate"))
        return
    if b"PRIVATE KEY-----" not in read["key_file"]:
        found.problems.append(("key", f"{tls.key_file} holds no PEM private key"))
        return
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, lambda: tls.key_password or "-")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"{tls.key_file} is not the key of {tls.cert_file}"
        else:
            problem = f"{tls.key_file} cannot be opened with this key_password"
        found.problems.append(("key", problem))
        return
    if late := _lateness(tls.cert_file, read["cert_file"]):
        found.warnings.append(("cert", late))


def _lateness(path: str, pem: bytes) -> str | None:
    end = not_after(pem)
    left = end - datetime.now(timezone.utc)
    if left <= timedelta(0):
        return f"{path} expired on {end:%Y-%m-%d}"
    return f"{path} expires on {end:%Y-%m-%d}" if left < EXPIRES_SOON else None


def not_after(pem: bytes) -> datetime:
    """When the first certificate of a PEM file ends.

    The standard library tells that of the peer of a handshake only, so the few bytes around it
    are read here.

    Raises:
        ValueError: there is no certificate in it.

    Source: RFC 5280, 4.1 (``TBSCertificate``, ``Validity``).
    """
    block = _PEM.search(pem)
    if block is None:
        raise ValueError("no PEM certificate")
    _, certificate, _ = _element(base64.b64decode(block[1]))
    _, rest, _ = _element(certificate)
    tag, _, after = _element(rest)
    if tag == 0xA0:  # the version, absent in the first
        rest = after
    for _ in range(3):  # serial number, signature, issuer
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, after = _element(validity)
    tag, text, _ = _element(after)
    century = "" if tag == 0x18 else "20" if text < b"50" else "19"
    end = datetime.strptime(century + text.decode("ascii"), "%Y%m%d%H%M%SZ")
    return end.replace(tzinfo=timezone.utc)


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, what follows) of the first DER element."""
    if len(der) < 2:
        raise ValueError("the certificate is cut short")
    size, start = der[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[2:start], "big")
    return der[0], der[start : start + size], der[start + size :]
