"""A run slower than the capture was: the server sends nothing again, and forgets nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command
from onehttp_compat.real_server.live_script import LiveMessage, LiveScript
from servers.kamailio import real_server

SCRIPTS = Path(__file__).parents[1] / "script/scripts"
LONGER_THAN_T1_S = 0.6
"""A server repeats a request, and a refusal of an INVITE, after half a second."""


@pytest.mark.debian
@pytest.mark.slow
@pytest.mark.usefixtures("left_as_found")
def test_messages_that_come_late_meet_what_they_met_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_server.skip_unless_installed()
    send = LiveScript._send

    def send_late(live: LiveScript, message: LiveMessage) -> None:
        time.sleep(LONGER_THAN_T1_S)
        send(live, message)

    monkeypatch.setattr(LiveScript, "_send", send_late)
    named = [("--message", str(file)) for file in sorted((SCRIPTS / "messages").glob("0[3-7]*"))]
    assert len(named) == 5
    done = CliRunner().invoke(
        command,
        ["run", str(SCRIPTS / "flows.py"), "--myself", "sip.example.org", "--compare", "--json",
         *(one for each in named for one in each)],
    )  # fmt: skip
    assert done.stdout.startswith("{"), done.output
    assert json.loads(done.stdout)["differences"] == []
