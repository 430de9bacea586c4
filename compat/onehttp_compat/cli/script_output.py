"""What a script prints: shown beside the report, never inside it, and not without end."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Final, TextIO

MAX_SHOWN: Final = 1 << 20
"""So many characters of a script's output are shown; all are counted."""


class ScriptOutput(io.TextIOBase):
    """Standard output of a script: it goes to standard error."""

    def __init__(self, shown: TextIO) -> None:
        super().__init__()
        self.shown = shown
        self.written = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.shown.fileno()

    def write(self, text: str) -> int:
        left = MAX_SHOWN - self.written
        self.written += len(text)
        if left > 0:
            self.shown.write(text[:left])
            if len(text) >= left:
                self.shown.write(f"\n[the script has printed {MAX_SHOWN} characters; no more]\n")
        return len(text)

    def flush(self) -> None:
        self.shown.flush()

    def note(self) -> str:
        """A word for the report; empty where all was shown."""
        if self.written <= MAX_SHOWN:
            return ""
        return f"The script printed {self.written} characters, of which {MAX_SHOWN} were shown."


@contextlib.contextmanager
def apart() -> Iterator[ScriptOutput]:
    """Standard output goes to standard error meanwhile, that of child processes too."""
    output = ScriptOutput(sys.stderr)
    before = sys.stdout
    with _descriptor_apart(before):
        sys.stdout = output
        try:
            yield output
        finally:
            output.flush()
            sys.stdout = before


@contextlib.contextmanager
def _descriptor_apart(stdout: TextIO) -> Iterator[None]:
    """Descriptor 1 is that of standard error meanwhile, where both are real ones."""
    try:
        is_real = stdout.fileno() == 1 and sys.stderr.fileno() == 2
    except (OSError, ValueError):
        is_real = False
    if not is_real:
        yield
        return
    stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
