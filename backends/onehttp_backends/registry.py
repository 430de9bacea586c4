"""Finds backends by name, so that others can add one without touching this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from onehttp_backends.contract import Backend
from onehttp_backends.errors import BackendUnavailableError
from onehttp_backends.hints.extras import brought_by
from onehttp_backends.hints.nearest import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

GROUP = "onehttp.backends"


def available() -> list[str]:
    """Names that can be given to `load`, sorted."""
    return sorted({"pycurl", "httpx"} | {entry.name for entry in _registered()})


def load(name: str) -> Callable[..., Backend]:
    """The factory of the backend called ``name``; its keywords are the backend's settings.

    Raises:
        BackendUnavailableError: unknown, or not importable; the message says what to install.
    """
    try:
        # The two of this package by hand: scanning the metadata of every installed
        # distribution would triple the cost of a first call.
        if name == "pycurl":
            _check_pycurl()
            from onehttp_backends.curl import PycurlBackend

            return PycurlBackend
        if name == "httpx":
            from onehttp_backends.double import HttpxBackend

            return HttpxBackend
        for entry in _registered():
            if entry.name == name:
                return cast("Callable[..., Backend]", entry.load())
    except ImportError as error:
        hint = f"; {brought_by('testing')}" if name == "httpx" else ""
        raise BackendUnavailableError(
            f"backend {name!r} cannot be loaded: {error}{hint}"
        ) from error
    near = nearest(name, available())
    hint = f" (did you mean {near!r}?)" if near else f"; there are: {', '.join(available())}"
    raise BackendUnavailableError(f"no backend named {name!r}{hint}")


def _check_pycurl() -> None:
    from onehttp_backends.curl_build import check_build, check_kernel_waits

    check_kernel_waits()
    import pycurl

    check_build(pycurl)


def _registered() -> EntryPoints:
    # Imported here: it costs a third of what importing this library does.
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)
