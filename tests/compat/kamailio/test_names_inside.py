"""Names inside the real server, whose idle workers keep the interpreter to themselves: the threads
that look names up run only while a call of their worker waits, and that is enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.kamailio import inside as kamailio_inside
from servers.kamailio.inside import Inside
from servers.raw import RawServer, keep_answering


@pytest.fixture
def inside(same_python: None, tmp_path: Path) -> Iterator[Inside]:
    script = Path(__file__).with_name("names_script.py")
    with RawServer(keep_answering) as server:
        environment = {"TEST_PORT": str(server.port)}
        with kamailio_inside.running(tmp_path, script, environment) as running:
            yield running


def test_a_worker_looks_names_up_while_others_are_dead(inside: Inside) -> None:
    assert inside.ask("good") == "200"
    assert inside.ask("dead") == " ".join(["28"] * 25)
    for _ in range(3):
        assert inside.ask("good") == "200"
    assert inside.ask_until("in_flight", "25") == "25"  # a thread ends when it has its turn


def test_an_answer_that_comes_while_the_worker_is_idle_is_there_for_its_next_call(
    inside: Inside,
) -> None:
    assert inside.ask("dead") == " ".join(["28"] * 25)
    assert inside.ask("there_now") == "let go"
    assert inside.ask("late") == "200"
    assert inside.ask_until("in_flight", "0") == "0"
