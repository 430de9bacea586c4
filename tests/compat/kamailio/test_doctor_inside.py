"""``onehttp doctor`` on a real server that has the conflict which this project is for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp
from servers.kamailio import inside as kamailio_inside

TEMPLATE = """#!KAMAILIO
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:{port}
mpath="{modules}/"
loadmodule "tls.so"
loadmodule "http_client.so"
loadmodule "app_python3.so"
modparam("app_python3", "load", "{script}")
cfgengine "python"
"""
SCRIPT = """import sys
import pycurl

pycurl.Curl()


def mod_init():
    return Script()


class Script:
    def child_init(self, rank):
        if rank == 1:
            print("the worker is ready", file=sys.stderr, flush=True)
        return 0

    def ksr_request_route(self, msg):
        return 1
"""


@pytest.mark.usefixtures("same_python")
def test_a_real_server_with_both_modules_is_told_what_crashes_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with kamailio_inside.running(tmp_path, script, {}, TEMPLATE) as server:
        done = CliRunner().invoke(onehttp, ["doctor", "--pid", str(server.process.pid), "--json"])
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)["findings"]
    errors = {one["what"]: one["text"] for one in found if one["severity"] == "error"}
    assert errors["tls"] == "http_client.so beside tls.so: its own https crashes the server"
    assert "no process works on queries" in errors["server"]  # of its own configuration
    (order,) = [one["text"] for one in found if one["what"] == "order"]
    assert order.index("tls (") < order.index("http_client (") < order.index("app_python3 (")
    (curls,) = [one["text"] for one in found if one["what"] == "libcurl"]
    assert curls.startswith("2 copies")
    assert any(one["text"].startswith("pycurl has a TLS library of its own") for one in found)
