"""A sample of the recordings of each module, replayed by a script inside the real server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from golden.conftest import CORPUS
from golden.divergences.rules import verdict
from golden.inside.replay import InsideReplay, Link, linked
from golden.inside.suspended import SuspendedReplay, Suspending, suspending
from golden.replay.recordings import Case, read_corpus
from golden.server.golden_server import GoldenServer

BLOCKING: Final = frozenset({"curl", "http_client", "utils"})
SUSPENDING: Final = frozenset({"http_async_client"})
EVERY: Final = 4
"""One of so many native cases; of those of KEMI scripts, all."""
pytestmark = pytest.mark.slow


def sample(modules: frozenset[str]) -> Iterator[Case]:
    """Cases that are replayed as they stand, or safely: a server in use is never faithful."""
    seen: dict[str, int] = defaultdict(int)
    for case in read_corpus(CORPUS, modules):
        if verdict(case, "pycurl").legacy_bugs == "fixed":
            seen[case.module] += 1
            if case.interface == "kemi" or seen[case.module] % EVERY == 0:
                yield case


def can_be_set_up(case: Case) -> bool:
    """One server is for all: as it starts by default, and told nothing while it runs."""
    is_plain = case.startup["ok"] and not case.params and not case.server_globals
    return is_plain and not any(
        step.get("rpc")
        or "cancel_after" in step
        or "$http_req_id" in str(step)  # counts from the server's start
        or step["expect"].get("crash")
        for step in case.steps
    )


@pytest.fixture(scope="module")
def suspending_server(
    same_python: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Suspending]:
    with suspending(tmp_path_factory.mktemp("suspending")) as running:
        yield running


@pytest.fixture(scope="module")
def link(same_python: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    with linked(tmp_path_factory.mktemp("inside")) as running:
        yield running


@pytest.mark.parametrize("inside_case", list(sample(BLOCKING)), ids=lambda case: case.id)
def test_a_script_in_the_server_gets_what_was_recorded(
    inside_case: Case, link: Link, golden_server: GoldenServer, tmp_path: Path
) -> None:
    judged = verdict(inside_case, "pycurl")
    differences = InsideReplay(judged.case, golden_server, tmp_path, link).differences()
    applied = ", ".join(f"{rule.bug} ({rule.why})" for rule in judged.rules) or "none"
    assert not differences, "\n".join([*differences, f"rules applied: {applied}"])


@pytest.mark.parametrize(
    "inside_case",
    [case for case in sample(SUSPENDING) if can_be_set_up(case)],
    ids=lambda case: case.id,
)
def test_a_transaction_of_the_server_goes_on_as_was_recorded(
    inside_case: Case,
    suspending_server: Suspending,
    golden_server: GoldenServer,
    tmp_path: Path,
) -> None:
    judged = verdict(inside_case, "pycurl")
    replay = SuspendedReplay(judged.case, golden_server, tmp_path, suspending_server)
    differences = replay.differences()
    applied = ", ".join(f"{rule.bug} ({rule.why})" for rule in judged.rules) or "none"
    assert not differences, "\n".join([*differences, f"rules applied: {applied}"])
