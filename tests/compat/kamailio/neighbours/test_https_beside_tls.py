"""HTTPS from a SIP worker of a server that has loaded its own TLS module, and uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from servers.kamailio import tls

SCRIPT: Final = Path(__file__).with_name("https_script.py")
CALLS: Final = 100
"""Of each kind; the server's own modules bring it down before the twentieth."""


@pytest.mark.usefixtures("same_python")
def test_calls_and_the_servers_own_tls_do_not_disturb_each_other(tmp_path: Path) -> None:
    with tls.running(tmp_path, SCRIPT) as (inside, sip_over_tls):
        for number in range(CALLS):
            for connection in ("kept", "fresh"):
                assert inside.ask(connection) == "200 ok", number
            if number % 10 == 0:
                tls.speak_tls(sip_over_tls, tmp_path)
        assert inside.process.poll() is None
        assert "BUG" not in inside.log()
