"""Runs probes, each in a process of its own and a world of its own, and has them judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.comparison.features.feature import Feature, absent_or
from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.world.world import World, world
from benchmarks.contender import ROOT
from benchmarks.nginx import Nginx
from benchmarks.peers.environments import made, python_of

OURS = "onehttp"
CLIENTS = ("httpx", "requests", "aiohttp", "curl_cffi", "pyreqwest", OURS)
STARTING_S = LISTING_S = 60
"""Of a process, on a machine that has much else to do."""
_OF_THE_ENVIRONMENT = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "netrc")


@dataclass(frozen=True)
class Cell:
    """What came of one feature of one client."""

    answer: str
    """``yes``, ``asked for`` or ``no``; ``?`` where the probe itself has failed."""
    note: str = ""
    """What has to be asked for, or what happened instead."""


@dataclass(frozen=True)
class Client:
    """One that can be probed here."""

    name: str
    version: str
    ways: dict[str, list[str]]
    """By feature: what each of its probes asks for."""

    def cell(self, feature: Feature, nginx: Nginx | None) -> Cell:
        """Probe a feature: the first way that works counts, else the last that did not."""
        ways = self.ways.get(feature.name)
        if not ways:
            return Cell("?", "there is no probe")
        found = Cell("?")
        for number, asked in enumerate(ways):
            found = self._way(feature, number, asked, nginx)
            if found.answer != "no":
                break
        return found

    def _way(self, feature: Feature, number: int, asked: str, nginx: Nginx | None) -> Cell:
        with world(nginx if feature.needs_nginx else None) as place:
            outcome = _outcome(self.name, feature, number, place)
            if outcome.is_our_mistake:
                return Cell("?", outcome.raised)
            try:
                missing = absent_or(feature.judge)(outcome, place)
            except LookupError as error:
                return Cell("?", str(error))
        if missing:
            return Cell("no", f"with {asked}: {missing}" if asked else missing)
        return Cell("asked for", asked) if asked else Cell("yes")


def client(name: str) -> Client:
    """One client, asked for its probes.

    Raises:
        SystemExit: it is not there, or its probes do not load.
    """
    if name != OURS and name not in made():
        raise SystemExit(f"{name} has no environment: python -m benchmarks.peers.environments")
    done = _run(_command(name), {}, LISTING_S)
    if done.returncode:
        raise SystemExit(f"the probes of {name} do not load:\n{done.stderr.decode()}")
    listed = json.loads(done.stdout)
    return Client(name, listed["version"], listed["probes"])


def _outcome(name: str, feature: Feature, number: int, place: World) -> Outcome:
    environment = feature.environment(place) if feature.environment else {}
    addresses = json.dumps(place.addresses)
    command = _command(name, feature.name, str(number), str(feature.limit_s), addresses)
    try:
        done = _run(command, environment, feature.limit_s + STARTING_S)
    except subprocess.TimeoutExpired:
        return Outcome(has_ended=False, seconds=feature.limit_s)
    if done.returncode:
        return Outcome(kind="RuntimeError", error=f"the process ended with {done.returncode}")
    return Outcome(**json.loads(done.stdout))


def _command(name: str, *what: str) -> list[str]:
    python = sys.executable if name == OURS else str(python_of(name))
    return [python, "-m", "benchmarks.comparison.probes", name, *what]


def _run(
    command: list[str], environment: Mapping[str, str], limit_s: float
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, env=of_our_own(environment), capture_output=True, timeout=limit_s
    )


def of_our_own(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a probe: no proxy but those that it is about."""
    kept = {
        name: value for name, value in os.environ.items() if name.lower() not in _OF_THE_ENVIRONMENT
    }
    return {**kept, "PYTHONPATH": str(ROOT), **environment}
