"""Makes as many random calls as wanted, and prints what differs from the real server.

    PYTHONPATH=tests:. python -m stand_ins.random_calls [--messages N] [--seed N] [MODULE...]

``core`` stands for the functions of ``KSR`` itself.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections import defaultdict

from onehttp_compat.script.kemi.tree import EMULATED
from stand_ins.random_calls.comparing import Difference, Drawing, survived
from stand_ins.random_calls.sides import both_sides

SHOWN = 5
"""Examples of each kind of difference."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="*", default=[name or "core" for name in EMULATED])
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=4, help="for each message")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0, help="at most")
    parser.add_argument("--left", default="", help="functions that are not called, with commas")
    chosen = parser.parse_args()
    found: defaultdict[str, list[Difference]] = defaultdict(list)
    number, end, functions = 0, time.monotonic() + chosen.seconds, 0
    while number < chosen.messages and time.monotonic() < end:
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stderr(nowhere),
            both_sides() as sides,
        ):
            left = frozenset(chosen.left.split(","))
            seed = chosen.seed + number * 1000
            draw = Drawing(sides.world, chosen.modules, left, chosen.calls, seed)
            functions, is_there = len(draw.functions), True
            while is_there and number < chosen.messages and time.monotonic() < end:
                number += 1
                message, calls = draw.draw()
                serial = seed * 100_000 + number
                differences, is_there = survived(sides, serial, message, calls)
                for one in differences:
                    found[one.what.partition("(")[0]].append(one)
    for kind, differences in sorted(found.items(), key=lambda one: -len(one[1])):
        print(f"== {kind}: {len(differences)}")
        for one in differences[:SHOWN]:
            print(f"   {one.what[:200]}\n      for {one.message} after {one.calls!a:.400}")
            print(f"      emulation {_shown(one.emulation, one.server)}")
            print(f"      server    {_shown(one.server, one.emulation)}")
    count = sum(map(len, found.values()))
    print(f"{functions} functions, {number * chosen.calls} calls, {count} differences")
    return 1 if found else 0


def _shown(value: object, other: object) -> str:
    """A value, and of long texts what is near the first difference."""
    text = ascii(value)
    pairs = enumerate(zip(text, ascii(other), strict=False))
    start = next((at for at, (one, another) in pairs if one != another), 0)
    return text if len(text) < 300 else f"...{text[max(0, start - 60) : start + 200]}..."


if __name__ == "__main__":
    raise SystemExit(main())
