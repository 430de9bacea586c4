"""Configurations that the legacy modules misread: predicates over a case."""

from __future__ import annotations

import re
from collections.abc import Callable

from golden.replay.recordings import Case


def after_scheme(definition: str) -> str:
    return definition.partition("://")[2]


def at_sign_outside_credentials(case: Case) -> bool:
    def misread(definition: str) -> bool:
        rest = after_scheme(definition)
        authority = re.split("[/;]", rest, maxsplit=1)[0]
        return rest.find("@") != authority.rfind("@")

    return any(misread(one) for one in case.definitions)


def _settings(definition: str) -> list[tuple[str, str]]:
    """Keys and values after the URL, as far as the legacy reader would see them."""
    _, _, tail = re.split("://", definition, maxsplit=1)[-1].partition(";")
    return re.findall(r"([^\s,=;]+)\s*=?\s*(\"[^\"]*\"|'[^']*'|[^\s;]*)", tail)


_COMMON_KEYS = {"httpredirect", "timeout", "useragent", "failover", "maxdatasize"}
_TLS_KEYS = {"verify_peer", "verify_host", "client_cert", "client_key", "cipher_suites"}
_KEYS = {
    "http_client": _COMMON_KEYS | _TLS_KEYS | {"tlsversion"},
    "curl": _COMMON_KEYS | {key.replace("_", "") for key in _TLS_KEYS} | {"sslversion"},
}


def any_setting(case: Case, wanted: Callable[[str, str], bool]) -> bool:
    return any(wanted(key, value) for one in case.definitions for key, value in _settings(one))


def unquoted_comma(case: Case) -> bool:
    return any_setting(case, lambda _, value: value[:1] not in ("'", '"') and "," in value)


def unknown_key(case: Case) -> bool:
    known = _KEYS.get(case.module, set())
    return any_setting(case, lambda key, _: key not in known)


def zero_timeout(case: Case) -> bool:
    names = [name for _, name, _ in case.params]
    is_inherited = case.parameter("connection_timeout") == 0 and bool(case.definitions)
    is_inherited = is_inherited and names.index("connection_timeout") < len(names) - 1
    return is_inherited or any_setting(
        case, lambda key, value: key == "timeout" and value.strip("\"'").strip("0") == ""
    )


def half_a_client_certificate(case: Case) -> bool:
    pairs = [("client_cert", "client_key"), ("tlsclientcert", "tlsclientkey")]
    in_params = any(bool(case.parameter(a)) != bool(case.parameter(b)) for a, b in pairs)
    keys = [{key for key, _ in _settings(one)} for one in case.definitions]
    keys.append(set(re.findall(r"(?m)^\s*(client_\w+)", case.config_file or "")))
    return in_params or any(
        len(known & {"client_cert", "client_key"}) == 1
        or len(known & {"clientcert", "clientkey"}) == 1
        for known in keys
    )


def bad_tls_version(case: Case) -> bool:
    version = case.parameter("tlsversion", 0)
    return isinstance(version, int) and not 0 <= version <= 7


def sections(case: Case) -> list[tuple[str, str]]:
    """Name and ``url`` of each section of the file."""
    found = re.findall(r"(?m)^\s*\[\s*(\w+)\s*\]([^\[]*)", case.config_file or "")
    urls = [re.search(r'(?im)^\s*url\s*=\s*"?([^"\s]*)', body) for _, body in found]
    return [(name, url[1] if url else "") for (name, _), url in zip(found, urls, strict=True)]


def nameless_hostless_or_foreign(case: Case) -> bool:
    def is_odd(definition: str) -> bool:
        name, _, target = definition.partition("=>")
        scheme, mark, rest = target.strip().partition("://")
        host = rest.rpartition("@")[2]
        return bool(mark) and (
            not name.strip()
            or scheme.lower() not in ("http", "https")
            or host[:1] in ("", "/", ";")
        )

    foreign = [url for _, url in sections(case) if re.match(r"(?!https?://)\w+://", url, re.I)]
    return any(is_odd(one) for one in case.definitions) or bool(foreign)


def bad_sections(case: Case) -> bool:
    names = [name for name, _ in sections(case)]
    names += [definition.partition("=>")[0].strip() for definition in case.definitions]
    is_bad_url = any(not re.match(r".*://.", url) for _, url in sections(case) if url)
    return bool(case.config_file) and (len(set(names)) < len(names) or is_bad_url)


def counts_file_connections(case: Case) -> bool:
    return bool(sections(case)) and any(
        [argument["value"] for argument in step["args"]][-1:] == ["connections"]
        for step in case.steps
        if step.get("rpc")
    )


def proxy_without_port(case: Case) -> bool:
    return bool(case.parameter("httpproxy")) and not case.parameter("httpproxyport", 0)


def documented_spelling(case: Case) -> bool:
    keys = r"(?im)^\s*(keep_connections|http_follow_redirect)\s*="
    return bool(re.search(keys, case.config_file or "")) or isinstance(
        case.parameter("httpproxyport"), str
    )
