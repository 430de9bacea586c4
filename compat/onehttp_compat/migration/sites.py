"""The results of a scan: places that call legacy functions, or use HTTP without the engine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from onehttp_compat.calls.secrets import without_secrets

SiteKind: TypeAlias = Literal["call", "reference", "past the engine", "configuration", "seen only"]
"""``reference``: a legacy function is stored in a variable and called elsewhere. ``past the
engine``: another HTTP client in a script of the server. ``configuration``: in a kamailio.cfg.
``seen only``: it was recorded, but is in no scanned file."""

MAX_CODE: Final = 2000
"""The most characters of a call that are shown."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place with a legacy call; lines and columns are counted from 1."""

    path: str
    line: int
    column: int
    end_line: int
    kind: SiteKind
    module: str
    """The legacy module, or the package of the other client."""
    name: str
    """``KSR.http_client.query``, ``http_query``, ``requests.get``."""
    code: str
    """The call in the source, without secrets."""
    replacement: str
    note: str = ""
    """A remark about the site."""
    seen: int | None = None
    """How often a recording contains it; None if there is no recording."""
    is_seen_together: bool = False
    """The count includes other calls of the same name on its line, which a recording does not
    separate."""
    is_unreachable: bool = False
    """It stands after a ``return``, or under ``if False``."""

    @property
    def seen_running(self) -> str:
        """The count as text; empty if there is no recording."""
        if not self.seen:
            return "" if self.seen is None else "never seen"
        times = "once" if self.seen == 1 else f"{self.seen} times"
        return f"seen {times}" + (", counted with its line" if self.is_seen_together else "")

    def as_dict(self) -> dict[str, Any]:
        """Return the site as JSON values."""
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
    """The sites in one file."""

    path: str
    sites: tuple[Site, ...] = ()
    problems: tuple[Problem, ...] = ()
    moved: int = 0
    """The number of calls of ``onehttp``."""
    is_script: bool = False
    """The file is a script for the SIP server: it uses ``KSR``, or has the hooks of a script."""
    imports: frozenset[str] = frozenset()
    """The last parts of the names of the modules that it imports."""


def shown_code(code: str) -> str:
    """Return source code for display: without secrets, and shortened."""
    shown = without_secrets(code)
    return shown if len(shown) <= MAX_CODE else shown[:MAX_CODE] + " ..."
