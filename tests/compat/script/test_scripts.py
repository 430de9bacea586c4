"""Scripts as people write them, of every kind: outside the server, and beside the real one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command
from servers.kamailio import real_server
from servers.raw import Peer, RawServer

pytestmark = pytest.mark.usefixtures("left_as_found")

FOLDER = Path(__file__).parent / "scripts"
MORE: dict[str, list[str]] = {
    "old_handler": ["--call", "handler:from $fU"],
    "old_lookup": ["--call", "route"],
    "proxy": ["--assume", str(FOLDER / "proxy.yaml")],
    "gates": ["--assume", str(FOLDER / "gates.yaml")],
    "gateways": ["--assume", str(FOLDER / "gateways.yaml")],
    "dialog_profiles": ["--assume", str(FOLDER / "dialog_profiles.yaml")],
    "declared_tables": ["--config", str(FOLDER / "declared_tables.cfg")],
}
HELPERS = {"neighbour_of_script", "registrar"}
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in HELPERS)
# What a script asks of modules that only the server has; all else is emulated.
ASSUMED: dict[str, set[str]] = {
    "proxy": {"KSR.auth.consume_credentials", "KSR.auth_db.auth_check", "KSR.registrar.lookup",
              "KSR.registrar.save"},
    "gates": {"KSR.auth_db.auth_check", "KSR.dispatcher.ds_is_from_list",
              "KSR.dispatcher.ds_select_dst", "KSR.permissions.allow_address_group",
              "KSR.permissions.allow_source_address"},
    "gateways": {"KSR.dispatcher.ds_mark_dst_state",
                 "KSR.dispatcher.ds_next_dst", "KSR.dispatcher.ds_select_dst",
                 "KSR.uac.uac_replace_from", "KSR.uac.uac_restore_from"},
    "dialog_profiles": {"KSR.dialog.dlg_set_timeout", "KSR.dialog.get_profile_size",
                        "KSR.dialog.set_dlg_profile"},
    "insides": {"$stat(nosuch)"},
    "media": {"KSR.rtpengine.rtpengine_answer", "KSR.rtpengine.rtpengine_delete",
              "KSR.rtpengine.rtpengine_manage", "KSR.rtpengine.rtpengine_offer",
              "KSR.rtpproxy.rtpproxy_manage", "KSR.siptrace.sip_trace"},
}  # fmt: skip


def answers(peer: Peer) -> None:
    """What the services of the scripts say."""
    while request := peer.request():
        body = b"down" if b"/down" in request.split(b"\r\n", 1)[0] else b"north"
        status = b"503 Service Unavailable" if body == b"down" else b"200 OK"
        peer.send(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    with RawServer(answers) as server:
        monkeypatch.setenv("HTTP_URL", server.url)
        yield server


def run(script: str, *more: str) -> dict[str, Any]:
    done = CliRunner().invoke(
        command,
        ["run", str(FOLDER / f"{script}.py"), "--message", str(FOLDER / "messages"),
         "--myself", "sip.example.org", "--json", *MORE.get(script, []), *more],
    )  # fmt: skip
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.stdout.startswith("{"), done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("script", [name for name in SCRIPTS if name != "mistakes"])
def test_a_script_runs_with_every_message_ending(script: str) -> None:
    report = run(script)
    ends = {message["message"]: message["end"] for message in report["messages"]}
    assert len([end for end in ends.values() if end == "failed"]) == 0, report["messages"]
    assert len(ends) >= 25
    assert {one["function"] for one in report["assumed"]} == ASSUMED.get(script, set())
    errors = [one["text"] for one in report["mistakes"] if one["error"]]
    assert [one for one in errors if "no_such_function" not in one] == []


def test_mistakes_are_placed_and_the_next_message_goes_on() -> None:
    report = run("mistakes")
    said = {one["text"] for one in report["mistakes"]}
    errors = {message["message"]: message["error"] for message in report["messages"]}
    assert errors["03-invite-busy.sip"] == (
        "mistakes.py:14: AttributeError: module 'KSR.tm' has no attribute 't_relay_to_uri' "
        "(did you mean t_relay_to_proxy?)"
    )
    assert errors["18-message.sip"].startswith("mistakes.py:16: SystemError: ")
    assert "'str' object cannot be interpreted as an integer" in errors["18-message.sip"]
    assert errors["12-bye.sip"] == "mistakes.py:32: KeyError: 'missing'"
    assert errors["02-options.sip"] is None
    assert errors["01-register.sip"] is None
    assert any(one.startswith("no variables of class $nosuch") for one in said)
    assert any(one.startswith("no transformation {s.nosuch}") for one in said)
    assert "no $T(id_idx) (did you mean id_index?)" in said
    assert "$sel(from.uri.usr): the server resolves no such select" in said
    assert "no $dlg_ctx(onn) (did you mean on?)" in said
    assert "{param...,,}: a comma ends the list, it separates nothing" in said


@pytest.mark.parametrize(
    ("call", "replies"),
    [
        ("registrar.save('location', 0)", ["200 OK"]),
        ("registrar.save('location', 2)", []),
        ("presence.handle_publish()", ["200 OK"]),
        ("presence.handle_subscribe()", ["202 OK"]),
        ("xhttp.xhttp_reply(404, 'Not Found', '', '')", ["404 Not Found"]),
        ("auth.auth_challenge('sip.example.org', 1)", ["407 Proxy Authentication Required"]),
        ("registrar.lookup('location')", []),
    ],
)
def test_what_answers_the_request_itself_is_seen_to(
    tmp_path: Path, call: str, replies: list[str]
) -> None:
    script = tmp_path / "answers.py"
    script.write_text(f"import KSR\ndef ksr_request_route():\n    KSR.{call}\n    return 1\n")
    message = str(FOLDER / "messages/02-options.sip")
    done = CliRunner().invoke(command, ["run", str(script), "--message", message, "--json"])
    (told,) = json.loads(done.stdout)["messages"]
    assert told["replies"] == replies


@pytest.mark.parametrize(
    "loop",
    [
        "mqueue.mq_fetch('jobs')",
        "ldap.result_next()",
        "ndb_mongodb.next_reply('r')",
        "textopsx.bl_iterator_next('lines')",
        "textopsx.hf_iterator_next('headers')",
        "htable.sht_iterator_next('items')",
    ],
)
def test_what_scripts_ask_until_it_says_no_says_no(tmp_path: Path, loop: str) -> None:
    script = tmp_path / "loops.py"
    script.write_text(
        "import KSR\ndef ksr_request_route():\n"
        "    KSR.mqueue.mq_add('jobs', 'a', 'b')\n    KSR.textopsx.bl_iterator_start('lines')\n"
        "    KSR.textopsx.hf_iterator_start('headers')\n"
        f"    while KSR.{loop} > 0:\n        pass\n    KSR.sl.send_reply(200, 'OK')\n    return 1\n"
    )
    message = str(FOLDER / "messages/03-invite-busy.sip")
    done = CliRunner().invoke(command, ["run", str(script), "--message", message, "--json"])
    (told,) = json.loads(done.stdout)["messages"]
    assert (told["error"], told["replies"]) == (None, ["200 OK"])


@pytest.mark.debian
@pytest.mark.slow
@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_does_the_same_in_the_real_server(script: str) -> None:
    real_server.skip_unless_installed()
    report = run(script, "--compare")
    assert report["differences"] == []
    assert len(report["messages"]) >= 25


@pytest.mark.debian
@pytest.mark.slow
@pytest.mark.usefixtures("services")
def test_a_difference_is_shown(tmp_path: Path) -> None:
    real_server.skip_unless_installed()
    script = tmp_path / "differs.py"
    # Outside the server a table of any name is one; the real one has those of its configuration,
    # and this one is not seen to be asked for.
    script.write_text(
        "import KSR\n"
        "def ksr_request_route():\n"
        "    KSR.htable.sht_sets('hid' + 'den', 'a', 'b')\n"
        "    KSR.sl.send_reply(200, 'OK')\n"
        "    return 1\n"
    )
    done = CliRunner().invoke(
        command, ["run", str(script), "--message", str(FOLDER / "messages/02-options.sip"),
                  "--compare"],
    )  # fmt: skip
    assert "the stand-in and the real server differ: 1 difference" in done.output
    assert "02-options.sip, line 3: htable.sht_sets('hidden', 'a', 'b')" in done.output


@pytest.mark.debian
@pytest.mark.usefixtures("services")
def test_the_real_server_runs_a_script_and_the_bill_is_the_same() -> None:
    real_server.skip_unless_installed()
    outside, inside = run("lookup"), run("lookup", "--kamailio")

    def calls(report: dict[str, Any]) -> list[tuple[Any, ...]]:
        return sorted((call["place"], call["function"], call["url"], call["code"], call["count"],
                       call["replacement"]) for call in report["calls"])  # fmt: skip

    assert calls(outside) == calls(inside)
    assert any("Run in Kamailio" in note for note in inside["notes"])


def test_without_a_server_the_way_to_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    done = CliRunner().invoke(command, ["run", str(FOLDER / "endings.py"), "--kamailio"])
    assert done.exit_code == 1
    assert "apt-get install kamailio kamailio-python3-modules" in done.stderr
