"""What is expected instead where a bug is never reproduced: the safe outcome.

Each pair is a predicate over a case and the change of its expectations.
"""

from __future__ import annotations

import re

import pycurl

from golden.divergences.odd_configurations import after_scheme, any_setting, sections
from golden.divergences.steps import expecting, left_open, with_steps
from golden.replay.comparison import as_bytes
from golden.replay.recordings import Case, Json, Step, named_arguments


def lists_credentials(case: Case) -> bool:
    is_listing = any(step["call"].endswith(".listcon") for step in case.steps)
    file_has = re.search(r"(?im)^\s*(username|password)\s*=", case.config_file or "")
    in_definitions = any("@" in after_scheme(one) for one in case.definitions)
    # In 2015 a failover name alone was enough to end the process.
    names_failover = case.module == "curl" and any_setting(case, lambda key, _: key == "failover")
    return is_listing and bool(file_has or in_definitions or names_failover)


def listed_without_passwords(case: Case) -> Case:
    """Each connection is listed, and no password is."""
    names = [definition.partition("=>")[0].strip() for definition in case.definitions]
    names += [name for name, _ in sections(case)]
    secrets = [one.partition("@")[0].rpartition(":")[2] for one in case.definitions if "@" in one]
    secrets += re.findall(r'(?im)^\s*password\s*=\s*"?([^"\s]+)', case.config_file or "")

    def listed(step: Step) -> Step:
        if not step["call"].endswith(".listcon"):
            return step
        return {**step, "expect": {"lists": sorted(names), "hides": secrets}}

    return with_steps(case, listed)


_CERTIFICATE_PROBLEM, _BAD_ARGUMENT = 58, 43


def certificate_refused(case: Case) -> bool:
    return any(step["expect"].get("rc") == _CERTIFICATE_PROBLEM for step in case.steps)


def refused_either_way(case: Case) -> Case:
    """A key that does not match was found at the handshake, and is when it is set."""

    def either(step: Step) -> Step:
        if step["expect"].get("rc") != _CERTIFICATE_PROBLEM:
            return step
        kept = {key: value for key, value in step.items() if key != "connects"}
        return expecting(kept, otherwise={**step["expect"], "rc": _BAD_ARGUMENT})

    return with_steps(case, either)


_NTLM = 8


def lacks_ntlm(case: Case) -> bool:
    has_ntlm = bool(pycurl.version_info()[4] & pycurl.VERSION_NTLM)
    return case.parameter("authmethod") == _NTLM and not has_ntlm


def ntlm_outcome_open(case: Case) -> Case:
    return with_steps(case, left_open)


_QUERY_TLS = ("tlscacert", "tlscipherlist", "tlsclientcert", "tlsclientkey")


def tls_files_of_queries(case: Case) -> bool:
    is_set = any(case.parameter(name) for name in _QUERY_TLS)
    return case.module == "curl" and is_set and any(map(_is_tls_query, case.steps))


def _is_tls_query(step: Step) -> bool:
    return named_arguments(step).get("url", "").lower().startswith("https:")


def tls_outcome_open(case: Case) -> Case:
    """The later behaviour applies the files; what comes of it the recording cannot tell."""

    return with_steps(case, lambda step: left_open(step) if _is_tls_query(step) else step)


def _is_foreign(url: str) -> bool:
    scheme = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://", url)
    return bool(scheme) and scheme[1].lower() not in ("http", "https")  # type: ignore[index]


def foreign_scheme(case: Case) -> bool:
    asked = any(_is_foreign(call.get("url", "")) for call in case.calls)
    configured = any(_is_foreign(one.partition("=>")[2]) for one in case.definitions)
    return case.module in ("utils", "curl") and (asked or configured)


def foreign_refused(case: Case) -> Case:
    """As any transfer that fails: -1, and the variable cleared by ``curl``, kept by ``utils``."""

    def refused(step: Step) -> Step:
        is_configured = "url" not in named_arguments(step)
        if not is_configured and not _is_foreign(named_arguments(step)["url"]):
            return step
        failed = {"curl.connfail": 1} if case.module == "curl" else {}
        result = "" if case.module == "curl" else "unset"
        changed = expecting(step, rc=-1, result=result, counters=failed)
        changed["expect"].pop("stopped", None)
        return {**changed, "wire": [], "connects": {}}

    return with_steps(case, refused)


def zero_filled(case: Case) -> bool:
    is_old = re.fullmatch(r"[0-9a-f]{7,40}\^?", case.revision) is not None
    return is_old and any(_zero_filled_result(step) for step in case.steps)


def _zero_filled_result(step: Step) -> bool:
    target = next((one["value"] for one in step["args"] if one["kind"] == "pv"), "")
    content = as_bytes(step["expect"].get("result"))
    return target.startswith("$var(") and content is not None and b"\0" in content


def bytes_up_to_the_nul(case: Case) -> Case:
    """``$var`` of that tree: the length is right, and the bytes before the first NUL are."""

    def changed(step: Step) -> Step:
        if not _zero_filled_result(step):
            return step
        content = as_bytes(step["expect"]["result"]) or b""
        shape = {"starts": content.split(b"\0")[0].decode("latin-1"), "length": len(content)}
        return expecting(step, result=shape)

    return with_steps(case, changed)


_NEWER_LIBCURL = [
    ("/framing/two-lengths", 200, 8),
    ("/framing/huge-header", 27, 100),
]
"""Path (of a response libcurl judges differently since 7.88.1), code then, code now."""


def judged_differently(case: Case) -> bool:
    return any(
        path in request["target"]
        for step in case.steps
        for request in step["wire"]
        for path, _, _ in _NEWER_LIBCURL
    )


_fold = re.compile(r"\r\n[ \t]+")


def unfolded_by_libcurl(case: Case) -> bool:
    return any(_fold.search(str(_shown(one))) for step in case.steps for one in _answers(step))


def _answers(step: Step) -> list[dict[str, Json]]:
    return [one["pvs"] for one in step["expect"].get("callbacks", [])]


def _shown(pvs: dict[str, Json]) -> Json:
    buffer = pvs.get("$http_mb")
    return buffer.partition("\r\n\r\n")[0] if isinstance(buffer, str) else None


def unfolded(case: Case) -> Case:
    """A header over several lines comes as one line from newer libcurls."""

    def changed(step: Step) -> Step:
        callbacks = [{**one, "pvs": _unfolded(one["pvs"])} for one in step["expect"]["callbacks"]]
        return expecting(step, callbacks=callbacks)

    return with_steps(case, changed)


def _unfolded(pvs: dict[str, Json]) -> dict[str, Json]:
    head = _shown(pvs)
    if not isinstance(head, str) or not _fold.search(head):
        return pvs
    buffer = _fold.sub(" ", head) + pvs["$http_mb"][len(head) :]
    named = {
        name: _fold.sub(" ", value) if name.startswith("$http_hdr(") and value else value
        for name, value in pvs.items()
    }
    return {**named, "$http_mb": buffer, "$http_ml": str(len(buffer.encode()))}


def judged_either_way(case: Case) -> Case:
    def either(step: Step) -> Step:
        for path, then, now in _NEWER_LIBCURL:
            if any(path in request["target"] for request in step["wire"]):
                return expecting(step, otherwise=_failed(case, step, then, now))
        return step

    return with_steps(case, either)


def _failed(case: Case, step: Step, then: int, now: int) -> dict[str, object]:
    recorded = step["expect"]
    if "callbacks" in recorded:
        counters = {"http_async_client.errors": 1, "http_async_client.requests": 1}
        return {**recorded, "counters": counters, "callbacks": [{"pvs": {"$http_ok": "0"}}]}
    if case.module == "http_client":
        counters = {"httpclient.connfail": 1}
        return {**recorded, "rc": now, "result": "", "counters": counters}
    if then >= 100:
        counters = {"curl.connfail": 1} if case.module == "curl" else {}
        result = "" if case.module == "curl" else "unset"
        return {**recorded, "rc": -1, "result": result, "counters": counters}
    return dict(recorded)
