"""Every recorded declaration of connections, converted: the file makes the same transfers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from golden.replay.recordings import Case
from golden.server.golden_server import GoldenServer
from onehttp import ConfigurationError, ConnectionSpec, TransferOptions
from onehttp.connections.file.load import load_connections
from onehttp_compat.convert.conversion import convert
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.modules.httpcon.configuration import ModuleConfiguration
from onehttp_compat.modules.httpcon.definition import LegacyConnection
from onehttp_compat.modules.httpcon.options import connection_options
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.wire.transfer import RefusedOptionError
from onehttp_compat.wire.urls import legacy_url


def test_the_effective_options_of_a_declaration_and_its_conversion_are_equal(
    declaring_case: Case, golden_server: GoldenServer, tmp_path: Path
) -> None:
    case = declaring_case
    parameters = [
        (module, name, filled(value, golden_server)) for module, name, value in case.params
    ]
    if case.config_file is not None:
        ini = tmp_path / "http.cfg"
        ini.write_text(golden_server.expand(case.config_file))
        parameters.append((case.module, "config_file", str(ini)))
    legacy = started(case.module, parameters)
    declared = tmp_path / "kamailio.cfg"
    declared.write_text("".join(map(modparam_line, parameters)))
    converted = convert(read_declared(declared), "kamailio.cfg", "plain")
    path = tmp_path / "connections.yaml"
    path.write_text(converted.text)
    specs = load_connections(path)
    lost = {finding.what for finding in converted.findings if finding.became == "lost"}
    has_lost_ciphers = any("is no cipher" in finding.text for finding in converted.findings)
    for name, connection in legacy.connections.items():
        if has_lost_ciphers:  # with which every call failed
            connection = dataclasses.replace(connection, cipher_suites="")
        if f"{case.module} {name}".strip() in lost:
            assert name not in specs
            continue
        assert effective(specs[name]) == expected(connection, legacy), converted.text
        assert stands_in(specs, name) == stood_in(legacy, name)


def filled(value: Any, server: GoldenServer) -> int | str:
    if isinstance(value, dict):
        return int(server.expand(value["int"]))
    return server.expand(value) if isinstance(value, str) else int(value)


def modparam_line(parameter: tuple[str, str, int | str]) -> str:
    module, name, value = parameter
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'modparam("{module}", "{name}", "{escaped}")\n'
    return f'modparam("{module}", "{name}", {value})\n'


def started(module: str, parameters: list[tuple[str, str, int | str]]) -> ModuleConfiguration:
    """The module as the emulation starts it, without any text in between; with its faults where
    the emulation would not."""
    try:
        return started_with(module, parameters, "fixed")
    except ConfigurationError:
        return started_with(module, parameters, "faithful")


def started_with(
    module: str, parameters: list[tuple[str, str, int | str]], legacy_bugs: LegacyBugs
) -> ModuleConfiguration:
    configuration = ModuleConfiguration(module, legacy_bugs)
    for known, name, value in parameters:
        if known == module:
            configuration.set(name, value)
    configuration.start()
    return configuration


def expected(connection: LegacyConnection, legacy: ModuleConfiguration) -> tuple[Any, ...]:
    """Address, redirects and options of a legacy connection."""
    try:
        options = connection_options(connection, legacy.values, is_faithful=False)
    except RefusedOptionError:  # no call came through: it is the rest that is converted
        plain = dataclasses.replace(connection, tlsversion=0)
        options = connection_options(plain, legacy.values, is_faithful=False)
    url, auth = legacy_url(f"{connection.schema}://{connection.url}")
    if auth is not None and options.auth is not None:
        auth = dataclasses.replace(auth, schemes=options.auth.schemes)
    if connection.maxdatasize:
        options = dataclasses.replace(
            options, max_body_bytes=connection.maxdatasize, body_policy="truncate"
        )
    auth = auth or options.auth
    total_s = options.total_timeout_s or 86_400
    options = dataclasses.replace(
        options,
        auth=auth if auth and auth.schemes else None,
        total_timeout_s=total_s,
        connect_timeout_s=total_s,
    )
    url, _, query = url.partition("?")
    params = parse_qsl(query, keep_blank_values=True)
    return url, params, options.max_redirects, comparable(options)


def effective(spec: ConnectionSpec) -> tuple[Any, ...]:
    """The same of a connection of the file."""
    return spec.url, list(spec.params), spec.max_redirects, comparable(spec.options)


def comparable(options: TransferOptions) -> dict[str, Any]:
    """All options; redirects are compared apart, for here the shim follows them."""
    found = dataclasses.asdict(options)
    del found["max_redirects"], found["name"]
    for content in ("ca_pem", "cert_pem", "key_pem"):  # a connections file has its files read
        del found["tls"][content]
    del found["as_libcurl"]  # calls on the converted connection are checked as all others
    found["user_agent"] = found["user_agent"] or ""  # neither sends one
    if found["auth"]:
        del found["auth"]["each_time"]  # challenges are remembered now
    return found


def stands_in(specs: Any, name: str) -> str | None:
    """The URL that a call goes to when ``name`` fails; and nobody stands in for that one."""
    (successor, *_) = specs[name].failover or (None,)
    if successor is None:
        return None
    assert specs[successor].failover == ()
    url: str = specs[successor].url
    return url


def stood_in(legacy: ModuleConfiguration, name: str) -> str | None:
    target = legacy.connections.get(legacy.connections[name].failover or "")
    return legacy_url(f"{target.schema}://{target.url}")[0] if target else None
