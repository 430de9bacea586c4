"""``make faults``: runs a test for each row of the matrix of faults, and says what came of it.

    PYTHONPATH=tests:. python -m faults.report [--write] [-- PYTEST_ARGUMENT...]

Prints a table, for people; with ``--write`` it is put into docs/reliability.md as well. The exit
status is 1 when a test failed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from faults.report.results import Results, markdown, table
from stand_ins.page import put

TESTS = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument("rest", nargs="*", help="of pytest")
    chosen = parser.parse_args()
    console = Console()
    columns = (
        TextColumn("faults"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    workers = str((os.cpu_count() or 1) + 1)
    arguments = [str(TESTS), "-q", "-n", workers, "--dist", "worksteal", *chosen.rest]
    told = io.StringIO()
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        results = Results(progress)
        with contextlib.redirect_stdout(told):
            status = pytest.main(arguments, plugins=[results])
    seconds = time.monotonic() - began
    console.print(table(results))
    if results.failed:
        console.print(told.getvalue(), markup=False, highlight=False)
    console.print(results.summary(seconds))
    if chosen.write:
        put("faults", markdown(results, seconds))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
