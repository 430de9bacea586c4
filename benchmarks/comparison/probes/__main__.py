"""``python -m benchmarks.comparison.probes CLIENT [FEATURE NUMBER SECONDS PLACE]``: says JSON.

With a client alone: its version, and what is asked for by each of its probes.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
from importlib.metadata import version
from threading import Timer
from typing import TextIO

from benchmarks.comparison.probes.kit import Place, Probes

MODULES = {"onehttp": f"{__package__}.of_onehttp_operating"}  # which adds to the others of its


def main() -> None:
    # What a client prints, or warns of, is not what is asked.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    client, *what = sys.argv[1:]
    probes: Probes = importlib.import_module(
        MODULES.get(client, f"{__package__}.of_{client}")
    ).probes
    if not what:
        listed = {name: [each.asked for each in ways] for name, ways in probes.by_feature.items()}
        found: object = {"version": version(probes.package), "probes": listed}
    else:
        feature, number, limit, place = what
        limit_s = float(limit)
        late = {"has_ended": False, "seconds": limit_s}
        Timer(limit_s, finish, (out, late)).start()
        found = ran(probes, feature, int(number), Place(json.loads(place)))
    finish(out, found)


def finish(out: TextIO, found: object) -> None:
    """Say it, and end."""
    json.dump(found, out)
    out.flush()
    os._exit(0)  # how each of them says goodbye is not asked


def ran(probes: Probes, feature: str, number: int, place: Place) -> dict[str, object]:
    """What one probe said, or what was raised."""
    said, error, kind = None, "", ""
    began = time.monotonic()
    try:
        said = probes.by_feature[feature][number].run(place)
    except Exception as caught:  # noqa: BLE001 - it is the answer
        kind, error = type(caught).__name__, " ".join(str(caught).split())
    seconds = time.monotonic() - began
    return {"said": said, "kind": kind, "error": error, "seconds": seconds}


if __name__ == "__main__":
    main()
