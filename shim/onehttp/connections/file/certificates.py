"""Certificates and keys: read once, matched against each other, and used as they were read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Final, TypeVar

from onehttp.connections.file.regular_file import read_regular
from onehttp_backends.certificates.pem import Pem
from onehttp_backends.certificates.x509 import (
    has_certificate,
    next_update,
    not_after,
    pin_of_file,
)
from onehttp_backends.contract import Tls

T = TypeVar("T")
R = TypeVar("R")
MAX_PEM_BYTES: Final = 16 * 1024 * 1024
EXPIRES_SOON: Final = timedelta(days=14)
_KEYS: Final = {
    "ca_file": "ca_file",
    "ca_path": "ca_path",
    "cert_file": "cert",
    "key_file": "key",
    "crl_file": "crl_file",
    "pinned_public_key": "pinned_public_key",
}
"""Fields of `Tls` that name a file -> their keys in a connections file."""
_is_hashed_name: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+").fullmatch


@dataclass(slots=True)
class Inspection:
    """The result of reading the files of one `Tls`; problems and warnings by key."""

    tls: Tls
    """The TLS settings with the contents of the files."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def files_of(tls: Tls) -> list[str]:
    """The files and folders that a `Tls` names."""
    named = (getattr(tls, name) for name in _KEYS)
    return [path for path in named if path and not path.startswith("sha256//")]


def inspected(wanted: Collection[Tls]) -> dict[Tls, Inspection]:
    """Read all files; the inspections by what was to be inspected."""
    found = {tls: Inspection(tls) for tls in wanted}
    looking = [each for each in found.values() if files_of(each.tls) or each.tls.ciphers]
    if looking:
        apart(_inspect_all, looking)
    for each in found.values():
        _check_weakness(each)
    return found


def apart(work: Callable[[T], R], on: T) -> R:
    """Do work that may leave errors of OpenSSL behind, on a thread of its own.

    Inside Kamailio with its TLS module all processes share the error queue that OpenSSL keeps
    for the main thread, and filling it may crash the server.
    """
    with ThreadPoolExecutor(1, "onehttp-certificates") as thread:
        return thread.submit(work, on).result()


def _inspect_all(wanted: Collection[Inspection]) -> None:
    contents: dict[str, bytes] = {}
    for each in wanted:
        _inspect(each, contents)


def _inspect(found: Inspection, contents: dict[str, bytes]) -> None:
    tls = found.tls
    read: dict[str, bytes] = {}
    for name, key in _KEYS.items():
        path = getattr(tls, name)
        if not path or path.startswith("sha256//"):
            continue
        try:
            if path not in contents:
                contents[path] = _folder(path) if name == "ca_path" else _file(path)
            read[name] = contents[path]
        except OSError as error:
            found.problems.append((key, f"{path} cannot be read: {error.strerror}"))
    if found.problems:
        return
    pin = tls.pinned_public_key
    if "pinned_public_key" in read:
        try:
            pin = pin_of_file(read["pinned_public_key"])
        except ValueError:
            found.problems.append(("pinned_public_key", f"{pin} holds no public key"))
    trusted = b"\n".join(read[name] for name in ("ca_file", "ca_path") if name in read)
    found.tls = replace(
        tls,
        ca_pem=Pem(trusted) if trusted or tls.ca_file or tls.ca_path else None,
        cert_pem=Pem(read["cert_file"]) if "cert_file" in read else None,
        key_pem=Pem(read["key_file"]) if "key_file" in read else None,
        crl_pem=Pem(read["crl_file"]) if "crl_file" in read else None,
        pinned_public_key=pin,
    )
    _check_trusted(tls, read, found)
    if tls.ciphers:
        _check_ciphers(found, tls.ciphers)
    if found.tls.crl_pem:
        _check_revoked(found, found.tls.crl_pem)
    if found.tls.cert_pem and found.tls.key_pem:
        _check_identity(found, found.tls.cert_pem, found.tls.key_pem)


def _file(path: str) -> bytes:
    content, _ = read_regular(path, MAX_PEM_BYTES)
    return content


def _folder(path: str) -> bytes:
    """The certificates that OpenSSL would find in a folder: files named by a hash."""
    names = sorted(filter(_is_hashed_name, os.listdir(path)))
    return b"\n".join(_file(os.path.join(path, name)) for name in names)


def _check_trusted(tls: Tls, read: dict[str, bytes], found: Inspection) -> None:
    import ssl

    for name, advice in (
        ("ca_file", "holds no PEM certificate"),
        ("ca_path", "holds no PEM certificate under a hashed name; openssl rehash makes them"),
    ):
        if name not in read:
            continue
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=_text(read[name]))
        except (ssl.SSLError, ValueError):
            found.problems.append((_KEYS[name], f"{getattr(tls, name)} {advice}"))
            continue
        is_single = read[name].count(b"-----BEGIN CERTIFICATE-----") == 1
        if is_single and (late := _lateness(getattr(tls, name), not_after(read[name]))):
            found.warnings.append((_KEYS[name], late))  # of a bundle some may be over at any time


def _check_ciphers(found: Inspection, ciphers: str) -> None:
    import ssl

    for element in re.split("[:, ]", ciphers):
        name = element.partition("@")[0].lstrip("+")
        if not name or name[0] in "!-":  # what is taken out need not be there
            continue
        if name.startswith("TLS_"):
            problem = f"{name} is of TLS 1.3, whose ciphers are all good and all offered"
        else:
            problem = f"{name} is no cipher that OpenSSL knows"
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(f"{name}:@SECLEVEL=0")
            except ssl.SSLError:
                pass
            else:
                continue
        found.problems.append(("ciphers", problem))


def _check_weakness(found: Inspection) -> None:
    tls = found.tls
    if tls.usable_ciphers != tls.ciphers:
        version = tls.min_version.value
        found.warnings.append(
            ("min_version", f"{version} is broken, and allows all that OpenSSL forbids as weak")
        )


def _check_revoked(found: Inspection, pem: Pem) -> None:
    path = found.tls.crl_file or ""
    if not found.tls.ca_pem:
        found.problems.append(("crl_file", "is a list of authorities; give ca_file, too"))
    try:
        end = next_update(pem.content)
    except ValueError:
        found.problems.append(("crl_file", f"{path} holds no PEM list of revoked certificates"))
        return
    # Behind that date every certificate is refused.
    if end and (late := _lateness(path, end)):
        found.warnings.append(("crl_file", late))


def _text(pem: bytes) -> str:
    """The text around certificates, in any encoding: bundles have names there."""
    return pem.decode("ascii", "replace").replace("\ufffd", "?")


def _check_identity(found: Inspection, cert: Pem, key: Pem) -> None:
    import ssl

    tls = found.tls
    if not has_certificate(cert.content):
        found.problems.append(("cert", f"{tls.cert_file} holds no PEM certificate"))
        return
    if b"PRIVATE KEY-----" not in key.content:
        found.problems.append(("key", f"{tls.key_file} holds no PEM private key"))
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # what is too weak is for the engine's library to say
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        password = tls.key_password or "-"
        context.load_cert_chain(cert.path, key.path, lambda: password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"{tls.key_file} is not the key of {tls.cert_file}"
        else:
            problem = f"{tls.key_file} cannot be opened with this key_password"
        found.problems.append(("key", problem))
        return
    if late := _lateness(tls.cert_file or "", not_after(cert.content)):
        found.warnings.append(("cert", late))


def _lateness(path: str, end: datetime) -> str | None:
    left = end - datetime.now(timezone.utc)
    if left <= timedelta(0):
        return f"{path} expired on {end:%Y-%m-%d}"
    return f"{path} expires on {end:%Y-%m-%d}" if left < EXPIRES_SOON else None
