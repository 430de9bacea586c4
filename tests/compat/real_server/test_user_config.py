"""A team's kamailio.cfg, in part, for a real server on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command
from onehttp_compat.real_server.user_config import NEEDED, UserConfig, user_config
from onehttp_compat.server_config import read_server_config
from servers.kamailio import real_server
from servers.raw import RawServer, keep_answering

pytestmark = pytest.mark.usefixtures("left_as_found")

MESSAGES = Path(__file__).parents[1] / "script/scripts/messages"
CONFIG = r"""#!KAMAILIO
#!define WHO "me"
#!ifdef WITH_DATABASE
loadmodule "db_mysql.so"
#!endif
debug=3
children=16
listen=udp:192.0.2.7:5060 name "main"
listen=tls:192.0.2.7:5061
alias="sip.example"
server_header="Server: ours"
team.limit = 5 desc "calls"
loadmodule "ctl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "htable.so"
loadmodule "rtpengine.so"
loadmodule "http_client.so"
loadmodule "app_python3.so"
modparam("ctl", "binrpc", "unix:/run/kamailio/ctl")
modparam("usrloc|auth_db", "db_url", "mysql://u:geheim@db.example/kamailio")
modparam("usrloc", "db_mode", 2)
modparam("usrloc", "preload", "location")
modparam("registrar", "server_id", 1)
modparam("registrar", "max_expires", 77)
modparam("registrar", "path_mode", UNDEFINED)
modparam("htable", "htable", "bans=>size=8;autoexpire=60;")
modparam("htable", "event_callback", "a\"b\\c")
modparam("rtpengine", "rtpengine_sock", "udp:192.0.2.9:2223")
modparam("http_client", "httpcon", "api=>{url}/v1")
modparam("app_python3", "load", "/etc/kamailio/routing.py")
cfgengine "python"
"""
SCRIPT = """
import KSR
class Kamailio:
    def child_init(self, rank):
        return 0
    def ksr_request_route(self, msg):
        if KSR.is_REGISTER():
            return KSR.registrar.save("location", 0)
        KSR.htable.sht_sets("bans", "a", "b")
        KSR.hdr.append("X-Seen: %s %s %s %s\\r\\n" % (
            KSR.pv.get("$def(WHO)"), KSR.is_myself("sip:x@sip.example"),
            KSR.pv.get("$sht(bans=>a)"), KSR.is_myself("sip:x@other.example")))
        KSR.http_client.curl_connect("api", "/number", "$var(answer)")
        KSR.rtpengine.rtpengine_manage("")
        KSR.sl.send_reply(200, KSR.pv.getw("$var(answer)"))
        KSR.uac.uac_replace_from("a", "b")
        return 1
def mod_init():
    return Kamailio()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kamailio.cfg"
    path.write_text(CONFIG)
    return path


def taken(file: Path) -> UserConfig:
    return user_config(read_server_config(file))


def test_modules_come_with_what_the_run_needs_and_without_what_is_emulated(file: Path) -> None:
    assert taken(file).modules == (*NEEDED, "usrloc", "registrar", "htable")


def test_nothing_listens_elsewhere_or_reaches_another_machine(file: Path) -> None:
    config = taken(file)
    written = "\n".join([*config.lines, *map(str, config.parameters.values())])
    assert config.left_out == (
        "ctl", "rtpengine", "usrloc db_url", "usrloc db_mode", "registrar server_id",
    )  # fmt: skip
    for other in ("192.0.2", "geheim", "ctl", "debug", "children"):
        assert other not in written
    assert "geheim" not in repr(config.left_out)


def test_settings_and_parameters_are_what_the_team_has_written(file: Path) -> None:
    config = taken(file)
    define, listen, header, limit = config.lines
    assert define == '#!trydef WHO "me"'
    assert listen.startswith("listen=udp:127.0.0.1:")
    assert listen.endswith(' name "main"')
    assert header == 'server_header = "Server: ours"'
    assert limit == 'team.limit = 5 desc "calls"'
    assert config.parameters == {
        "usrloc": ['modparam("usrloc", "preload", "location")'],
        "registrar": ['modparam("registrar", "max_expires", 77)'],
        "htable": ['modparam("htable", "htable", "bans=>size=8;autoexpire=60;")',
                   r'modparam("htable", "event_callback", "a\"b\\c")'],
    }  # fmt: skip


def test_whatever_is_not_known_to_keep_to_itself_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(
        'loadmodule "exec.so"\nloadmodule "nobody_knows.so"\nloadmodule "avpops.so"\n'
        'loadmodule "nathelper.so"\n'
        'modparam("avpops", "sources", "cb=>mysql://u:geheim@db.example/k")\n'
        'modparam("nathelper", "natping_interval", 30)\n'
        'modparam("tm", "event_callback", "mine")\n'
    )
    config = taken(path)
    assert config.modules == (*NEEDED, "avpops", "nathelper")
    assert config.left_out == (
        "exec", "nobody_knows", "avpops sources", "nathelper natping_interval"
    )  # fmt: skip
    assert config.local_request == "mine"
    assert config.parameters == {}


@pytest.mark.debian
def test_the_real_server_runs_the_script_with_the_configuration_of_its_team(file: Path) -> None:
    real_server.skip_unless_installed()
    script = file.with_name("routing.py")
    script.write_text(SCRIPT)
    with RawServer(keep_answering) as server:
        lines = [line for line in CONFIG.splitlines() if "UNDEFINED" not in line]
        lines = [line for line in lines if "event_callback" not in line]
        file.write_text("\n".join(lines).replace("{url}", server.url))
        done = CliRunner().invoke(
            command,
            ["run", str(script), "--config", str(file), "--kamailio", "--json",
             "--message", str(MESSAGES / "01-register.sip"),
             "--message", str(MESSAGES / "02-options.sip")],
        )  # fmt: skip
        assert server.requests[0].startswith(b"GET /v1/number ")
    assert done.stdout.startswith("{"), (done.output, done.exception)
    said = json.loads(done.stdout)
    register, options = said["messages"]
    assert (register["replies"], register["error"]) == (["200 OK"], None)
    assert options["replies"] == ["200 ok"]
    assert 'X-Seen: "me" True b False' in options["headers"]
    assert "routing.py:16: AttributeError" in options["error"]
    assert "the configuration does not load uac.so" in options["error"]
    assert any("Left out of its configuration here" in note for note in said["notes"])
    assert any("Answered by the server itself" in note for note in said["notes"])
