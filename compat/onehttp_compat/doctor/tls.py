"""Checks which copies of libcurl and of TLS libraries are in a process, and whether they are
compatible.

Kamailio's ``tls.so`` makes the system's OpenSSL allocate memory that all processes share. If other
code uses that copy for TLS on a main thread, it corrupts the memory, and the server crashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from onehttp_compat.doctor.finding import Finding
from onehttp_compat.doctor.process import ProcessFacts
from onehttp_compat.kamailio.requirements import SYSTEM_FOLDERS

_WHEEL: Final = "pip install --force-reinstall pycurl brings one with a TLS library of its own"
_LIBRARIES: Final = r"/lib(?:ssl|gnutls|nss3|mbedtls|wolfssl)[-.\w]*\.so"
_NATIVE: Final = r"/kamailio/modules/(?:http_client|http_async_client|utils|xcap_client)\.so"


def tls_findings(facts: ProcessFacts) -> Iterator[Finding]:
    """Return all findings about TLS."""
    curls = facts.mapped(r"/libcurl[-.\w]*\.so")
    libraries = facts.mapped(_LIBRARIES)
    yield from _told("libcurl", curls)
    yield from _told("tls", libraries)
    has_server_tls = bool(facts.mapped(r"/kamailio/modules/tls\.so"))
    backend = pycurl_tls(facts)
    if backend is None:
        yield Finding(
            "warning", "pycurl", "pycurl is not loaded: this process makes no calls of onehttp",
            "examine a process that does, or make one call first",
        )  # fmt: skip
    else:
        yield Finding("information", "pycurl", f"pycurl has {backend}")
    if has_server_tls and backend == SYSTEM:
        yield Finding(
            "error", "tls", "tls.so and pycurl share one OpenSSL: https crashes the server", _WHEEL
        )  # fmt: skip
    native = [path.rpartition("/")[2] for path in facts.mapped(_NATIVE)]
    if has_server_tls and native:
        yield Finding(
            "error", "tls", f"{', '.join(native)} beside tls.so: its own https crashes the server",
            "remove its loadmodule line: onehttp_compat has its functions",
        )  # fmt: skip
    elif native:
        yield Finding(
            "information", "modules", f"{', '.join(native)}: a second HTTP engine beside onehttp",
            "onehttp migrate config shows what can be moved",
        )  # fmt: skip
    if has_server_tls and facts.mapped(r"/_ssl[-.\w]*\.so"):
        yield Finding(
            "warning", "tls", "Python's ssl is loaded beside tls.so: a client that uses it for TLS "
            "(urllib, http.client, requests, httpx) crashes the server",
            "onehttp migrate scan finds such calls",
        )  # fmt: skip
    yield from _preloaded(facts)


SYSTEM: Final = "the system's OpenSSL"


def pycurl_tls(facts: ProcessFacts) -> str | None:
    """Return the TLS library that pycurl uses. None if pycurl is not loaded."""
    if not facts.mapped(r"/_?pycurl[-.\w]*\.so"):
        return None
    bundled = facts.mapped(r"/pycurl\.libs/lib(?:ssl|gnutls)")
    if bundled:
        return f"a TLS library of its own ({bundled[0].rpartition('/')[2]})"
    if facts.mapped(r"/libcurl-gnutls[-.\w]*\.so"):
        return "the system's GnuTLS"
    system = [path for path in facts.mapped(r"/libssl[-.\w]*\.so")
              if path.startswith(SYSTEM_FOLDERS)]  # fmt: skip
    if facts.mapped(r"/libcurl[-.\w]*\.so") and system:
        return SYSTEM
    return "a libcurl that is linked into it, with whatever TLS library that has"


def _told(what: str, paths: list[str]) -> Iterator[Finding]:
    if paths:
        count = (
            "one copy" if len(paths) == 1 else f"{len(paths)} copies, each initialised by itself"
        )
        yield Finding("information", what, f"{count}: {', '.join(paths)}")


def _preloaded(facts: ProcessFacts) -> Iterator[Finding]:
    preloaded = facts.environment.get("LD_PRELOAD", "")
    if any(word in preloaded for word in ("ssl", "crypto", "curl")):
        yield Finding(
            "error", "tls", f"LD_PRELOAD={preloaded}: these may replace the libraries of pycurl",
            "start the process without it",
        )  # fmt: skip
