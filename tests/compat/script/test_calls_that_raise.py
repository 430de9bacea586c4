"""Calls of a script that raise an error in the server raise the same one outside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command

pytestmark = pytest.mark.usefixtures("left_as_found")
MESSAGES: Final = Path(__file__).parent / "scripts/messages"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("KSR.sl.send_reply(code=200, reason='OK')", "TypeError: send_reply() takes no keyword"),
        ("KSR.is_INVITE(x=1)", "TypeError: is_INVITE() takes no keyword"),
        ("KSR.registrar.save('location', flags=0)", "TypeError: save() takes no keyword"),
        ("KSR.http_client.query(url='http://x', dpv='$var(x)')", "TypeError: query() takes no key"),
        ("msg.getHeader('Subject')", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
        ("KSR.hdr.get('Subject')", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
        ("KSR.pv.get('$hdr(Subject)')", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
    ],
)
def test_calls_that_raise_in_the_server_raise(tmp_path: Path, call: str, said: str) -> None:
    sent = (MESSAGES / "02-options.sip").read_bytes()
    latin_1, script = tmp_path / "latin-1.sip", tmp_path / "script.py"
    latin_1.write_bytes(sent.replace(b"\r\nCSeq", b"\r\nSubject: caf\xe9\r\nCSeq", 1))
    text = (
        f"import KSR\nclass Called:\n    def ksr_request_route(self, msg): {call}\n"
        "def mod_init(): return Called()\n"
    )
    script.write_text(text)
    done = CliRunner().invoke(command, ["run", str(script), "--message", str(latin_1), "--json"])
    (told,) = json.loads(done.stdout)["messages"]
    assert told["error"].startswith(f"script.py:3: {said}")
