"""What is run for docs/reliability.md, put between its markers."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"


def machine() -> str:
    """What it was run on, and when."""
    day = datetime.datetime.now(datetime.timezone.utc).date()
    release = ".".join(platform.release().split(".")[:2])
    system = f"{platform.system()} {release}, Python {platform.python_version()}"
    return f"{day}, {revision()}{os.cpu_count()} cores, {system}"


def revision() -> str:
    """Of what it was run, where that is known."""
    asked = ["git", "-c", "safe.directory=*", "rev-parse", "--short=8", "HEAD"]
    try:
        found = subprocess.run(asked, cwd=PAGE.parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""  # not a checkout
    return f"revision {found.stdout.strip()}, "


def put(name: str, part: str) -> None:
    """Put ``part`` between the markers of that name.

    Raises:
        ValueError: a marker is missing.
    """
    text = PAGE.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(begin)
    _, marker, after = rest.partition(end)
    if not marker:
        raise ValueError(f"{PAGE}: expected a part between {begin.strip()} and {end.strip()}")
    PAGE.write_text(f"{before}{begin}Run on: {machine()}.\n\n{part}\n{end}{after}")
