from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from onehttp.errors import ConfigurationError
from onehttp_compat.modules.httpcon.configuration import ModuleConfiguration
from onehttp_compat.parameters import PARAMETERS, LegacyBugs, UtilsParameters, set_parameter

MODES: tuple[LegacyBugs, ...] = ("fixed", "faithful")


def started(
    *parameters: tuple[str, object], module: str = "http_client", mode: LegacyBugs = "fixed"
) -> ModuleConfiguration:
    configuration = ModuleConfiguration(module, mode)
    for name, value in parameters:
        configuration.set(name, value)
    configuration.start()
    return configuration


def test_the_defaults_are_those_of_the_legacy_modules() -> None:
    values = started().values
    assert (values.connection_timeout, values.httpredirect, values.authmethod) == (4, 0, 3)
    assert (values.query_result, values.verify_peer, values.verify_host) == (1, 1, 2)
    assert UtilsParameters().http_query_timeout == 4


def test_the_table_knows_type_and_default_of_every_parameter() -> None:
    table = PARAMETERS["http_client"]
    assert (table["useragent"].kind, table["cacert"].kind, table["httpproxyport"].kind) == (
        str,
        str,
        int,
    )
    assert (table["connection_timeout"].kind, table["authmethod"].default) == (int, 3)
    assert PARAMETERS["curl"]["tlsverifypeer"].setting == "verify_peer"
    assert set(PARAMETERS["utils"]) == {
        "http_query_timeout",
        "http_response_trim",
        "http_response_mode",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(["connection_timeout"], ["4", True, False, 4.0, None, [], 2**63]),
        *itertools.product(["useragent"], [4, True, None, b"x", 1.5]),
        *(("httpcon", 1), ("httpcon", True), ("maxdatasize", 2**31), ("httpproxyport", True)),
    ],
)
def test_a_value_of_the_wrong_type_stops_the_start(name: str, value: object) -> None:
    for mode in MODES:
        with pytest.raises(ConfigurationError, match=name):
            started((name, value), mode=mode)


def test_an_unknown_parameter_stops_the_start_with_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'connection_timeout'"):
        started(("conection_timeout", 1))
    with pytest.raises(ConfigurationError, match="no such module"):
        ModuleConfiguration("http").set("timeout", 1)


def test_names_of_other_revisions_are_taken_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert started(("authmetod", 1)).values.authmethod == 1
    assert [record.levelname for record in caplog.records].count("WARNING") >= 1


def test_defaults_reach_the_connections_defined_after_them_only() -> None:
    configuration = started(
        ("httpcon", "a=>http://h"), ("useragent", "late"), ("httpcon", "b=>http://h")
    )
    assert configuration.connections["a"].useragent != "late"
    assert configuration.connections["b"].useragent == "late"


def test_connections_are_listed_from_the_last_to_the_first() -> None:
    configuration = started(("httpcon", "a=>http://h"), ("httpcon", "b=>http://h"))
    assert list(configuration.connections) == ["b", "a"]


def test_a_second_definition_of_a_name_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="'a' is defined twice"):
        started(("httpcon", "a=>http://h"), ("httpcon", "a=>http://g"))


def test_a_timeout_never_set_is_four_seconds_in_the_unit_in_force() -> None:
    assert started(("httpcon", "a=>http://h")).connections["a"].timeout == 4
    in_ms = started(("timeout_mode", 2), ("httpcon", "a=>http://h"))
    assert in_ms.connections["a"].timeout == 4000
    assert in_ms.values.seconds(4000) == 4.0
    assert started(("timeout_mode", 0)).values.seconds(4000) == 0.0


def test_b39_a_timeout_of_zero_means_the_default() -> None:
    lines = (("connection_timeout", 3), ("httpcon", "a=>http://h;timeout=0"))
    assert started(*lines).connections["a"].timeout == 3
    assert started(*lines, mode="faithful").connections["a"].timeout == 0
    assert started(("connection_timeout", 0)).values.connection_timeout == 4


def test_b40_a_certificate_without_key_is_an_error_unless_faithful() -> None:
    for lines in ([("client_cert", "/c")], [("httpcon", "a=>https://h;client_key=/k")]):
        with pytest.raises(ConfigurationError, match="client_"):
            started(*lines)
        started(*lines, mode="faithful")


def test_b41_a_bad_tls_version_is_an_error_and_faithful_corrects_it_too_late() -> None:
    lines = (("tlsversion", 99), ("httpcon", "a=>https://h"))
    with pytest.raises(ConfigurationError, match="tlsversion"):
        started(*lines)
    configuration = started(*lines, mode="faithful")
    assert configuration.values.tlsversion == 0
    assert configuration.connections["a"].tlsversion == 99


def test_b24_a_proxy_port_may_be_written_as_text_unless_faithful() -> None:
    assert started(("httpproxyport", "3128")).values.httpproxyport == 3128
    with pytest.raises(ConfigurationError, match="httpproxyport"):
        started(("httpproxyport", "3128"), mode="faithful")


def test_b18_the_connections_of_the_file_are_counted_unless_faithful(tmp_path: Path) -> None:
    path = tmp_path / "http.cfg"
    path.write_text("[b]\nurl = http://h\n")
    lines = (("config_file", str(path)), ("httpcon", "a=>http://h"))
    assert started(*lines).counted_connections == 2
    assert started(*lines, mode="faithful").counted_connections == 1
    assert list(started(*lines).connections) == ["b", "a"]


def test_the_file_gets_the_final_defaults(tmp_path: Path) -> None:
    path = tmp_path / "http.cfg"
    path.write_text("[b]\nurl = http://h\n")
    configuration = started(("config_file", str(path)), ("useragent", "late"))
    assert configuration.connections["b"].useragent == "late"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        started(("config_file", str(tmp_path / "none.cfg")))
    assert caught.value.file == str(tmp_path / "none.cfg")


def test_a_verified_host_is_always_level_two() -> None:
    configuration = started(("verify_host", 1), ("httpcon", "a=>https://h;verify_host=1"))
    assert configuration.values.verify_host == 2
    assert configuration.connections["a"].verify_host == 2


def test_utils_parameters_are_set_under_their_own_names() -> None:
    values = set_parameter(UtilsParameters(), "utils", "http_response_trim", 1)
    assert values.http_response_trim == 1
