"""The script that makes the calls: the same one in the emulation and in the real server.

It has a table, $sht(t=>k), and a queue, $mq_size(q).

It reads the calls for a message from a file, and writes what came of them to another one.
"""

from __future__ import annotations

import json
import os
from typing import Any

import KSR

IN_SERVER = "ONEHTTP_LINK" in os.environ
CALLS = os.environ["RANDOM_CALLS"]
RESULTS = os.environ["RANDOM_CALLS"] + (".server" if IN_SERVER else ".emulation")
ODD = {"bytes": b"a", "float": 1.5, "list": [], "true": True, "none": None}


def made(argument: Any) -> Any:
    return ODD[argument["odd"]] if isinstance(argument, dict) else argument


def result_of(label: str, arguments: list[Any]) -> Any:
    module, _, name = label.rpartition(".")
    try:
        owner = getattr(KSR, module) if module else KSR
        result = getattr(owner, name)(*map(made, arguments))
    except Exception as error:  # noqa: BLE001 - it is the result
        return f"raised {type(error).__name__}, {type(error.__cause__).__name__}"
    return result if isinstance(result, int | str | None) else repr(result)


def ksr_request_route() -> int:
    with open(CALLS, encoding="ascii") as file:
        calls = json.load(file)
    results = []
    for label, arguments in calls:
        results.append(result_of(label, arguments))
        with open(RESULTS, "w", encoding="ascii") as file:
            json.dump(results, file)
    return 1


ksr_reply_route = ksr_request_route
