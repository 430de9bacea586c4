"""``python -m benchmarks.peers``: prints the tables of the other clients for this machine."""

from __future__ import annotations

import argparse

from benchmarks.measure import machine
from benchmarks.nginx import running
from benchmarks.peers.measuring import measured
from benchmarks.peers.tables import tables
from benchmarks.processors import one_processor


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with one_processor(), running() as nginx:
        found = measured(f"{nginx.plain}/small", rounds)
    print(f"{machine()}\n\n{tables(found)}")


if __name__ == "__main__":
    main()
