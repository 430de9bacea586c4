"""Which builds of pycurl the engine can work on, and a sentence for those that it cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Final

from onehttp_backends.errors import BackendUnavailableError

NEEDED: Final = {
    # Of pycurl 7.46 itself, whatever libcurl it is built on.
    **dict.fromkeys(("ACTIVESOCKET", "RESOLVER_START_FUNCTION"), "pycurl 7.46"),
    # Of a libcurl that is old: pycurl names only what the libcurl it was built on has.
    **dict.fromkeys(("CAINFO_BLOB", "SSLCERT_BLOB", "SSLKEY_BLOB"), "libcurl 7.77"),
    "PREREQFUNCTION": "libcurl 7.80",
    "QUEUE_TIME_T": "libcurl 8.6",
    "POSTTRANSFER_TIME_T": "libcurl 8.10",
}
"""Names that pycurl must have, and what brings each."""


def check_build(pycurl: ModuleType) -> None:
    """Raises BackendUnavailableError for a build of pycurl that lacks what the engine needs."""
    lacking = {name: since for name, since in NEEDED.items() if not hasattr(pycurl, name)}
    if not lacking:
        return
    needs = " and ".join(sorted(_latest(lacking.values())))
    found = " ".join(str(pycurl.version).split()[:2])
    raise BackendUnavailableError(
        f"{found} is too old for the engine: it needs {needs} or later (missing: "
        f"{', '.join(lacking)}); install the wheel of the package index, which brings its own "
        "libcurl and TLS library: pip install --only-binary pycurl --upgrade pycurl"
    )


def _latest(needs: Iterable[str]) -> list[str]:
    """One "name version" for each name, the highest."""
    highest: dict[str, tuple[int, ...]] = {}
    for name, _, version in (each.partition(" ") for each in needs):
        number = tuple(map(int, version.split(".")))
        highest[name] = max(number, highest.get(name, (0,)))
    return [f"{name} {'.'.join(map(str, number))}" for name, number in highest.items()]


def check_kernel_waits() -> None:
    """Raises BackendUnavailableError where greenlets stand in place of threads: the engine waits in
    the kernel, which would stop every one of them."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and any(map(monkey.is_module_patched, ("threading", "thread", "select"))):
        raise BackendUnavailableError(
            "gevent has replaced threads or select in this process, and the engine needs those of "
            "the system: use monkey.patch_all(thread=False, select=False), or make the calls in a "
            "process without it"
        )
