"""What the httpx engine does otherwise, for reasons that lie in Python's ``ssl`` and in h11.

Each pair is a predicate over a case and the change of its expectations.
"""

from __future__ import annotations

from urllib.parse import quote

from golden.divergences.odd_calls import blobs
from golden.divergences.steps import expecting, left_open, with_steps
from golden.replay.asynchronous import ASYNC_MODULES
from golden.replay.recordings import Case, Json, Step, named_arguments
from onehttp import CurlCode

VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def blanks_around_a_value(case: Case) -> bool:
    lines = [line for blob in blobs(case) for line in blob.split("\r\n")]
    return any(value != value.strip() for value in _values(lines))


def _values(lines: list[str]) -> list[str]:
    return [line.partition(":")[2].removeprefix(" ") for line in lines]


def values_without_blanks(case: Case) -> Case:
    """h11 refuses blanks around a value, which mean nothing (RFC 9110, 5.5)."""

    def changed(step: Step) -> Step:
        wire = [
            {**one, "headers": [[name, value.strip()] for name, value in one["headers"]]}
            for one in step["wire"]
        ]
        return {**step, "wire": wire}

    return with_steps(case, changed)


def another_length(case: Case) -> bool:
    return any(_gives_length(call) for call in case.calls)


def _gives_length(call: dict[str, str]) -> bool:
    names = [line.partition(":")[0].lower() for line in call.get("headers", "").split("\r\n")]
    return "content-length" in names


def length_open(case: Case) -> Case:
    """h11 refuses a body that is not as long as its Content-Length says."""
    return with_steps(case, lambda s: left_open(s) if _gives_length(named_arguments(s)) else s)


def non_ascii_target(case: Case) -> bool:
    return any(not one["target"].isascii() for step in case.steps for one in step.get("wire", []))


def encoded_target(case: Case) -> Case:
    """h11 sends no byte outside ASCII in a target: it goes out percent-encoded."""

    def changed(step: Step) -> Step:
        wire = [{**one, "target": _encoded(one["target"])} for one in step["wire"]]
        if wire == step["wire"]:
            return step
        result = step["expect"].get("result")
        shown = quote(result, safe=VISIBLE + "\r\n ") if isinstance(result, str) else result
        return expecting({**step, "wire": wire}, result=shown)

    return with_steps(case, changed)


def _encoded(target: str) -> str:
    return quote(target.encode("latin-1"), safe=VISIBLE)


def removes_host(case: Case) -> bool:
    return any(map(_removes_host, case.calls))


def _removes_host(call: dict[str, str]) -> bool:
    return any(line.lower() == "host:" for line in call.get("headers", "").split("\r\n"))


def hostless_open(case: Case) -> Case:
    """h11 sends no request without Host, which HTTP/1.1 demands."""
    return with_steps(case, lambda s: left_open(s) if _removes_host(named_arguments(s)) else s)


def offers_neither_basic_nor_digest(case: Case) -> bool:
    mask = case.parameter("authmethod", 3)
    return isinstance(mask, int) and bool(mask & 31) and not mask & 3


def scheme_open(case: Case) -> Case:
    return with_steps(case, left_open)


def name_of_proxy_fails(case: Case) -> bool:
    return any(step["expect"].get("rc") == CurlCode.COULDNT_RESOLVE_PROXY for step in case.steps)


def name_fails(case: Case) -> Case:
    """httpx does not say whose name has no address."""

    def changed(step: Step) -> Step:
        is_meant = step["expect"].get("rc") == CurlCode.COULDNT_RESOLVE_PROXY
        return expecting(step, rc=CurlCode.COULDNT_RESOLVE_HOST) if is_meant else step

    return with_steps(case, changed)


def posts_before_a_challenge(case: Case) -> bool:
    return any(map(_is_empty_first_round, case.steps))


def _is_empty_first_round(step: Step) -> bool:
    rounds = [one for one in step.get("wire", []) if one["method"] == "POST"]
    asked = named_arguments(step).get("body")
    return bool(asked) and bool(rounds) and rounds[0]["body"] == "" and _is_challenged(rounds[0])


def _is_challenged(request: dict[str, Json]) -> bool:
    return request.get("notes", {}).get("authorized") is False


def first_round_open(case: Case) -> Case:
    """libcurl keeps the body back until it knows the challenge; here it goes out both times."""

    def changed(step: Step) -> Step:
        if not _is_empty_first_round(step):
            return step
        first, *others = step["wire"]
        kept = [pair for pair in first["headers"] if pair[0] != "Content-Length"]
        body = named_arguments(step)["body"]
        sent = {**first, "headers": [*kept, ["Content-Length", str(len(body))]], "body": body}
        return {**step, "wire": [sent, *others]}

    return with_steps(case, changed)


_UNFINISHED = "/close/headers"
"""Path of an answer that ends before its head does."""


def has_no_head(case: Case) -> bool:
    return any(_ends_headless(one) for step in case.steps for one in step.get("wire", []))


def _ends_headless(request: dict[str, Json]) -> bool:
    target: str = request["target"]
    return target.split("?")[0].endswith(_UNFINISHED)


def nothing_came(case: Case) -> Case:
    """libcurl makes do with half a head (200); here nothing came."""
    if case.module in ASYNC_MODULES:
        return with_steps(case, _fails_in_callback)
    failed = {"http_client": 52}.get(case.module, -1)
    group = {"http_client": "httpclient", "curl": "curl"}.get(case.module)

    def changed(step: Step) -> Step:
        if not any(map(_ends_headless, step["wire"])):
            return step
        counters = {f"{group}.connfail": 1} if group else {}
        result = "" if group else "unset"
        return expecting(step, rc=failed, result=result, counters=counters)

    return with_steps(case, changed)


def tunnels(case: Case) -> bool:
    return any(one["method"] == "CONNECT" for step in case.steps for one in step.get("wire", []))


def tunnel_headers_open(case: Case) -> Case:
    """httpcore writes the CONNECT request by itself."""

    def changed(step: Step) -> Step:
        wire = [
            {key: value for key, value in one.items() if key != "headers"}
            if one["method"] == "CONNECT"
            else one
            for one in step["wire"]
        ]
        return {**step, "wire": wire}

    return with_steps(case, changed)


def _fails_in_callback(step: Step) -> Step:
    if not any(map(_ends_headless, step.get("wire", []))):
        return step
    counters = {"http_async_client.errors": 1, "http_async_client.requests": 1}
    return expecting(step, counters=counters, callbacks=[{"pvs": {"$http_ok": "0"}}])


def changes_settings(case: Case) -> bool:
    settings = [step.get("settings", []) for step in case.steps]
    return case.module in ASYNC_MODULES and any(one != settings[0] for one in settings)


def connections_of_clients(case: Case) -> Case:
    """A client of httpx, and so each connection, belongs to one set of options."""

    def changed(step: Step) -> Step:
        wire = [
            {key: value for key, value in one.items() if key != "connection"}
            for one in step.get("wire", [])
        ]
        return {key: value for key, value in step.items() if key != "connects"} | {"wire": wire}

    return with_steps(case, changed)
