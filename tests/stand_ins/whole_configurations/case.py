"""A configuration, and what has to become of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

API = 'modparam("http_client", "httpcon", "api=>http://h.example/v1")'
LOAD = 'loadmodule "http_client.so"'
URL = {"connections": {"api": {"url": "http://h.example/v1"}}}


class Case(NamedTuple):
    title: str
    text: str
    report: tuple[str, ...]
    """``LINE WHAT: BECAME`` for each row, modules that are loaded left out."""
    said: Mapping[str, Any] = URL
    """Is in the file of connections; None: no such key."""
    status: int = 0
    is_accepted: bool | None = True
    """By the real server; None: it has no such module any more, or none in Debian."""
    files: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}
    defines: Mapping[str, str | None] = {}
    loads: bool = True
    """The file can be used as it is: what it names is there."""
