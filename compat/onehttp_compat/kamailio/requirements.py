"""Requirements of the library on the server, which are checked at the start, when they can be
corrected."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pycurl

from onehttp import ConfigurationError
from onehttp_compat.kamailio.own_config import DRIVE_ROUTE, timers_of_queries
from onehttp_compat.server_config import ServerConfig

_log = logging.getLogger("onehttp_compat.kamailio")

RTIMER_LINES: Final = f"""loadmodule "rtimer.so"
modparam("rtimer", "timer", "name=onehttp;interval=1000u;mode=1;")
modparam("rtimer", "exec", "timer=onehttp;route={DRIVE_ROUTE}")"""
SYSTEM_FOLDERS: Final = ("/usr/lib", "/lib")
NATIVE: Final = ("http_client", "http_async_client", "utils", "xcap_client")


def check_requirements(config: ServerConfig, is_asynchronous: bool) -> None:
    """Refuse a server that would lose queries or crash.

    Raises:
        ConfigurationError: lists everything that is missing, and the lines to add.
    """
    problems = list(missing(config, is_asynchronous))
    if problems:
        file = config.files[0] if config.files else None
        raise ConfigurationError.of([ConfigurationError(one, file=file) for one in problems])
    for danger in dangers(config):
        _log.warning("%s", danger)


def missing(config: ServerConfig, is_asynchronous: bool) -> Iterator[str]:
    """List what has to be corrected before the server can start, each with the remedy."""
    yield from _of_threads(config)
    yield from _of_tls(config)
    if is_asynchronous:
        yield from _of_queries(config)


def dangers(config: ServerConfig) -> Iterator[str]:
    """List risks: configurations that work at first and fail later."""
    modules = config.modules()
    for module in NATIVE if "tls" in modules else ():
        if module in modules:
            yield (
                f"{module} is loaded beside tls: its own https requests crash the server; drop its "
                "loadmodule line and give its parameters by setup(KSR, modparams=...)"
            )


def _of_queries(config: ServerConfig) -> Iterator[str]:
    modules = config.modules()
    for module in ("tm", "tmx"):
        if module not in modules:
            yield f'queries suspend transactions: add loadmodule "{module}.so"'
    timers = list(timers_of_queries(config)) if "rtimer" in modules else []
    if not timers:
        yield (
            "no process works on queries; add\n"
            f"{RTIMER_LINES}\nor say setup(KSR, is_asynchronous=False)"
        )
    for timer in timers:
        if timer.processes < 1:
            yield (
                f"the timer {timer.name} has no process of its own, and would hold up those of the "
                f"server; say {RTIMER_LINES.splitlines()[1]}"
            )


def _of_threads(config: ServerConfig) -> Iterator[str]:
    for line in config.modparams():
        if line.is_about("app_python3") and line.name == "threads_mode" and line.value != 0:
            yield (
                f"{line.place}: with threads_mode {line.value} a resumed transaction waits for "
                'itself for ever; say modparam("app_python3", "threads_mode", 0)'
            )


def _of_tls(config: ServerConfig) -> Iterator[str]:
    if "tls" in config.modules() and uses_system_openssl():
        yield (
            f"{pycurl.version.split()[0]} stands on the system's OpenSSL, as tls.so does: https "
            "would crash the server; pip install --force-reinstall pycurl brings one of its own"
        )


def uses_system_openssl() -> bool:
    """Whether pycurl's libcurl uses the same OpenSSL as ``tls.so`` of the server."""
    if "OpenSSL/" not in pycurl.version:
        return False
    maps = Path("/proc/self/maps").read_text("utf-8", "surrogateescape")
    mapped = {line.rpartition(" ")[2] for line in maps.splitlines() if "/libssl" in line}
    return all(path.startswith(SYSTEM_FOLDERS) for path in mapped) and bool(mapped)
