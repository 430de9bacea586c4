"""``onehttp probe``, as an operator runs it, against real servers."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp
from servers.ports import free_port
from servers.raw import RawServer, answering, echo, keep_answering, silent

WELL = keep_answering


@pytest.fixture
def refusing() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


class Operator:
    """Runs the command over a file of connections."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "connections.yaml"

    def probe(self, connections: dict[str, Any], *arguments: str) -> Result:
        document = {"version": 1, "connections": connections}
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))
        command = ["probe", "--connections", str(self.file), *arguments]
        return CliRunner().invoke(onehttp, command)

    def rows(self, connections: dict[str, Any], *arguments: str) -> dict[str, Any]:
        run = self.probe(connections, "--json", *arguments)
        return {row["name"]: row for row in json.loads(run.stdout)}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_a_connection_is_made_and_nothing_is_sent(operator: Operator) -> None:
    with RawServer(WELL) as server:
        run = operator.probe({"api": {"url": server.url}}, "--json")
        assert server.connections == 1
        assert server.requests == []
    assert run.exit_code == 0
    (row,) = json.loads(run.stdout)
    assert (row["up"], row["status"], row["http_version"]) == (True, None, None)
    assert row["peer"] == "127.0.0.1"
    assert row["ms"]["connect"] >= 0
    assert row["ms"]["tls"] is None
    assert row["ms"]["first_byte"] is None
    assert row["certificate"] is None


def test_a_health_request_is_sent_as_the_connection_would(operator: Operator) -> None:
    with RawServer(echo) as server:
        api = {
            "url": f"{server.url}/v1",
            "headers": {"X-Own": "yes"},
            "auth": {"username": "u", "password": "p"},
        }
        row = operator.rows({"api": api}, "--health", "/health")["api"]
        assert server.targets == ["GET /v1/health"]
        assert b"X-Own: yes\r\n" in server.requests[0]
        assert b"Authorization: Basic dTpw\r\n" in server.requests[0]
    assert (row["up"], row["status"], row["http_version"]) == (True, 200, "1.1")
    assert row["ms"]["first_byte"] >= 0


def test_a_bad_status_is_down(operator: Operator) -> None:
    busy = answering(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    with RawServer(busy) as server:
        run = operator.probe({"api": {"url": server.url}}, "--health", "/")
    assert run.exit_code == 1
    assert "down: status 503" in run.output


def test_a_connection_that_is_down_is_shown_with_its_reason_and_exits_with_1(
    operator: Operator, refusing: str
) -> None:
    with RawServer(WELL) as server:
        connections = {"good": {"url": server.url}, "bad": {"url": refusing}}
        run = operator.probe(connections, "--json")
        assert run.exit_code == 1
        good, bad = json.loads(run.stdout)
        assert (good["up"], bad["up"]) == (True, False)
        assert bad["error"]["code"] == 7
        assert bad["error"]["phase"] == "connect"
        assert operator.probe(connections, "good").exit_code == 0


def test_a_server_that_never_shakes_hands_takes_no_longer_than_its_limit(
    operator: Operator,
) -> None:
    with RawServer(silent) as server:
        url = server.url.replace("http:", "https:")
        row = operator.rows({"api": {"url": url, "timeout": {"connect": 0.2}}})["api"]
    assert row["error"]["code"] == 28
    assert row["error"]["phase"] == "tls"


def test_the_certificate_and_its_days_are_shown(
    operator: Operator, tls_server_context: ssl.SSLContext, ca_file: Path
) -> None:
    with RawServer(WELL, tls_server_context) as server:
        api = {"url": server.url, "tls": {"ca_file": str(ca_file)}}
        row = operator.rows({"api": api})["api"]
        table = operator.probe({"api": api}).output
    assert row["up"]
    assert "trustme" in row["certificate"]["subject"]
    assert row["certificate"]["days_left"] > 0
    assert row["certificate"]["expires"].endswith("Z")
    assert row["ms"]["tls"] > 0
    assert "trustme" in table.replace("\n", "")


def test_a_certificate_that_is_refused_is_shown_all_the_same_and_nothing_is_sent(
    operator: Operator, golden_pki: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(golden_pki / "expired.pem", golden_pki / "expired.key")
    with RawServer(WELL, context) as server:
        api = {
            "url": server.url,
            "tls": {"ca_file": str(golden_pki / "ca.pem")},
            "auth": {"username": "u", "password": "p"},
        }
        run = operator.probe({"api": api}, "--json", "--health", "/")
        assert server.requests == []
    assert run.exit_code == 1
    (row,) = json.loads(run.stdout)
    assert row["error"]["code"] == 60
    assert row["certificate"]["days_left"] < 0


def test_who_stands_in_is_probed_too(operator: Operator, refusing: str) -> None:
    with RawServer(WELL) as server:
        connections = {
            "api": {"url": server.url, "failover": ["near", "far"]},
            "near": {"url": refusing},
            "far": {"url": f"{server.url}/far"},
        }
        run = operator.probe(connections, "api", "--json")
        table = operator.probe(connections, "api").output
    (row,) = json.loads(run.stdout)
    assert row["failover"] == [{"name": "near", "up": False}, {"name": "far", "up": True}]
    assert run.exit_code == 0  # of those asked for, none is down
    assert "near down far up" in " ".join(table.split())


def test_no_secret_is_shown(operator: Operator, refusing: str) -> None:
    api = {
        "url": f"{refusing}/path-t0ken",
        "headers": {"X-Api-Key": "k3y"},
        "auth": {"username": "u", "password": "s3cret"},
        "params": {"token": "qu3ry"},
    }
    for arguments in ([], ["--json"]):
        output = operator.probe({"api": api}, *arguments).output
        assert not any(secret in output for secret in ("t0ken", "k3y", "s3cret", "qu3ry"))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["aip"], "no connection named 'aip' (did you mean 'api'?)"),
        (["--health", "http://elsewhere/"], "the path is a whole URL"),
    ],
)
def test_what_cannot_be_probed_is_an_error(
    operator: Operator, arguments: list[str], error: str
) -> None:
    run = operator.probe({"api": {"url": "http://127.0.0.1:1"}}, *arguments)
    assert run.exit_code == 1
    assert error in " ".join(run.output.split())


def test_a_broken_file_is_told_with_its_place(operator: Operator) -> None:
    run = operator.probe({"api": {"url": "http://h", "timout": 1}})
    assert run.exit_code == 1
    assert "connections.api.timout: unknown key" in run.output


def test_a_client_certificate_that_is_wanted_and_missing_is_a_reason(
    operator: Operator, authority: trustme.CA, ca_file: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with RawServer(WELL, context) as server:
        row = operator.rows({"api": {"url": server.url, "tls": {"ca_file": str(ca_file)}}})["api"]
    assert not row["up"]
    assert row["error"]["phase"] == "tls"
