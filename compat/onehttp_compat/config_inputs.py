"""What a ``kamailio.cfg`` depends on besides its files. Imports little, for light commands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigInputs:
    """What a configuration depends on besides its files.

    Attributes:
        defines: names defined from outside, as by the server's option ``-A``; None means no value.
        environment: the variables that ``#!defenv`` and ``$env(...)`` read.
        include_path: further folders to search for files that are not at the given path.
        version: the version of the server, for ``KAMAILIO_5`` and similar names.
    """

    defines: Mapping[str, str | None] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    include_path: Sequence[Path] = ()
    version: tuple[int, int, int] = (5, 6, 3)
