"""What the library asks of the server around it, by its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp import ConfigurationError
from onehttp_compat.kamailio import requirements
from onehttp_compat.kamailio.own_config import QueryTimer, timers_of_queries
from onehttp_compat.kamailio.parameters import apply_config
from onehttp_compat.kamailio.requirements import RTIMER_LINES, check_requirements
from onehttp_compat.server import LegacyServer
from onehttp_compat.server_config import ServerConfig, read_server_config

FIT = f"""#!KAMAILIO
loadmodule "tm.so"
loadmodule "tmx.so"
{RTIMER_LINES}
"""


def config(tmp_path: Path, text: str) -> ServerConfig:
    path = tmp_path / "kamailio.cfg"
    path.write_text(text)
    return read_server_config(path)


def test_what_the_refusal_says_to_add_is_enough(tmp_path: Path) -> None:
    fit = config(tmp_path, FIT)
    check_requirements(fit, is_asynchronous=True)
    assert list(timers_of_queries(fit)) == [QueryTimer("onehttp", 1)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('loadmodule "tmx.so"', "", 'add loadmodule "tmx.so"'),
        ('loadmodule "rtimer.so"', "", RTIMER_LINES),
        ("route=onehttp_drive", "route=other", RTIMER_LINES),
        ("timer=onehttp", "timer=other", RTIMER_LINES),
        ("mode=1", "mode=0", "no process of its own"),
        ("mode=1;", "", "no process of its own"),
        ("mode=1", "mode=-1", "no process of its own"),
        ("mode=1", f"mode={1 << 31}", "no process of its own"),  # the server refuses it
        ("#!KAMAILIO", 'modparam("app_python3", "threads_mode", 1)', "threads_mode 1"),
    ],
)
def test_what_would_lose_queries_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_requirements(config(tmp_path, FIT.replace(old, new)), is_asynchronous=True)
    assert told in str(refused.value)
    assert "kamailio.cfg" in str(refused.value)


def test_a_timer_that_comes_after_its_use_is_none(tmp_path: Path) -> None:
    *rest, timer, executed = FIT.rstrip("\n").splitlines()
    assert '"timer"' in timer
    assert '"exec"' in executed
    swapped = config(tmp_path, "\n".join([*rest, executed, timer]))
    with pytest.raises(ConfigurationError, match="no process works on queries"):
        check_requirements(swapped, is_asynchronous=True)  # the server refuses it, too


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_requirements(config(tmp_path, "#!KAMAILIO\n"), is_asynchronous=True)
    assert len(refused.value.errors) == 3
    check_requirements(config(tmp_path, "#!KAMAILIO\n"), is_asynchronous=False)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('modparam("http_client", "query_result", 0)', ""),
        ('modparam("http_.*", "connection_timeout", 3)', ""),
        ('modparam("utils", "pres_db_url", "x")', ""),
        ('loadmodule "tm.so"\nmodparam("tm", "fr_timer", 3)', ""),
        ('modparam("http_clint", "query_result", 0)', "did you mean http_client"),
        (
            'loadmodule "tm.so"\nmodparam("http_clint", "query_result", 0)',
            "did you mean http_client",
        ),
        ('modparam("http_client", "query_results", 0)', "query_results"),
        ('modparam("http_client|utils", "query_results", 0)', "has no parameter query_results"),
        ('modparam("tm", "fr_timer", 3)', "none of the HTTP modules"),
        ('modparam("async_http", "workers", 1)', "none of the HTTP modules"),
    ],
)
def test_no_line_of_a_file_of_their_own_is_passed_over(
    tmp_path: Path, line: str, told: str
) -> None:
    file = tmp_path / "http.cfg"
    file.write_text(line)
    config = read_server_config(file)
    if not told:
        apply_config(LegacyServer(), config)
        return
    with pytest.raises(ConfigurationError, match=f"http.cfg:[12]: .*{told}"):
        apply_config(LegacyServer(), config)


def test_two_users_of_one_openssl_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside_tls = config(tmp_path, FIT + 'loadmodule "tls.so"\n')
    check_requirements(beside_tls, is_asynchronous=True)  # the wheel brings its own
    monkeypatch.setattr(requirements, "uses_system_openssl", lambda: True)
    with pytest.raises(ConfigurationError, match="one of its own"):
        check_requirements(beside_tls, is_asynchronous=True)
    check_requirements(config(tmp_path, FIT), is_asynchronous=True)


def test_native_modules_beside_tls_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = FIT + 'loadmodule "tls.so"\nloadmodule "http_client.so"\n'
    check_requirements(config(tmp_path, text), is_asynchronous=True)
    assert "http_client is loaded beside tls" in caplog.text
