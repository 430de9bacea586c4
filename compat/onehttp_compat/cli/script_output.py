"""Shows the output of a script apart from the report, up to a limit."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Final, TextIO

MAX_SHOWN: Final = 1 << 20
"""The number of characters of a script's output that are shown. All are counted."""


class ScriptOutput(io.TextIOBase):
    """Replaces standard output or standard error for a script. Its text is written to standard
    error."""

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
        """Flush only: a script that closes its output must not close that of the report."""
        if not self.shown.closed:  # closed by its owner, before this object was collected
            self.flush()

    def note(self) -> str:
        """Return a remark for the report, or an empty text if everything was shown."""
        if self.written <= MAX_SHOWN:
            return ""
        return f"The script printed {self.written} characters, of which {MAX_SHOWN} were shown."


@contextlib.contextmanager
def apart() -> Iterator[ScriptOutput]:
    """While this is active, standard output goes to standard error, also that of child
    processes."""
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
    """While this is active, descriptor 1 is a copy of standard error, if both are real descriptors.
    They are restored afterwards, whatever a script has done to them."""
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
