"""A ratchet on the number of legacy calls in each file: it may fall, but not rise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import onehttp
from onehttp_compat.migration.sites import Site

VERSION: Final = 1


def new_sites(sites: Iterable[Site], baseline: Path) -> list[str]:
    """Return the calls beyond the baseline, as sentences. The baseline is lowered if there are
    fewer calls, and made if there is none.

    Raises:
        onehttp.ConfigurationError: the file is not a baseline.
    """
    found = Counter(f"{site.path}: {site.name}" for site in sites)
    if not baseline.exists():
        _write(baseline, found)
        return []
    allowed = _read(baseline)
    more = [f"{what}: {count} sites, {allowed[what]} allowed by {baseline}"
            for what, count in sorted(found.items()) if count > allowed[what]]  # fmt: skip
    kept = found & allowed
    if not more and kept != allowed:
        _write(baseline, kept)
    return more


def _read(baseline: Path) -> Counter[str]:
    way_out = "delete it to begin anew"
    try:
        said: Any = json.loads(baseline.read_text())
        if said["version"] > VERSION:
            raise onehttp.ConfigurationError(f"{baseline}: of a newer onehttp; {way_out}")
        return Counter({str(what): int(count) for what, count in said["sites"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, onehttp.ConfigurationError):
            raise
        raise onehttp.ConfigurationError(f"{baseline}: no baseline ({error}); {way_out}") from None


def _write(baseline: Path, sites: Counter[str]) -> None:
    said = {"version": VERSION, "sites": dict(sorted(sites.items()))}
    baseline.write_text(json.dumps(said, indent=2) + "\n")
