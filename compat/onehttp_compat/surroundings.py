"""What a ``kamailio.cfg`` depends on besides its files. Imports little, for light commands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a configuration depends on beside its files.

    Attributes:
        defines: names given from outside, as the server's ``-A`` does; None: without a value.
        environment: what ``#!defenv`` and ``$env(...)`` look in.
        include_path: folders in which files are looked for that are not where they are said to be.
        version: the server's, for ``KAMAILIO_5`` and its kin.
    """

    defines: Mapping[str, str | None] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    include_path: Sequence[Path] = ()
    version: tuple[int, int, int] = (5, 6, 3)
