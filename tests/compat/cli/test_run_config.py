"""``onehttp run --config``: a team's script with its own kamailio.cfg."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from servers.raw import RawServer, keep_answering

pytestmark = pytest.mark.usefixtures("left_as_found")

SCRIPT = """
import KSR
class Kamailio:
    def child_init(self, rank):
        return 0
    def ksr_request_route(self, msg):
        KSR.http_client.curl_connect("api", "/number", "$var(answer)")
        return 1
def mod_init():
    return Kamailio()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "routing.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


def run(script: Path, config: str, *arguments: str) -> Result:
    path = script.with_name("kamailio.cfg")
    path.write_text(config)
    return CliRunner().invoke(
        command, ["run", str(script), "--config", str(path), "--json", *arguments]
    )


def test_two_files_of_a_team_make_its_bill(script: Path, server: RawServer) -> None:
    done = run(
        script,
        f'#!substdef "!API_URL!{server.url}/v1!g"\n'
        'loadmodule "app_python3.so"\nloadmodule "http_client.so"\n'
        'modparam("app_python3", "load", "/etc/kamailio/routing.py")\n'
        'modparam("http_client", "useragent", "ours")\n'
        'modparam("http_client", "httpcon", "api=>API_URL")\n'
        'cfgengine "python"\n',
    )
    assert done.exit_code == 0, done.output
    (request,) = server.requests
    assert request.startswith(b"GET /v1/number HTTP/1.1\r\n")
    assert b"User-Agent: ours\r\n" in request
    said = json.loads(done.stdout)
    assert "KSR.http_client.curl_connect" in json.dumps(said)
    assert said["notes"] == []


RUNNING = {
    "a parameter of the command line comes last": (
        'modparam("http_client", "httpcon", "api=>{url};useragent=a")\n'
        'modparam("http_client", "keep_connections", 0)\n',
        ["--modparam", "http_client:keep_connections=1"],
    ),
    "what it depends on can be given": (
        '#!ifdef WITH_API\n#!defenvs API\nmodparam("http_client", "httpcon", API)\n#!endif\n',
        ["--define", "WITH_API", "--env-file", "{environment}"],
    ),
    "a database of the real server is left alone": (
        'loadmodule "http_client.so"\nloadmodule "xcap_client.so"\n'
        'modparam("xcap_client", "db_url", "mysql://u:p@db.invalid/kamailio")\n'
        'modparam("http_client", "httpcon", "api=>{url}")\n',
        [],
    ),
}


@pytest.mark.parametrize(("config", "arguments"), RUNNING.values(), ids=list(RUNNING))
def test_a_script_runs_with_its_configuration_and_calls_the_backend(
    script: Path, server: RawServer, config: str, arguments: list[str]
) -> None:
    environment = script.with_name("environment")
    environment.write_text(f"API=api=>{server.url}\n")
    given = [each.format(environment=environment) for each in arguments]
    done = run(script, config.format(url=server.url), *given)
    assert done.exit_code == 0, done.output
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('modparam("http_client", "httpcon", API)', "kamailio.cfg:2: API is not defined here"),
        (
            'modparam("http_client", "httpcon", "a=>http://h;nosuch=1")',
            "kamailio.cfg:2: httpcon 'a':13: nosuch: unknown key",
        ),
        ('modparam("http_client", "config_file", "none")', "none: config_file: cannot be read"),
        ('modparam("http_client", "httpcn", "a")', "did you mean 'httpcon'"),
    ],
)
def test_a_line_that_the_server_would_refuse_stops_the_run(
    script: Path, line: str, error: str
) -> None:
    done = run(script, f"\n{line}\n")
    assert done.exit_code == 1
    assert error in done.stderr


def test_what_is_left_out_or_not_loaded_is_said(script: Path, server: RawServer) -> None:
    done = run(
        script,
        'loadmodule "pv.so"\nimport_file "local.cfg"\n'
        '#!ifdef WITH_HTTP\nloadmodule "http_client.so"\n#!endif\n'
        f'modparam("http_client", "httpcon", "api=>{server.url}")\n',
    )
    assert done.exit_code == 0, done.output
    unread, off, unloaded = json.loads(done.stdout)["notes"]
    assert "import_file: there is no local.cfg here" in unread
    assert "kamailio.cfg:4: left out by #!ifdef WITH_HTTP: loadmodule http_client" in off
    assert "kamailio.cfg does not load http_client, which the script names" in unloaded


def test_all_that_a_script_names_and_nobody_loads_is_told_at_once(tmp_path: Path) -> None:
    script = tmp_path / "routing.py"
    script.write_text(
        "import KSR\ndef ksr_request_route():\n    KSR.pv.get('$ru')\n    KSR.hdr.append('A: b')\n"
        "    KSR.kx.get_ruri(); KSR.pvx.shv_get('a'); KSR.nosuch.f(); KSR.tm.t_relay()\n"
        "    KSR.sl.send_reply(200, 'OK')\n    return 1\n"
    )
    said = str(run(script, 'loadmodule "sl.so"\nloadmodule "app_python3s.so"\n').stdout)
    assert "kamailio.cfg does not load pv, kemix, tm, which the script names" in said


def test_the_script_finds_itself_where_the_configuration_listens(
    script: Path, server: RawServer
) -> None:
    script.write_text(
        SCRIPT.replace(
            'KSR.http_client.curl_connect("api", "/number", "$var(answer)")',
            'path = "/".join((KSR.pv.get("$def(WHO)"), str(KSR.is_myself("sip:x@192.0.2.7")),\n'
            '            str(KSR.is_myself("sip:x@sip.example"))))\n'
            '        KSR.http_client.curl_connect("api", path, "$var(answer)")',
        )
    )
    done = run(
        script,
        '#!define WHO me\nlisten=udp:192.0.2.7:5060 name "main"\nalias="sip.example"\n'
        f'modparam("http_client", "httpcon", "api=>{server.url}")\n',
    )
    assert done.exit_code == 0, done.output
    assert server.requests[0].startswith(b"GET /me/True/True ")


def test_a_configuration_that_cannot_be_read_is_an_error(script: Path) -> None:
    done = CliRunner().invoke(command, ["run", str(script), "--config", str(script.parent)])
    assert done.exit_code == 1
    assert "cannot be read" in done.output
