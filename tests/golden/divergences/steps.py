"""A case with other steps, a step that expects something else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from golden.replay.recordings import Case, Step


def with_steps(case: Case, change: Callable[[Step], Step]) -> Case:
    return dataclasses.replace(case, steps=[change(step) for step in case.steps])


def expecting(step: Step, **expect: object) -> Step:
    kept = {
        key: value for key, value in step["expect"].items() if expect.get(key, value) is not None
    }
    return {**step, "expect": {**kept, **{k: v for k, v in expect.items() if v is not None}}}


def left_open(step: Step) -> Step:
    """Nothing compared, save that the call ends."""
    kept = {key: value for key, value in step.items() if key not in ("wire", "connects")}
    return kept | {"expect": {"pvs": step["expect"]["pvs"]}}


def refused(step: Step) -> Step:
    """Nothing is sent; whether the result variable is touched is the module's affair."""
    refused = expecting(step, rc=-1, result=None, counters=None, seconds=None)
    refused["expect"].pop("result", None)
    refused["expect"].pop("counters", None)
    return {**refused, "wire": [], "connects": {}}
