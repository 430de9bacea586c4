"""Where a replay does not simply compare: rules, each a bug's number and a predicate.

A rule speaks about what a case *means* (a blob that ends in CR LF, a comma in an
``httpcon`` value), never about its id, so that it holds for recordings not seen yet.
The numbers are those of the legacy modules' list of bugs, with their verdicts: a *fixed*
bug is replayed in faithful mode, a *dropped* one expects the safe outcome.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from golden.recordings import Case

LegacyBugs = Literal["fixed", "faithful"]
Predicate = Callable[[Case], bool]


@dataclass(frozen=True)
class Rule:
    """One way in which a kind of case is replayed differently.

    Without ``expectation`` the case is replayed in faithful mode; with it, the recorded
    expectation is replaced by what it returns. ``backend`` restricts it to one engine.
    """

    bug: str
    why: str
    applies: Predicate
    expectation: Callable[[Case], Case] | None = None
    backend: str | None = None


class Verdict(NamedTuple):
    """How to replay a case."""

    case: Case
    legacy_bugs: LegacyBugs
    rules: list[Rule]


def verdict(case: Case, backend: str) -> Verdict:
    """The case with every rule applied that is about it."""
    rules = [
        rule for rule in RULES if rule.backend in (None, backend) and rule.applies(case)
    ]
    changed = case
    for rule in rules:
        changed = rule.expectation(changed) if rule.expectation else changed
    is_faithful = any(rule.expectation is None for rule in rules)
    return Verdict(changed, "faithful" if is_faithful else "fixed", rules)


# ------------------------------------------------------------- connection definitions


def _after_scheme(definition: str) -> str:
    return definition.partition("://")[2]


def _at_sign_outside_credentials(case: Case) -> bool:
    def misread(definition: str) -> bool:
        rest = _after_scheme(definition)
        authority = re.split("[/;]", rest, maxsplit=1)[0]
        return rest.find("@") != authority.rfind("@")

    return any(misread(one) for one in case.definitions)


def _settings(definition: str) -> list[tuple[str, str]]:
    """Keys and values after the URL, as far as the legacy reader would see them."""
    _, _, tail = re.split("://", definition, maxsplit=1)[-1].partition(";")
    return re.findall(r"([^\s,=;]+)\s*=?\s*(\"[^\"]*\"|'[^']*'|[^\s;]*)", tail)


_KEYS = {
    "http_client": frozenset(
        "httpredirect timeout useragent failover maxdatasize verify_peer verify_host tlsversion "
        "client_cert client_key cipher_suites".split()
    ),
    "curl": frozenset(
        "httpredirect timeout useragent failover maxdatasize verifypeer verifyhost sslversion "
        "clientcert clientkey ciphersuites".split()
    ),
}


def _any_setting(case: Case, wanted: Callable[[str, str], bool]) -> bool:
    return any(wanted(key, value) for one in case.definitions for key, value in _settings(one))


def _unquoted_comma(case: Case) -> bool:
    return _any_setting(case, lambda _, value: value[:1] not in ("'", '"') and "," in value)


def _unknown_key(case: Case) -> bool:
    known = _KEYS.get(case.module, frozenset())
    return _any_setting(case, lambda key, _: key not in known)


def _zero_timeout(case: Case) -> bool:
    names = [name for _, name, _ in case.params]
    is_inherited = case.parameter("connection_timeout") == 0 and bool(case.definitions)
    is_inherited = is_inherited and names.index("connection_timeout") < len(names) - 1
    return is_inherited or _any_setting(
        case, lambda key, value: key == "timeout" and value.strip("\"'").strip("0") == ""
    )


def _half_a_client_certificate(case: Case) -> bool:
    pairs = [("client_cert", "client_key"), ("tlsclientcert", "tlsclientkey")]
    in_params = any(bool(case.parameter(a)) != bool(case.parameter(b)) for a, b in pairs)
    keys = [{key for key, _ in _settings(one)} for one in case.definitions]
    keys.append(set(re.findall(r"(?m)^\s*(client_\w+)", case.config_file or "")))
    return in_params or any(
        len(known & {"client_cert", "client_key"}) == 1
        or len(known & {"clientcert", "clientkey"}) == 1
        for known in keys
    )


def _bad_tls_version(case: Case) -> bool:
    version = case.parameter("tlsversion", 0)
    return isinstance(version, int) and not 0 <= version <= 7


def _sections(case: Case) -> list[tuple[str, str]]:
    """Name and ``url`` of each section of the file."""
    found = re.findall(r"(?m)^\s*\[\s*(\w+)\s*\]([^\[]*)", case.config_file or "")
    urls = [re.search(r'(?im)^\s*url\s*=\s*"?([^"\s]*)', body) for _, body in found]
    return [(name, url[1] if url else "") for (name, _), url in zip(found, urls, strict=True)]


def _nameless_hostless_or_foreign(case: Case) -> bool:
    def is_odd(definition: str) -> bool:
        name, _, target = definition.partition("=>")
        scheme, mark, rest = target.strip().partition("://")
        host = rest.rpartition("@")[2]
        return bool(mark) and (
            not name.strip() or scheme.lower() not in ("http", "https") or host[:1] in ("", "/", ";")
        )

    foreign = [url for _, url in _sections(case) if re.match(r"(?!https?://)\w+://", url, re.I)]
    return any(is_odd(one) for one in case.definitions) or bool(foreign)


def _bad_sections(case: Case) -> bool:
    names = [name for name, _ in _sections(case)]
    names += [definition.partition("=>")[0].strip() for definition in case.definitions]
    is_bad_url = any(not re.match(r".*://.", url) for _, url in _sections(case) if url)
    return bool(case.config_file) and (len(set(names)) < len(names) or is_bad_url)


def _counts_file_connections(case: Case) -> bool:
    return bool(_sections(case)) and any(
        [argument["value"] for argument in step["args"]][-1:] == ["connections"]
        for step in case.steps
        if step.get("rpc")
    )


def _proxy_without_port(case: Case) -> bool:
    return bool(case.parameter("httpproxy")) and not case.parameter("httpproxyport", 0)


def _documented_spelling(case: Case) -> bool:
    keys = r"(?im)^\s*(keep_connections|http_follow_redirect)\s*="
    return bool(re.search(keys, case.config_file or "")) or isinstance(
        case.parameter("httpproxyport"), str
    )


# ----------------------------------------------------------------------- header blobs


def _blobs(case: Case) -> list[str]:
    return [call["headers"] for call in case.calls if call.get("headers")]


_ENGINE_HEADERS = ("content-type", "user-agent", "accept", "host", "content-length")


def _repeated_default_header(case: Case) -> bool:
    def later(blob: str) -> list[str]:
        return [line.partition(":")[0].lower() for line in blob.split("\r\n")[1:]]

    return any(name in _ENGINE_HEADERS for blob in _blobs(case) for name in later(blob))


# ------------------------------------------------------------------------------ bodies


def _nul_in_text(case: Case) -> bool:
    return any("\0" in call.get(name, "") for call in case.calls for name in ("body", "headers"))


def _limited_first_line(case: Case) -> bool:
    return case.parameter("query_maxdatasize", 0) > 0 and case.parameter("query_result", 1) != 0


def _unsafe_call_on_a_kept_connection(case: Case) -> bool:
    is_kept = case.parameter("keep_connections", 0) or "keepconnections" in (case.config_file or "")
    return bool(is_kept) and any(call.get("body") for call in case.calls[1:])


def _long_url_remembered(case: Case) -> bool:
    asked = any("redirect" in step["call"] for step in case.steps)
    longest = max((len(call.get("path", "")) for call in case.calls), default=0)
    return asked and longest > 400


def _long_content_type(case: Case) -> bool:
    return any(len(call.get("content_type", "")) > 241 for call in case.calls)


RULES = [
    Rule("B5", "a default header repeated further down goes out twice", _repeated_default_header),
    Rule("B9", "the first '@' anywhere ends the credentials", _at_sign_outside_credentials),
    Rule("B10", "a comma hides all further keys", _unquoted_comma),
    Rule("B11", "unknown keys are only logged", _unknown_key),
    Rule("B14", "the first line is not limited", _limited_first_line),
    Rule("B17", "a bad section does not stop the start", _bad_sections),
    Rule("B18", "connections of the file are not counted", _counts_file_connections),
    Rule("B19", "plain queries use a proxy without port", _proxy_without_port),
    Rule("B24", "documented spellings are refused", _documented_spelling),
    Rule("B29", "an unsafe request is repeated", _unsafe_call_on_a_kept_connection),
    Rule("B37", "text is cut at the first NUL", _nul_in_text),
    Rule("B39", "a timeout of 0 is no limit", _zero_timeout),
    Rule("B40", "half a client certificate is ignored", _half_a_client_certificate),
    Rule("B41", "a bad TLS version is corrected late", _bad_tls_version),
    Rule("B42", "names, hosts and schemes are not checked", _nameless_hostless_or_foreign),
    Rule("B44", "URLs of 511 bytes are forgotten", _long_url_remembered),
    Rule("B45", "a content type is cut at 241 bytes", _long_content_type),
]
