"""Asynchronous cases that are not simply compared: what is repaired, and what is never reproduced.

Predicates over a case, and changes of its expectations.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from golden.divergences.steps import with_steps
from golden.replay.asynchronous import ASYNC_MODULES, FIRST_REVISION
from golden.replay.comparison import as_bytes
from golden.replay.recordings import Case, Json, Step
from onehttp_compat.modules.http_async_client.settings import DOCUMENTED, KEYS, method_of
from onehttp_compat.registry import NATIVE

_several_blocks = re.compile(rb"\r\n\r\nHTTP/")
_via = re.compile(rb"\n[VH]ia:", re.IGNORECASE)


def is_asynchronous(case: Case) -> bool:
    return case.module in ASYNC_MODULES


def _callbacks(case: Case) -> list[dict[str, Json]]:
    return [one["pvs"] for step in case.steps for one in step["expect"].get("callbacks", [])]


def _buffers(case: Case) -> list[bytes]:
    return [as_bytes(pvs.get("$http_mb")) or b"" for pvs in _callbacks(case)]


def shows_first_of_several(case: Case) -> bool:
    """A redirect, a challenge or an interim response came before the answer."""
    has_blocks = any(_several_blocks.search(buffer) for buffer in _buffers(case))
    statuses = [str(pvs.get("$http_rs")) for pvs in _callbacks(case)]
    followed = any(len(step.get("wire", [])) > len(step["expect"].get("callbacks", []))
                   and "then" not in step for step in case.steps)  # fmt: skip
    is_interim = any(status.startswith("1") for status in statuses)
    return is_asynchronous(case) and (has_blocks or followed or is_interim)


def loses_bytes_to_nul(case: Case) -> bool:
    return is_asynchronous(case) and any(b"\0" in buffer for buffer in _buffers(case))


def has_unreadable_status(case: Case) -> bool:
    return any(
        pvs.get("$http_ok") == "1" and pvs.get("$http_rs", "") is None for pvs in _callbacks(case)
    )


def has_via(case: Case) -> bool:
    return any(_via.search(buffer) for buffer in _buffers(case))


def keeps_settings_for_another_message(case: Case) -> bool:
    refused = [step.get("settings") and step["expect"].get("rc") == -1 for step in case.steps[:-1]]
    return is_asynchronous(case) and any(refused)


def crashes(case: Case) -> bool:
    return is_asynchronous(case) and any(step["expect"].get("crash") for step in case.steps)


def crash_open(case: Case) -> Case:
    """Nothing to reproduce, save that the call ends."""
    return with_steps(
        case, lambda step: _only(step, "crash") if "crash" in step["expect"] else step
    )


def crashes_at_start(case: Case) -> bool:
    return is_asynchronous(case) and bool(case.startup.get("crash"))


def starts(case: Case) -> Case:
    """What the server died of while it loaded the script is no reason to refuse it."""
    return dataclasses.replace(case, startup={**case.startup, "ok": True}, steps=[])


def _only(step: Step, *names: str) -> Step:
    """Of the expectations these alone; the wire is left open."""
    kept = {key: value for key, value in step.items() if key not in ("wire", "connects")}
    expect = {key: value for key, value in step["expect"].items() if key in names}
    return {**kept, "expect": expect}


def loses_second_callback(case: Case) -> bool:
    return any(_loses_second(step) for step in case.steps)


def _loses_second(step: Step) -> bool:
    then = step["expect"].get("then")
    return bool(then) and then["rc"] == 0 and not then["callbacks"]


def both_callbacks_run(case: Case) -> Case:
    def changed(step: Step) -> Step:
        if not _loses_second(step):
            return step
        expect = {key: value for key, value in step["expect"].items() if key != "seconds"}
        expect["then"] = {"rc": 0, "callbacks": [{"pvs": {"$http_ok": "1"}}]}
        expect["sip"] = {"responses": ["200 done twice"], "finals": 1}
        return {**step, "expect": expect}

    return with_steps(case, changed)


_PATH_SETTERS = ("http_set_ca_path()", "http_set_ssl_cert()", "http_set_ssl_key()")
_PATH_PARAMETERS = ("tlscapath", "tlsclientcert", "tlsclientkey")


def hands_over_endless_paths(case: Case) -> bool:
    set_by_call = any(
        name in _PATH_SETTERS for step in case.steps for name, _, _ in step.get("settings", [])
    )
    in_params = any(case.parameter(name) for name in _PATH_PARAMETERS)
    return case.revision == FIRST_REVISION and (set_by_call or in_params)


def tls_outcome_open(case: Case) -> Case:
    """The path is used as it was given; what comes of it the recording cannot tell."""
    return with_steps(case, lambda step: _only(step, "rc", "sip", "suspended", "settings_rc"))


def is_over_at_once(case: Case) -> bool:
    by_key = any(
        name == "timeout" and value == 0
        for step in case.steps
        for name, _, value in step.get("settings", [])
    )
    return is_asynchronous(case) and (by_key or case.parameter("connection_timeout") == 0)


def comes_in_bursts(case: Case) -> bool:
    return any("burst" in step for step in case.steps)


def burst_connections_open(case: Case) -> Case:
    """How many connections carry requests that came together."""

    def changed(step: Step) -> Step:
        if "burst" not in step:
            return step
        wire = [
            {key: value for key, value in request.items() if key != "connection"}
            for request in step["wire"]
        ]
        return {key: value for key, value in step.items() if key != "connects"} | {"wire": wire}

    return with_steps(case, changed)


def connections_open(case: Case) -> Case:
    """Nothing is sent; whether a connection is begun is of no use to anybody."""

    def changed(step: Step) -> Step:
        return {key: value for key, value in step.items() if key != "connects"}

    return with_steps(case, changed)


_FIRST_SETTERS = (
    "http_verify_host",
    "http_verify_peer",
    "http_async_suspend",
    "http_set_timeout",
    "http_append_header",
    "http_set_method",
    "http_set_ssl_cert",
    "http_set_ssl_key",
    "http_set_ca_path",
)
_NAMES_OF_FIRST = {
    "http_async_query/2",
    "http_async_query/3",
    *(f"{name}/1" for name in _FIRST_SETTERS),
}
_NAMES_OF_5_6 = {
    "http_async_query/2",
    *(f"$http_req({key})" for key in ("all", *KEYS) if key != "http_version"),
    "$http_req_id",
    "$http_time",
}
_NAMES_OF_ALL = {
    *_NAMES_OF_FIRST,
    *_NAMES_OF_5_6,
    *(f"{name}/{count}" for (name, count), one in NATIVE.items() if one.module in ASYNC_MODULES),
    *(f"$http_req({key})" for key in ("http_version", *DOCUMENTED)),
    "$http_xdata",
}


def uses_name_of_another_revision(case: Case) -> bool:
    is_first = case.revision == FIRST_REVISION
    own = _NAMES_OF_FIRST if is_first else _NAMES_OF_5_6
    return is_asynchronous(case) and any(
        name in _NAMES_OF_ALL - own for step in case.attempted for name in _names(step)
    )


def _names(step: Step) -> Iterator[str]:
    """Functions with the number of their arguments, keys, and other variables by their class."""
    yield f"{step['call']}/{len(step['args'])}"
    for name, *_ in step.get("settings", []):
        yield f"{name[:-2]}/1" if name.endswith("()") else f"$http_req({name})"
    for name in (*step.get("pvs", ()), *step.get("main_pvs", ())):
        yield re.split(r"[(\[]", name.replace("$(", "$"), maxsplit=1)[0]


def sets_later_method(case: Case) -> bool:
    return is_asynchronous(case) and any(_sets_later_method(step) for step in case.steps)


def _sets_later_method(step: Step) -> bool:
    settings = (*step.get("settings", ()), *step.get("then", {}).get("settings", ()))
    return any(
        name in ("method", "http_set_method()") and method_of(str(value)) == "PATCH"
        for name, _, value in settings
    )


def later_method_open(case: Case) -> Case:
    """The method is used; those who refuse it send the query all the same."""
    return with_steps(
        case,
        lambda step: _only(step, "rc", "sip", "suspended") if _sets_later_method(step) else step,
    )
