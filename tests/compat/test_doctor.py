"""``onehttp doctor``: the very conflict that this project is for, and what else may surprise."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import onehttp
from onehttp.cli.group import onehttp as command
from onehttp_compat.doctor.environment import file_findings, proxy_findings, trust_findings
from onehttp_compat.doctor.finding import Finding
from onehttp_compat.doctor.names import name_findings
from onehttp_compat.doctor.order import order_findings, python_order
from onehttp_compat.doctor.process import ProcessFacts, read_process
from onehttp_compat.doctor.tls import tls_findings
from onehttp_compat.doctor.versions import ADVISORIES, version_findings
from onehttp_compat.server_config import ServerConfig, read_server_config
from servers.patience import PATIENCE_S

WHEEL = (
    "/v/pycurl.cpython-311.so", "/v/pycurl.libs/libcurl-330b.so.4.8.0",
    "/v/pycurl.libs/libssl-ab12.so.3",
)  # fmt: skip
GNUTLS = (
    "/usr/lib/python3/dist-packages/pycurl.so", "/usr/lib/libcurl-gnutls.so.4",
    "/usr/lib/libgnutls.so.30",
)  # fmt: skip
SYSTEM = ("/v/pycurl.so", "/usr/lib/libcurl.so.4", "/usr/lib/libssl.so.3")
SERVER = "/usr/lib/kamailio/modules/tls.so"
NATIVE = "/usr/lib/kamailio/modules/http_client.so"
STANDARD = "/usr/lib/python3.11/lib-dynload/_ssl.cpython-311.so"


def facts(*libraries: str, environment: dict[str, str] | None = None, files: int = 9,
          limit: int | None = 65_536) -> ProcessFacts:  # fmt: skip
    return ProcessFacts(7, "kamailio", tuple(sorted(libraries)), environment or {}, files, limit)


CRASHES = [
    (SYSTEM, "tls.so and pycurl share one OpenSSL"),
    ((*WHEEL, NATIVE), "http_client.so beside tls.so"),
    ((*GNUTLS, NATIVE), "http_client.so beside tls.so"),
    ((NATIVE,), "http_client.so beside tls.so"),
]
FINE = [WHEEL, GNUTLS]


def texts(found: Iterator[Finding], severity: str) -> list[str]:
    kept = [one for one in found if one.severity == severity]
    assert all(one.way_out for one in kept if severity != "information")
    return [one.text for one in kept]


@pytest.mark.parametrize(("libraries", "said"), CRASHES)
def test_what_crashes_beside_the_servers_tls_is_an_error(
    libraries: tuple[str, ...], said: str
) -> None:
    (text,) = texts(tls_findings(facts(*libraries, SERVER)), "error")
    assert said in text
    assert texts(tls_findings(facts(*libraries)), "error") == []


@pytest.mark.parametrize("libraries", FINE)
def test_a_pycurl_with_a_tls_library_of_its_own_gets_on(libraries: tuple[str, ...]) -> None:
    found = facts(*libraries, SERVER)
    assert texts(tls_findings(found), "error") == []
    assert texts(tls_findings(found), "warning") == []


def test_pythons_own_ssl_beside_the_servers_is_a_warning() -> None:
    (text,) = texts(tls_findings(facts(*WHEEL, SERVER, STANDARD)), "warning")
    assert "httpx" in text


def test_copies_are_counted_with_their_places() -> None:
    told = texts(tls_findings(facts(*WHEEL, "/usr/lib/libcurl.so.4", "/usr/lib/libssl.so.3")),
                 "information")  # fmt: skip
    assert any("2 copies" in text and "/usr/lib/libcurl.so.4" in text for text in told)
    assert any("pycurl has a TLS library of its own" in text for text in told)


def test_a_preloaded_library_is_an_error() -> None:
    found = facts(*WHEEL, environment={"LD_PRELOAD": "/usr/lib/libssl.so.3"})
    assert "LD_PRELOAD" in texts(tls_findings(found), "error")[0]


@pytest.mark.parametrize(
    ("files", "limit", "severity"),
    [(9, 1024, "warning"), (900, 1024, "error"), (9, 65_536, "information")],
)
def test_the_limit_of_files(files: int, limit: int, severity: str) -> None:
    assert len(texts(file_findings(facts(files=files, limit=limit)), severity)) == 1


def test_proxies_of_the_environment_are_told_without_their_passwords() -> None:
    found = facts(environment={"https_proxy": "http://u:s3cret@proxy:3128", "HTTP_PROXY": "x"})
    (text,) = texts(proxy_findings(found), "warning")
    assert text.startswith("https_proxy=http://proxy:3128")


def test_without_authorities_https_trusts_nobody(tmp_path: Path) -> None:
    assert "no file of certificate" in texts(trust_findings(facts(), tmp_path), "error")[0]
    found = facts(environment={"SSL_CERT_FILE": "/gone.pem"})
    assert "/gone.pem" in texts(trust_findings(found, tmp_path), "error")[0]
    store = tmp_path / "etc/ssl/certs/ca-certificates.crt"
    store.parent.mkdir(parents=True)
    store.touch()
    assert texts(trust_findings(facts(), tmp_path), "error") == []


def test_versions_with_known_weaknesses_name_them_and_their_dates() -> None:
    old = texts(version_findings("PycURL/7.45 libcurl/7.88.1 OpenSSL/3.0"), "warning")
    assert any("CVE-2023-38545 (2023-10-11)" in text for text in old)
    assert texts(version_findings("PycURL/7.49 libcurl/8.23.0 OpenSSL/3.6"), "warning") == []


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["doctor", *map(str, arguments)])


def test_another_process_is_looked_at_by_its_number() -> None:
    code = "import pycurl, ssl; print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        found = read_process(child.pid)
        told = json.loads(run("--pid", child.pid, "--json").stdout)
        child.communicate("\n", timeout=PATIENCE_S)
    assert found.mapped(r"/_ssl[-.\w]*\.so")
    assert any(one["text"].startswith("pycurl has") for one in told["findings"])


def test_this_process_is_shown_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = run()
    assert "libcurl/" in done.stdout
    assert done.exit_code == ("error" in done.stdout)


def test_a_configuration_without_what_onehttp_needs_is_an_error(tmp_path: Path) -> None:
    cfg = tmp_path / "kamailio.cfg"
    cfg.write_text('loadmodule "app_python3.so"\nmodparam("app_python3", "threads_mode", 1)\n')
    done = run("--config", cfg, "--json")
    assert done.exit_code == 1
    told = [one["text"] for one in json.loads(done.stdout)["findings"] if one["what"] == "server"]
    assert any("threads_mode" in text for text in told)


@pytest.mark.parametrize("pid", [2**22 + 1])
def test_a_process_that_is_not_there_is_told(pid: int) -> None:
    with pytest.raises(onehttp.ConfigurationError, match="there is no process"):
        read_process(pid)
    assert "there is no process" in run("--pid", pid).output


def test_who_starts_libcurl_before_the_servers_tls_is_an_error(tmp_path: Path) -> None:
    def config(*modules: str) -> ServerConfig:
        path = tmp_path / "kamailio.cfg"
        path.write_text("".join(f'loadmodule "{name}.so"\n' for name in modules))
        return read_server_config(path)

    found = order_findings(config("sl", "http_client", "tls", "app_python3"))
    assert ["http_client before tls" in text for text in texts(found, "error")] == [True]
    (told,) = texts(order_findings(config("tls", "http_client", "app_python3")), "information")
    assert told.index("tls") < told.index("http_client") < told.index("app_python3")
    assert texts(order_findings(config("tls", "http_client", "app_python3")), "error") == []
    assert [*order_findings(config("sl"))] == []


def test_what_this_python_started_first_is_told() -> None:
    (told,) = texts(python_order(["os", "pycurl", "x", "_ssl"]), "information")
    assert told.endswith(": pycurl, Python's ssl")
    assert [*python_order(["os"])] == []


RESOLVERS = {
    "nameserver 192.0.2.1\n": ("wait 5 s for a dead name server, 10 s if all", "192.0.2.1"),
    "nameserver 192.0.2.1\noptions timeout:1 attempts:3\n": ("3 s if all are dead", "192.0.2.1"),
    "nameserver 127.0.0.53\n": ("", "127.0.0.53"),
    "# none\n": ("names no name server", ""),
    "nameserver ::1\n" * 4: ("only the first 3 of 4", "::1"),
    "options timeout:x\nnameserver 192.0.2.1\n": ("wait 5 s", "192.0.2.1"),
}


@pytest.mark.parametrize("text", RESOLVERS)
def test_name_servers_are_told_and_what_a_dead_one_costs(text: str, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text(text)
    warned, told = RESOLVERS[text]
    warnings = texts(name_findings(tmp_path), "warning")
    assert any(warned in one for one in warnings) if warned else warnings == []
    assert any(told in one for one in texts(name_findings(tmp_path), "information")) or not told


def test_a_machine_without_resolv_conf_is_told_of(tmp_path: Path) -> None:
    (text,) = texts(name_findings(tmp_path), "warning")
    assert "No such file" in text


def test_the_connections_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "connections.yaml"
    path.write_text("version: 1\nconnections:\n  a: {url: 'http://h/', timout: 1}\n  b: {}\n")
    done = run("--connections", str(path), "--json")
    errors = [one for one in json.loads(done.stdout)["findings"] if one["what"] == "connections"]
    assert done.exit_code == 1
    assert len(errors) == 2
    assert "did you mean 'timeout'" in errors[0]["text"]
    assert "onehttp check" in errors[0]["way_out"]
    path.write_text("version: 1\nconnections:\n  a: {url: 'http://h/'}\n")
    found = json.loads(run("--connections", str(path), "--json").stdout)["findings"]
    assert [one["severity"] for one in found if one["what"] == "connections"] == ["information"]


def test_advisories_are_dated_and_in_order() -> None:
    dates = [date.fromisoformat(one.published) for one in ADVISORIES]
    assert dates == sorted(dates)
    assert all(one.first < one.fixed for one in ADVISORIES)
