"""Queries in random orders of what can happen, in a process that has little to copy for forks."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from stand_ins.processes import nothing_untold
from stand_ins.queries.interleavings import Interleavings
from stand_ins.queries.interleavings_on_sockets import OnSockets


def on_a_scripted_engine() -> None:
    _run(Interleavings, 100, 40)


def on_sockets(engine: str) -> None:
    """The same by an engine of this name."""
    machine = type(f"On{engine}", (OnSockets,), {"engine": engine})
    _run(machine, 50 if engine == "pycurl" else 20, 25)


def _run(machine: type[RuleBasedStateMachine], orders: int, steps: int) -> None:
    with nothing_untold():
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=orders,
                stateful_step_count=steps,
                deadline=None,
                derandomize=True,
                database=None,
            ),
        )
