"""Header blobs that meet a bug which is never reproduced, and the safe outcome of each."""

from __future__ import annotations

import re

from golden.divergences.odd_calls import ENGINE_HEADERS, blobs
from golden.divergences.steps import expecting, left_open, refused, with_steps
from golden.replay.recordings import Case, Json, Step, named_arguments

Request = dict[str, Json]
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*").fullmatch


def blob_ends_its_line(case: Case) -> bool:
    return any(blob.endswith("\r\n") for blob in blobs(case))


def clean_after_the_blob(case: Case) -> Case:
    """The body belongs to the one request there is, and nothing follows it."""

    def clean(step: Step) -> Step:
        call = named_arguments(step)
        body = call.get("body", "")
        if not call.get("headers", "").endswith("\r\n") or not step["wire"] or not body:
            return step
        first = dict(step["wire"][0])
        if first["body"]:  # the blob was of that kind that libcurl ignores
            return step
        length = [["Content-Length", str(len(body.encode("latin-1")))]]
        given = {line.partition(":")[0].lower() for line in call["headers"].split("\r\n")}
        form = [["Content-Type", "application/x-www-form-urlencoded"]]
        own = [] if "content-type" in given else form
        first |= {"headers": [*first["headers"], *length, *own], "body": body}
        cleaned = {**step, "wire": [first]}
        return expecting(cleaned, result=body) if "/echo/body" in call["url"] else cleaned

    return with_steps(case, clean)


def _injects(call: dict[str, str]) -> bool:
    blob = call.get("headers", "").removesuffix("\r\n")
    lines = re.split("\r?\n", blob)
    has_blank_line = len(lines) > 1 and "" in lines
    has_bare_break = any("\r" in line for line in lines)
    has_bad_name = any(
        not _is_token(line.partition(":")[0].strip()) for line in lines if ":" in line
    )
    in_type = any(mark in call.get("content_type", "") for mark in "\r\n")
    return has_blank_line or has_bare_break or has_bad_name or in_type


def injection(case: Case) -> bool:
    return any(_injects(call) for call in case.calls)


def injection_refused(case: Case) -> Case:
    return with_steps(case, lambda s: refused(s) if _injects(named_arguments(s)) else s)


def lone_line_feed(case: Case) -> bool:
    return any("\n" in blob.replace("\r\n", "") for blob in blobs(case))


def separated_by_it(case: Case) -> Case:
    """Servers take it for the end of a line, and get CR LF."""

    def changed(step: Step) -> Step:
        wire = [
            {**request, "headers": [
                (line.split(": ", 1) if at else [name, line])
                for name, value in request["headers"]
                for at, line in enumerate(value.split("\n"))
            ]}
            for request in step["wire"]
        ]  # fmt: skip
        return {**step, "wire": wire}

    return with_steps(case, changed)


def blank_around_a_name(case: Case) -> bool:
    names = (line.partition(":")[0] for line in _lines(case) if ":" in line)
    return any(name != name.strip() for name in names)


def without_the_blank(case: Case) -> Case:
    """A blank before a name would continue the header before it, one after it is forbidden."""

    def changed(step: Step) -> Step:
        wire = [
            {**request, "headers": [[name.strip(), value] for name, value in request["headers"]]}
            for request in step["wire"]
        ]
        return {**step, "wire": wire}

    return with_steps(case, changed)


def _lines(case: Case) -> list[str]:
    return [line for blob in blobs(case) for line in blob.split("\r\n")]


def _later_lines(case: Case) -> list[str]:
    return [line for blob in blobs(case) for line in blob.split("\r\n")[1:] if line]


def no_header_at_all(case: Case) -> bool:
    later = [line for line in _later_lines(case) if ":" not in line or not line.split(":", 1)[1]]
    has_bare_first = any(
        "\r\n" in blob and ":" not in blob.split("\r\n")[0] for blob in blobs(case)
    )
    default = any(line.rstrip(";").lower() in ENGINE_HEADERS for line in _lines(case))
    return bool(later) or has_bare_first or default


def without_what_is_no_header(case: Case) -> Case:
    """Each line is read by itself: ``Name;`` is sent empty, ``Name:`` and ``Name`` are not."""

    def changed(step: Step) -> Step:
        lines = named_arguments(step).get("headers", "").split("\r\n")
        empty = [line[:-1] for line in lines if line.endswith(";") and ":" not in line]
        sent = [[name, ""] for name in empty if name.lower() not in ENGINE_HEADERS]
        wire = [
            {**request, "headers": [pair for pair in request["headers"] if pair[1]] + sent}
            for request in step["wire"]
        ]
        return {**step, "wire": wire}

    return with_steps(case, changed)


def _misleads(call: dict[str, str]) -> bool:
    lines = call.get("headers", "").split("\r\n")
    names = [line.partition(":")[0].lower() for line in lines]
    is_late = any(name in ("content-length", "transfer-encoding", "host") for name in names[1:])
    length = lines[0].partition(":")[2].strip() if names[0] == "content-length" else ""
    return is_late or (length.isdigit() and int(length) > len(call.get("body", "")))


def misleading_framing(case: Case) -> bool:
    return any(map(_misleads, case.calls))


def framing_outcome_open(case: Case) -> Case:
    """A second length, encoding or host misleads the server; what it would do is its affair."""
    return with_steps(case, lambda s: left_open(s) if _misleads(named_arguments(s)) else s)


_SECRET = re.compile(r"(?:authorization|cookie)\s*:", re.IGNORECASE)


def secret_further_down(case: Case) -> bool:
    return any(_SECRET.match(line) for line in _later_lines(case))


def kept_from_other_hosts(case: Case) -> Case:
    """As libcurl does with a header of its own, also where the blob has it further down."""

    def changed(step: Step) -> Step:
        wire = step["wire"]
        return {**step, "wire": [_without_secrets(one, wire[0]) for one in wire]}

    return with_steps(case, changed)


def _without_secrets(request: Request, first: Request) -> Request:
    if request["listener"] == first["listener"]:
        return request
    kept = [pair for pair in request["headers"] if not _SECRET.match(f"{pair[0]}:")]
    return {**request, "headers": kept}
