"""Calls that meet a bug of the legacy modules: predicates over a case."""

from __future__ import annotations

from golden.replay.recordings import Case


def blobs(case: Case) -> list[str]:
    return [call["headers"] for call in case.calls if call.get("headers")]


ENGINE_HEADERS = ("content-type", "user-agent", "accept", "host", "content-length")


def repeated_default_header(case: Case) -> bool:
    def later(blob: str) -> list[str]:
        return [line.partition(":")[0].lower() for line in blob.split("\r\n")[1:]]

    return any(name in ENGINE_HEADERS for blob in blobs(case) for name in later(blob))


def nul_in_text(case: Case) -> bool:
    return any("\0" in call.get(name, "") for call in case.calls for name in ("body", "headers"))


def limited_first_line(case: Case) -> bool:
    is_limited: bool = case.parameter("query_maxdatasize", 0) > 0
    return is_limited and case.parameter("query_result", 1) != 0


def unsafe_call_on_a_kept_connection(case: Case) -> bool:
    is_kept = case.parameter("keep_connections", 0) or "keepconnections" in (case.config_file or "")
    return bool(is_kept) and any(call.get("body") for call in case.calls[1:])


def reads_curlredirect(case: Case) -> bool:
    steps = [*case.steps, *case.attempted]
    return any("curlredirect" in name for step in steps for name in step.get("pvs", ()))


def long_url_remembered(case: Case) -> bool:
    asked = any("redirect" in step["call"] for step in case.steps)
    longest = max((len(call.get("path", "")) for call in case.calls), default=0)
    return asked and longest > 400


def long_content_type(case: Case) -> bool:
    return any(len(call.get("content_type", "")) > 241 for call in case.calls)
