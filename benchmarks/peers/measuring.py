"""Every client in a process of its own, against one nginx, in interleaved rounds."""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, TypeAlias

from benchmarks.contender import Contender
from benchmarks.measure import progress
from benchmarks.peers import environments

CALLS: Final = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """Microseconds of CPU a call, of all rounds."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def __str__(self) -> str:
        return f"{self.median:.0f} ({min(self.rounds):.0f} to {max(self.rounds):.0f})"


Found: TypeAlias = dict[tuple[str, str], Figure]
"""By client and case."""


def measured(url: str, rounds: int) -> Found:
    """What every client here makes of every case it has."""
    found: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        clients = dict.fromkeys(("bare", "onehttp", "onehttp on uvloop"), sys.executable)
        if environments.COMPILED.exists():
            clients["onehttp, compiled"] = str(environments.COMPILED)
        clients |= {peer: str(environments.python_of(peer)) for peer in environments.made()}
        contenders = {}
        for client, python in clients.items():
            progress(f"warming up {client}")
            contenders[client] = Contender(python, "benchmarks.peers.programs", client, url)
            stack.callback(contenders[client].stop)
        for number in range(rounds):
            for client, contender in contenders.items():
                for case in contender.cases:
                    progress(f"round {number + 1}/{rounds}: {client}, {case}")
                    figure_us = contender.cpu_us(case, CALLS)
                    found.setdefault((client, case), []).append(figure_us)
        progress("")
    return {key: Figure(tuple(figures)) for key, figures in found.items()}
