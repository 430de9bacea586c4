"""A legacy call, as observers get it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from onehttp_compat.registry import LegacyFunction

_secret_query = re.compile(r"(?i)([?&][^=&]*(?:token|key|secret|pass|pwd|auth|sig)[^=&]*=)[^&#]*")
_userinfo = re.compile(r"^((?:https?:/*)?)[^/?#@]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyCall:
    """A legacy call, for observers."""

    function: LegacyFunction
    name: str
    """As the script wrote it: ``http_query``, ``KSR.http_client.query``."""
    file: str
    line: int
    url: str
    """The URL as it was given. It may contain secrets."""
    code: int
    result_bytes: int | None
    time_s: float
    is_kemi: bool
    arguments: Mapping[str, str | int] = field(repr=False)
    """By the names of the registry, with variables replaced."""
    written: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The arguments that contained variables, as the script has written them."""
    refusal: str = ""
    """Why the call was refused before anything could be sent; empty if it was not refused."""
    end: tuple[int, int] | None = field(default=None, repr=False)
    """Line and column of the end of the call, to tell apart the calls of a line; None if
    unknown."""
    settings: object = field(default=None, repr=False)
    """For an asynchronous query, the settings that the script has made for it."""


Observer: TypeAlias = Callable[[LegacyCall], None]


def shown_url(url: str) -> str:
    """Return a URL without credentials, and without values of parameters that look like secrets."""
    return _secret_query.sub(r"\1...", _userinfo.sub(r"\1", url))
