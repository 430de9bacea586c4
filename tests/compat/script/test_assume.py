"""``--assume``: what its file may say, what is said of a wrong one, and what the script is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import onehttp
from onehttp.cli.group import onehttp as command

pytestmark = pytest.mark.usefixtures("left_as_found")

SCRIPT = """
import KSR
def ksr_request_route():
    KSR.info("%s\\n" % [{asked}])
    KSR.hdr.append("X-Said: %s\\r\\n" % [{asked}])
    return 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hooks.py").write_text(
        "def allow(ksr, group, *_):\n"
        "    return 1 if ksr.pv.get('$rU') and group == 7 else -1\n"
        "def text(ksr, *_):\n    return 'yes'\n"
        "LIMIT = 3\n"
    )
    (tmp_path / "broken.py").write_text("\n1 / 0\n")
    return tmp_path


def run(folder: Path, assume: str, asked: str = "1", *more: str) -> Result:
    script, file = folder / "routing.py", folder / "assume.yaml"
    script.write_text(SCRIPT.format(asked=asked))
    file.write_text(assume)
    return CliRunner().invoke(command, ["run", str(script), "--assume", str(file), "--json", *more])


def said(done: Result) -> Any:
    assert done.stdout.startswith("{"), done.output
    return json.loads(done.stdout)


def told(done: Result) -> str:
    """What the script was told, as it has printed it into a header."""
    (message,) = said(done)["messages"]
    assert message["error"] is None, message
    (header,) = message["headers"]
    return str(header.removeprefix("X-Said: "))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("functions: [", ":1: not YAML: expected the node content"),
        ("functions:\n\tx: 1\n", ":2: not YAML: found character"),
        ("- a\n", ":1: expected a mapping, got a list"),
        ("function: {}\n", ":1: function: no such key (did you mean functions?); there are: "),
        ("functions: 3\n", ":1: functions: expected a mapping, got 3"),
        ("functions:\n  tm.t_relay: 1\n  tm.t_relay: -1\n",
         ":3: functions.tm.t_relay: given twice; keep one"),
        ("functions:\n  tm.t_relayy: 1\n",
         ":2: functions.tm.t_relayy: no such function (did you mean t_relay?)"),
        ("functions:\n  KSR.registar.save: 1\n",
         ":2: functions.KSR.registar.save: no such function (did you mean registrar?)"),
        ("functions:\n  force_rprt: 1\n", "no such function (did you mean force_rport?)"),
        ("functions:\n  http_client.query: 200\n", "its call is made, not assumed"),
        ("functions:\n  registrar.save: ok\n",
         "KSR.registrar.save answers a number, as 1 for true and -1 for false; got 'ok'"),
        ("functions:\n  registrar.save: yes\n", "answers a number, as 1 for true and -1 for false"),
        ("functions:\n  registrar.save: 2026-01-01\n", "expected a number or a text as answer"),
        ("functions:\n  registrar.save: !!python/name:os.system\n", ":2: not YAML: could not"),
        ("functions:\n  registrar.save: []\n", "expected a list of answers, with one at least"),
        ("functions:\n  registrar.save:\n    - 1\n    - maybe\n",
         ":4: functions.registrar.save[2]: KSR.registrar.save answers a number"),
        ("functions:\n  registrar.save:\n    answers: 1\n",
         ":3: functions.registrar.save.answers: no such key (did you mean answer?)"),
        ("functions:\n  registrar.save: {answer: 1, python: hooks.py:allow}\n",
         "expected one of answer, sequence, python; got answer and python"),
        ("functions:\n  registrar.save: {arguments: [a, 0]}\n",
         "expected one of answer, sequence, python; got none"),
        ("functions:\n  registrar.save: {sequence: 1}\n", "expected a list, got 1"),
        ("functions:\n  registrar.save: {answer: 1, arguments: '*'}\n", "expected a list, got '*'"),
        ("functions:\n  registrar.save: {answer: 1, arguments: ['*']}\n",
         "KSR.registrar.save takes (str, int), this is for 1"),
        ("functions:\n  registrar.save:\n    answer: 1\n    arguments:\n      - location\n"
         "      - none\n", ":6: functions.registrar.save.arguments[2]: expected a number, or '*'"),
        ("functions:\n  registrar.save: {answer: 1, arguments: [7, 0]}\n",
         "expected a text, in quotes where it looks like a number, or '*' for any; got 7"),
        ("functions:\n  registrar.save: {answer: 1, sets: {rU: x}}\n", "'rU' is not a variable"),
        ("functions:\n  registrar.save: {answer: 1, sets: {$ci: x}}\n", "$ci cannot be written"),
        ("functions:\n  registrar.save: {answer: 1, sets: {$vra(x): x}}\n", "did you mean var?"),
        ("functions:\n  registrar.save: {answer: 1, sets: {$rU: [x]}}\n",
         "expected a text or a number, got a list"),
        ("functions:\n  registrar.save: {python: allow}\n",
         "expected FILE.py:FUNCTION, got 'allow'"),
        ("functions:\n  registrar.save: {python: none.py:allow}\n", "none.py: no such file"),
        ("functions:\n  registrar.save: {python: hooks.py:alow}\n",
         "no function alow (did you mean allow?)"),
        ("functions:\n  registrar.save: {python: hooks.py:LIMIT}\n", "no function LIMIT"),
        ("functions:\n  registrar.save: {python: broken.py:allow}\n",
         "broken.py:2: ZeroDivisionError: division by zero"),
        ("variables:\n  gip2(src=>cc): DE\n", "is not a variable; write it like $var(name)"),
        ("variables:\n  $gip2(src=>cc): [DE]\n", "expected a text or a number, got a list"),
        ("variables:\n  $gpi2(src=>cc): DE\n", "no variables of class $gpi2 (did you mean gip2?)"),
        ("variables:\n  $rU: bob\n", "$rU is emulated; what it says is not assumed"),
        ("variables:\n  $(gip2(src=>cc){s.len}): 2\n", "say what the variable itself is"),
        ("variables: &x\n  $gip2(src=>cc): *x\n", "an anchor within itself"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_of_before_the_first_message(
    folder: Path, text: str, error: str
) -> None:
    done = run(folder, text)
    assert done.exit_code == 1
    line = done.stderr.strip()
    assert line.startswith(f"Error: {folder / 'assume.yaml'}:"), line
    assert error in line
    assert "Traceback" not in done.output


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00", b"x" * (1 << 20) + b"x"])
def test_what_is_no_text_is_told_of(folder: Path, content: bytes) -> None:
    run(folder, "")
    (folder / "assume.yaml").write_bytes(content)
    done = CliRunner().invoke(
        command, ["run", str(folder / "routing.py"), "--assume", str(folder / "assume.yaml")]
    )
    assert done.exit_code == 1
    assert "assume.yaml: " in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("assume", "asked", "answers"),
    [
        ("", "KSR.registrar.save('l', 0)", "[1]"),
        ("functions: {registrar.save: -1}", "KSR.registrar.save('l', 0)", "[-1]"),
        ("functions: {KSR.registrar.save: -1}", "KSR.registrar.save('l', 0)", "[-1]"),
        ("functions: {registrar.save: [2, -1]}",
         ", ".join(["KSR.registrar.save('l', 0)"] * 2), "[-1, -1]"),
        ("functions: {is_myself_ruri: true}", "KSR.is_myself_ruri()", "[True]"),
        ("functions: {siputils.has_totag: 5}", "KSR.siputils.has_totag()", "[5]"),
        ("functions: {newer.function: 5}", "KSR.newer.function(1, 'x')", "[5]"),
        ("functions: {registrar.save: [{arguments: [l, '*'], answer: 7}, {answer: -7}]}",
         "KSR.registrar.save('l', 3), KSR.registrar.save('m', 3)", "[7, -7]"),
        ("functions: {registrar.save: {answer: 1, sets: {$avp(x): y}}}",
         "KSR.registrar.save('l', 0), KSR.pv.get('$avp(x)')", "[1, 'y']"),
        ("functions: {permissions.allow_source_address_group: 4}",
         "KSR.permissions.allow_source_address_group()", "[4]"),
        ("functions: {permissions.allow_source_address: {python: 'hooks.py:allow'}}",
         "KSR.permissions.allow_source_address(7), KSR.permissions.allow_source_address(8)",
         "[1, -1]"),
        ("variables: {$gip2(src=>cc): DE}",
         "KSR.pv.get('$gip2(src=>cc)'), KSR.pv.get('$(gip2(src=>cc){s.len})')", "['DE', 2]"),
    ],
)  # fmt: skip
def test_the_script_is_told(folder: Path, assume: str, asked: str, answers: str) -> None:
    assert told(run(folder, assume, asked)) == answers


def test_a_hook_that_answers_what_the_function_never_does_fails_the_message(folder: Path) -> None:
    done = run(folder, "functions: {registrar.save: {python: 'hooks.py:text'}}",
               "KSR.registrar.save('l', 0)")  # fmt: skip
    (message,) = said(done)["messages"]
    assert "hooks.py:text answered 'yes', which KSR.registrar.save never does" in message["error"]
    assert done.exit_code == 1


def test_strictly_only_what_is_given_will_do(folder: Path) -> None:
    assume = "functions: {registrar.save: -1}"
    assert told(run(folder, assume, "KSR.registrar.save('l', 0)", "--strict")) == "[-1]"
    onehttp.shutdown()
    (message,) = said(run(folder, assume, "KSR.registrar.lookup('l')", "--strict"))["messages"]
    assert "KSR.registrar.lookup is not emulated, and --assume says nothing" in message["error"]


def test_rules_that_nobody_asked_for_are_told(folder: Path) -> None:
    done = run(folder, "functions: {registrar.save: 1, newer.function: 1}",
               "KSR.registrar.save('l', 0)")  # fmt: skip
    note = "The script did not use these entries of --assume: newer.function."
    assert said(done)["notes"] == [note]
