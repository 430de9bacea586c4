"""Connections of modparams, of ``config_file`` and of ``connections.yaml`` are one set."""

from __future__ import annotations

from pathlib import Path

import pytest

import onehttp
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer


@pytest.fixture
def started(legacy: LegacyServer, web: RawServer) -> LegacyServer:
    """A server with one connection of each module, and one that leads nowhere."""
    host = web.url.removeprefix("http://")
    legacy.modparam("http_client", "httpcon", f"api=>http://user:geheim@{host}/v1;timeout=3")
    legacy.modparam("curl", "curlcon", f"old=>http://{host}/old")
    legacy.start()
    return legacy


def test_a_connection_of_a_modparam_is_one_for_new_code(
    started: LegacyServer, web: RawServer
) -> None:
    assert "GET /v1/x HTTP/1.1" in onehttp.connection("api").get("/x").text
    spec = onehttp.connections()["api"]
    assert spec.options.auth is not None
    assert (spec.options.auth.username, spec.options.auth.secret) == ("user", "geheim")
    assert spec.options.total_timeout_s == 3
    assert list(onehttp.connections()) == ["old", "api"]
    assert "geheim" not in str(onehttp.connections())
    assert "modparam http_client" in str(onehttp.connections())


def test_a_connection_of_a_config_file_is_one_for_new_code(
    legacy: LegacyServer, web: RawServer, tmp_path: Path
) -> None:
    path = tmp_path / "http_client.cfg"
    path.write_text(f"[fromfile]\nurl = {web.url}/f\n")
    legacy.modparam("http_client", "config_file", str(path))
    legacy.start()
    assert "GET /f/x HTTP/1.1" in onehttp.connection("fromfile").get("/x").text


def test_the_modules_do_not_see_each_others_connections(started: LegacyServer) -> None:
    assert started.call("curl_connect", ("api", "/x", "$var(r)")) == -1
    assert started.call("http_connect", ("old", "/x", "$var(r)")) == -1
    assert started.call("curl_connect", ("old", "/x", "$var(r)")) == 200


def test_a_reload_keeps_them_and_tells_of_the_file(
    started: LegacyServer, web: RawServer, tmp_path: Path
) -> None:
    assert started.rpc("httpclient.reload")["error"]["message"].startswith("nothing to reload")
    path = tmp_path / "connections.yaml"
    path.write_text(f"version: 1\nconnections: {{new: {{url: '{web.url}'}}}}\n")
    onehttp.reload(path)
    path.write_text(f"version: 1\nconnections: {{new: {{url: '{web.url}', timeout: 9}}}}\n")
    assert started.rpc("httpclient.reload") == {
        "result": {
            "REVISION": onehttp.connections().revision,
            "ADDED": [],
            "REMOVED": [],
            "CHANGED": {"new": ["timeout.total"]},
            "UNCHANGED": 2,
            "WARNINGS": [],
        }
    }
    path.write_text("version: 1\nconnections: {new: {}}\n")
    answer = started.rpc("httpclient.reload")
    assert answer["error"]["code"] == 500
    assert "connections.new: has no url" in answer["error"]["message"]
    assert set(onehttp.connections()) == {"new", "old", "api"}


def test_a_connection_of_the_file_takes_precedence_over_a_modparam(
    started: LegacyServer, web: RawServer
) -> None:
    onehttp.reload({"version": 1, "connections": {"api": {"url": f"{web.url}/file"}}})
    assert "GET /file/x HTTP/1.1" in onehttp.connection("api").get("/x").text
    assert started.call("http_connect", ("api", "/x", "$var(r)")) == 200
    assert b"GET /v1/x HTTP/1.1" in web.requests[-1]
