"""What a scan finds: places that call the legacy functions, or HTTP past the engine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from onehttp_compat.calls.secrets import without_secrets

SiteKind: TypeAlias = Literal["call", "reference", "past the engine", "configuration", "seen only"]
"""``reference``: a legacy function is named and called elsewhere, by a variable; ``past the
engine``: another HTTP client in a script of the server; ``configuration``: in a kamailio.cfg;
``seen only``: a recording has it, and no file that was scanned."""

MAX_CODE: Final = 2000
"""So many characters of a call are shown."""


@dataclass(frozen=True, slots=True)
class Site:
    """One place; lines and columns are counted from 1."""

    path: str
    line: int
    column: int
    end_line: int
    kind: SiteKind
    module: str
    """The legacy module, or the other client's package."""
    name: str
    """``KSR.http_client.query``, ``http_query``, ``requests.get``."""
    code: str
    """The call as it stands there, without secrets."""
    replacement: str
    note: str = ""
    """What else to know of it."""
    seen: int | None = None
    """How often a recording has seen it running; None: there is no recording."""
    is_seen_together: bool = False
    """That counts the same calls on its line, too: a recording does not tell them apart."""
    is_unreachable: bool = False
    """Behind a ``return``, or under ``if False``."""

    @property
    def seen_running(self) -> str:
        """The same for people; empty where there is no recording."""
        if not self.seen:
            return "" if self.seen is None else "never seen"
        times = "once" if self.seen == 1 else f"{self.seen} times"
        return f"seen {times}" + (", counted with its line" if self.is_seen_together else "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file was not read, or not all of it."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


@dataclass(frozen=True, slots=True)
class FileScan:
    """What there is in one file."""

    path: str
    sites: tuple[Site, ...] = ()
    problems: tuple[Problem, ...] = ()
    moved: int = 0
    """How many calls of ``onehttp`` there are already."""
    is_script: bool = False
    """It is made for the SIP server: it names ``KSR``, or has the hooks of a script."""
    imports: frozenset[str] = frozenset()
    """The modules that it imports, by their last names."""


def shown_code(code: str) -> str:
    """Source code to be shown: without secrets, and not endless."""
    shown = without_secrets(code)
    return shown if len(shown) <= MAX_CODE else shown[:MAX_CODE] + " ..."
