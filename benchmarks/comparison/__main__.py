"""``python -m benchmarks.comparison``: probes every client, prints the tables.

`make compare` makes the clients' environments first, and has docs/compare.md written.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from benchmarks.comparison import page
from benchmarks.comparison.features import FEATURES
from benchmarks.comparison.running import CLIENTS, Cell, Client, client
from benchmarks.measure import progress
from benchmarks.nginx import Nginx, running

AT_ONCE = 3
"""Probes wait more than they compute."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.comparison", description=__doc__)
    parser.add_argument("--only", choices=CLIENTS, action="append", help="repeatable")
    parser.add_argument("--feature", choices=FEATURES, action="append", help="repeatable")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}, too")
    options = parser.parse_args()
    if options.write and (options.only or options.feature):
        parser.error("--write is for the whole page")
    clients = [client(name) for name in options.only or CLIENTS]
    with running() as nginx:
        cells = compared(clients, options.feature or list(FEATURES), nginx)
    if options.json:
        found = [
            {"feature": f, "client": c, **dataclasses.asdict(cell)}
            for (f, c), cell in cells.items()
        ]
        print(json.dumps(found, indent=1))
    else:
        print(page.tables(clients, cells))
    broken = {key: cell.note for key, cell in cells.items() if cell.answer == "?"}
    for (feature, name), note in broken.items():
        print(f"{name}, {feature}: {note}", file=sys.stderr)
    if options.write and not broken:
        page.write(clients, cells)
    return bool(broken)


def compared(
    clients: list[Client], features: list[str], nginx: Nginx
) -> dict[tuple[str, str], Cell]:
    """Every feature of every client, by both."""
    wanted = [(feature, each) for feature in features for each in clients]

    def cell(pair: tuple[str, Client]) -> Cell:
        feature, each = pair
        progress(f"{each.name}, {feature}")
        return each.cell(FEATURES[feature], nginx)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        cells = list(threads.map(cell, wanted))
    progress("")
    return {(feature, each.name): cell for (feature, each), cell in zip(wanted, cells, strict=True)}


if __name__ == "__main__":
    sys.exit(main())
