"""What the real server says of a configuration: ``kamailio -c``, from its Debian package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

LONGEST_S: Final = 60
"""The server reads some files without end."""
_no_module = re.compile(rb"No module matching <(.*?)> found", re.DOTALL | re.IGNORECASE)
_not_loaded = re.compile(rb"(?:open|find) module <(.*?)>", re.DOTALL)


class Checked(NamedTuple):
    """Its verdict, and all that it logged."""

    is_accepted: bool
    log: bytes

    @property
    def first_modparam(self) -> str | None:
        """The module that the first ``modparam`` names, where there is no such module."""
        found = _no_module.search(self.log)
        return found[1].decode("utf-8", "surrogateescape") if found else None

    @property
    def first_module(self) -> str | None:
        """The module that could not be loaded first."""
        found = _not_loaded.search(self.log)
        return found[1].decode("utf-8", "surrogateescape") if found else None


def checked(
    path: Path, environment: Mapping[str, str] | None = None, defines: Sequence[str] = ()
) -> Checked:
    """Have the real server check a configuration, as it would before it starts with it."""
    command = shutil.which("kamailio") or "/usr/sbin/kamailio"
    run = subprocess.run(
        [command, "-c", "-f", str(path), *(part for name in defines for part in ("-A", name))],
        capture_output=True,
        cwd=path.parent,
        env={**os.environ, **(environment or {})},
        timeout=LONGEST_S,
        check=False,
    )
    return Checked(run.returncode == 0, run.stdout + run.stderr)
