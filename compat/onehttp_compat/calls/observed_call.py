"""A legacy call, as observers are told of it."""

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
    """As given; may hold secrets."""
    code: int
    result_bytes: int | None
    time_s: float
    is_kemi: bool
    arguments: Mapping[str, str | int] = field(repr=False)
    """By the names of the registry, variables in them replaced."""
    written: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those of them that held variables, as the script gave them."""
    refusal: str = ""
    """Why the call was refused before anything could be sent; empty: it was not."""
    end: tuple[int, int] | None = field(default=None, repr=False)
    """Line and column behind it, which tell the calls of a line apart; None: not known."""
    settings: object = field(default=None, repr=False)
    """What had been set for it, where it is an asynchronous query."""


Observer: TypeAlias = Callable[[LegacyCall], None]


def shown_url(url: str) -> str:
    """A URL without credentials and without the values of parameters that look like secrets."""
    return _secret_query.sub(r"\1...", _userinfo.sub(r"\1", url))
