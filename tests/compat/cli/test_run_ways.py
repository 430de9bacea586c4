"""The ways in which ``onehttp run`` is asked to run a script, and how its report is laid out."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering

pytestmark = pytest.mark.usefixtures("left_as_found")

MESSAGES = Path(__file__).parents[1] / "script/scripts/messages"
SHARED = """
import KSR
print("the file runs")
def mod_init():
    print("mod_init runs")
    KSR.htable.sht_seti("calls", "all", 0)
    return Routes()
class Routes:
    def child_init(self, rank):
        print("child_init", rank)
        KSR.pv.seti("$shv(children)", KSR.pv.geti("$shv(children)") + 1)
        KSR.pv.seti("$sht(ranks=>%d)" % rank, 1)
        return 0
    def ksr_request_route(self, msg):
        print("a message")
        KSR.pv.seti("$shv(seen)", KSR.pv.geti("$shv(seen)") + 1)
        KSR.htable.sht_inc("calls", "all")
        KSR.pv.seti("$var(own)", KSR.pv.geti("$var(own)") + 1)
        KSR.pv.seti("$avp(own)", KSR.pv.geti("$avp(own)") + 1)
        KSR.hdr.append("X-Seen: %s\\r\\n" % " ".join(str(KSR.pv.get(one)) for one in (
            "$shv(seen)", "$sht(calls=>all)", "$avp(own)", "$shv(children)",
            "$sht(ranks=>1)", "$sht(ranks=>-2)", "$shv(timed)")))
        return 1
    def ksr_timer(self, msg, event=None):
        KSR.pv.sets("$shv(timed)", "by %s" % event)
        return 1
    def ksr_dialog_event(self, msg, event):
        KSR.hdr.append("X-Event: %s\\r\\n" % event)
        return 1
"""
TAKING = """
class Routes:
    def child_init(self, rank):
        return 0
    def plain(self, msg):
        return msg.call_function("append_hf", "X-Plain: %s\\r\\n" % msg.Method)
    def with_text(self, msg, text):
        return msg.call_function("append_hf", "X-Text: %s\\r\\n" % text)
def mod_init():
    return Routes()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.py"


def run(script: Path, text: str, *more: str, columns: int = 80) -> Result:
    script.write_text(text)
    done = CliRunner().invoke(command, ["run", str(script), *more], env={"COLUMNS": str(columns)})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def headers(done: Result) -> list[str]:
    said: Any = json.loads(done.stdout)
    assert [one["error"] for one in said["messages"] if one["error"]] == []
    return [line for one in said["messages"] for line in one["headers"]]


def test_what_processes_share_lives_for_the_whole_run(script: Path) -> None:
    messages = [option for name in ("01-register", "02-options", "20-notify")
                for option in ("--message", str(MESSAGES / f"{name}.sip"))]  # fmt: skip
    done = run(script, SHARED, "--json", *messages, "--child-init", "-2", "--child-init", "2",
               "--event", "ksr_timer:tick")  # fmt: skip
    assert headers(done) == [f"X-Seen: {n} {n} 1 3 1 1 by tick" for n in (1, 2, 3)]


def test_an_event_comes_before_the_messages_and_is_told_with_its_name(script: Path) -> None:
    done = run(script, SHARED, "--json", "--event", "ksr_dialog_event:dialog:start")
    assert headers(done)[0] == "X-Event: dialog:start"
    assert json.loads(done.stdout)["messages"][0]["message"] == "event ksr_dialog_event"


def test_an_event_that_the_script_does_not_have_is_an_error(script: Path) -> None:
    done = run(script, SHARED, "--event", "ksr_dialog")
    assert done.exit_code == 1
    assert f"{script}: no event route 'ksr_dialog' (did you mean ksr_dialog_event?)" in done.stderr


def test_the_event_routes_that_there_are_are_named(script: Path) -> None:
    done = run(script, SHARED, "--event", "htable:mod-init")
    assert "no event route 'htable'; there are: ksr_dialog_event, ksr_timer\n" in done.stderr


@pytest.mark.parametrize(
    ("option", "header"),
    [
        (["--call", "plain"], "X-Plain: INVITE"),
        (["--method", "plain"], "X-Plain: INVITE"),
        (["--call", "with_text:to $rU: now"], "X-Text: to +4930123456: now"),
        (["--call", "with_text:"], "X-Text:"),
    ],
)
def test_a_method_is_called_as_kamailio_cfg_would(
    script: Path, option: list[str], header: str
) -> None:
    assert headers(run(script, TAKING, "--json", *option)) == [header]


def test_without_a_method_the_choice_is_told(script: Path) -> None:
    done = run(script, TAKING)
    assert done.exit_code == 1
    assert (
        "which method handles a message? Say --call NAME or --call NAME:TEXT: plain, with_text"
    ) in done.stderr


@pytest.mark.parametrize(
    ("methods", "taken"),
    [
        ("def any(self, msg): X", "any"),
        ("def any(self, msg): X\n    def helper(self, a, b, c): return a", "any"),
        ("def any(self, msg): X\n    def helper(self): return 1\n    limit = dict", "any"),
        ("def onreply(self, msg): return 1\n    def handler(self, msg, args): X", "handler"),
        ("def route(self, msg): X\n    def relay(self, msg): return 1", "route"),
        ("def other(self, msg): return 1\n    def handler(self, msg, args=None): X", "handler"),
    ],
)
def test_the_method_of_a_message_is_the_one_that_can_be_meant(
    script: Path, methods: str, taken: str
) -> None:
    said = f"msg.call_function('append_hf', 'X: {taken}'); return 1"
    text = f"class Script:\n    {methods.replace('X', said)}\ndef mod_init(): return Script()\n"
    assert headers(run(script, text, "--json")) == [f"X: {taken}"]


def test_prints_of_a_script_stand_beside_the_report_never_in_it(script: Path) -> None:
    for how in ("--json",), ():
        done = run(script, SHARED, *how, "--child-init", "2")
        for said in ("the file runs", "mod_init runs", "child_init 2", "a message"):
            assert said in done.stderr
            assert said not in done.stdout


def test_a_run_that_called_nothing_says_so(script: Path) -> None:
    done = run(script, SHARED, "--repeat", "2", columns=200)
    assert "script.py made no call of the HTTP modules for 2 messages." in done.stdout
    assert json.loads(run(script, SHARED, "--json").stdout)["counts"]["calls"] == 0


WIDE = """
import KSR
def ksr_request_route():
    KSR.http_client.query("{url}/" + "a-long-path/" * 12 + "?number=$rU&caller=$fU", "$var(r)")
    KSR.http_client.query_post_hdrs("{url}/x", "some text of a body", "X-Long: " + "y" * 90,
                                    "$var(r)")
    KSR.http_client.curl_connect("a-connection-with-a-long-name", "/x", "$var(r)")
    KSR.auth_db.is_subscriber("sip:somebody@a-long-host-name.of-a-domain.example.org", "t", 0)
    KSR.sl.send_reply("200")
    return 1
"""


@pytest.mark.parametrize("columns", [40, 60, 80, 132])
def test_no_word_is_broken_at_any_width(script: Path, columns: int) -> None:
    def words(columns: int) -> list[str]:
        text = run(script, WIDE.replace("{url}", server.url), columns=columns).stdout
        return sorted(word for word in text.split() if not re.fullmatch(r"[\d.,]+", word))

    with RawServer(keep_answering) as server:
        assert words(columns) == words(10_000)


def test_sentences_fit_the_window(script: Path) -> None:
    long = script.with_name("a-message-of-a-long-name.sip")
    sent = (MESSAGES / "01-register.sip").read_bytes()
    long.write_bytes(sent.replace(b"sip:sip.example.org", b"sip:" + b"sip.example.org" * 3, 1))
    with RawServer(keep_answering) as server:
        done = run(script, WIDE.replace("{url}", server.url), "--message", str(long))
    lines = done.stdout.splitlines()
    for line in lines:
        if len(line) > 80:  # a word alone, or a line of code to be pasted
            assert len(line.split()) == 1 or line.startswith("      "), line


def test_an_error_of_many_messages_is_told_once(script: Path) -> None:
    script.write_text(
        "import KSR\ndef ksr_request_route():\n    return {}[KSR.kx.get_method()[:1]]\n"
    )
    found = CliRunner().invoke(command, ["run", str(script), "--message", str(MESSAGES)]).stdout
    failed = found.count("  failed, ")
    told = [line for line in found.splitlines() if "script.py:3: KeyError" in line]
    assert len(set(told)) == len(told) > 1
    assert found.count("the same error as ") == failed - len(told)
    lines = found.splitlines()
    for number, line in enumerate(lines):
        _, repeats, label = line.partition("the same error as ")
        if repeats:  # the message that is named has an error, and has it in full
            there = next(i for i, one in enumerate(lines) if one.startswith(f"{label}  "))
            assert there < number
            assert lines[there + 1] in told


def test_loggers_of_a_script_are_as_quiet_as_it_was_asked_for(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import logging\nlog = logging.getLogger('own')\nlog.setLevel(logging.DEBUG)\n"
        "def ksr_request_route():\n    log.info('so far')\n    log.error('no')\n    return 1\n"
    )
    said = {}
    for way in ("-q", "-v"):
        done = subprocess.run(
            [sys.executable, "-c", "from onehttp.cli import main; main()", "run", str(script),
             *([way] if way == "-v" else [])],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        said[way] = [line for line in done.stderr.splitlines() if " own: " in line]
    assert said == {"-q": ["ERROR own: no"], "-v": ["INFO own: so far", "ERROR own: no"]}


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_honoured(script: Path, no_color: str) -> None:
    script.write_text("import KSR\ndef ksr_request_route():\n    KSR.nosuch.f()\n")
    cfg = script.with_name("kamailio.cfg")
    cfg.write_text('modparam("http_client", "httpcon", "x")\n')
    yaml = script.with_name("c.yaml")
    yaml.write_text("version: 2\n")
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm"}
    commands = (["run", str(script)], ["convert", str(cfg)], ["check", str(yaml)])
    for shown in on_a_terminal(commands, environment):
        assert bool(re.search(rb"\x1b\[[\d;]*3\dm", shown)) == (not no_color), shown


BETWEEN = b"-- the next command --"
ONE_AFTER_THE_OTHER = f"""
import json, sys
from onehttp.cli import main
for sys.argv[1:] in json.loads(sys.argv[1]):
    try:
        main()
    except SystemExit:
        print({BETWEEN.decode()!r}, flush=True)
"""


def on_a_terminal(commands: Sequence[list[str]], environment: dict[str, str]) -> list[bytes]:
    """What each command shows on one."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)],
        stdout=follower, stderr=follower, stdin=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 65536):
            shown += piece
    except OSError:  # the last one has closed it
        pass
    finally:
        os.close(leader)
    assert process.wait(timeout=PATIENCE_S) == 0, shown
    return shown.split(BETWEEN)[:-1]
