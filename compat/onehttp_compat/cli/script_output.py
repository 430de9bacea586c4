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
    """What a script writes to standard output, or to standard error: it goes to the second."""

    def __init__(self, shown: TextIO) -> None:
        super().__init__()
        self.shown = shown
        self.written = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute of the base
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

    def close(self) -> None:
        """Only flushed: a script that closes its output does not close that of the report."""
        if not self.shown.closed:  # by its owner, before this was collected
            self.flush()

    def note(self) -> str:
        """A word for the report; empty where all was shown."""
        if self.written <= MAX_SHOWN:
            return ""
        return f"The script printed {self.written} characters, of which {MAX_SHOWN} were shown."


@contextlib.contextmanager
def apart() -> Iterator[ScriptOutput]:
    """Standard output goes to standard error meanwhile, that of child processes too."""
    before = sys.stdout, sys.stderr
    output = ScriptOutput(sys.stderr)
    with _descriptors_apart(*before):
        sys.stdout = sys.stderr = output
        try:
            yield output
        finally:
            output.flush()
            sys.stdout, sys.stderr = before


@contextlib.contextmanager
def _descriptors_apart(stdout: TextIO, stderr: TextIO) -> Iterator[None]:
    """Descriptor 1 is that of standard error meanwhile, where both are real ones; whatever a script
    does to them, they are afterwards what they were."""
    try:
        is_real = stdout.fileno() == 1 and stderr.fileno() == 2
    except (OSError, ValueError):
        is_real = False
    if not is_real:
        yield
        return
    stdout.flush()
    kept = os.dup(1), os.dup(2)
    os.dup2(2, 1)
    try:
        yield
    finally:
        for descriptor, copy in enumerate(kept, 1):
            os.dup2(copy, descriptor)
            os.close(copy)
