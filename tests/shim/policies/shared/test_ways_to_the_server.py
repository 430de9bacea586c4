"""Ways to the server that processes count on: TLS, certificates of both sides, and a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import onehttp
from onehttp.policies.shared import store as stores
from onehttp.policies.shared.connecting import connected
from onehttp.policies.shared.policy import SharedPolicy
from servers.brokers.redis import RedisServer
from servers.raw import RawServer, echo
from shim.policies.shared.conftest import MakeWorker
from shim.policies.shared.test_counted_together import ONCE_IN_A_WHILE, call, configured


@pytest.fixture
def redis_by_tls(
    debian: None, tmp_path: Path, authority: trustme.CA, ca_file: Path
) -> Iterator[RedisServer]:
    """It takes no other connections, and none without a certificate of the test's authority."""
    issued = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "server.pem", tmp_path / "server.key"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    server = RedisServer(tmp_path, "--tls-cert-file", str(cert), "--tls-key-file", str(key),
                         "--tls-ca-cert-file", str(ca_file), "--port", "0")  # fmt: skip
    server.options += ["--tls-port", str(server.port)]
    server.url = server.url.replace("redis:", "rediss:")
    with server:
        yield server


@pytest.fixture
def shown(tmp_path: Path, authority: trustme.CA, ca_file: Path) -> dict[str, Any]:
    """What a client trusts and shows."""
    issued = authority.issue_cert("client.example")
    cert, key = tmp_path / "client.pem", tmp_path / "client.key"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    return {"ca_file": str(ca_file), "cert": str(cert), "key": str(key)}


def is_there() -> bool:
    spec = onehttp.connections()["api"]
    assert spec.shared is not None
    return stores.store_of(spec.shared).is_there


def both_count_together(redis: RedisServer, worker: MakeWorker, shared: dict[str, Any]) -> None:
    limits = {"per_second": ONCE_IN_A_WHILE, "burst": 2, "wait": 0}
    with RawServer(echo) as server:
        connections = configured(redis, server.url, limits=limits, shared=shared)
        onehttp.init(connections=connections)
        other = worker(connections)
        assert [other.call("/"), str(call("thread").status), other.call("/")] == [
            "200", "200", "LimitReachedError",
        ]  # fmt: skip
        assert is_there()


def test_processes_share_limits_over_tls(
    redis_by_tls: RedisServer, worker: MakeWorker, shown: dict[str, Any]
) -> None:
    both_count_together(redis_by_tls, worker, shown)


def test_processes_share_limits_over_a_unix_socket(
    debian: None, tmp_path: Path, worker: MakeWorker
) -> None:
    path = tmp_path / "redis.sock"
    with RedisServer(tmp_path, "--unixsocket", str(path)) as redis:
        redis.url = f"unix://{path}?db=3"
        both_count_together(redis, worker, {})
        assert "db3:keys=" in redis.ask("INFO", "keyspace")


@pytest.mark.parametrize("wrong", ["nobody signed it", "another host", "nothing shown"])
def test_whom_it_does_not_trust_it_does_not_count_with(
    wrong: str, redis_by_tls: RedisServer, shown: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    expected = "certificate verify failed"
    if wrong == "nobody signed it":
        del shown["ca_file"]
    elif wrong == "another host":
        redis_by_tls.url = redis_by_tls.url.replace("127.0.0.1", "localhost")
    else:
        del shown["cert"], shown["key"]
        expected = "is away"
    with RawServer(echo) as server:
        connections = configured(redis_by_tls, server.url, limits={"concurrent": 9}, shared=shown)
        onehttp.init(connections=connections)
        assert call("thread").status == 200
        assert not is_there()
    assert expected in caplog.text


@pytest.mark.parametrize("budget_s", [0.002, 1.5, 60.0])
def test_no_answer_is_given_up_within_the_budget(
    budget_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def from_url(url: str, **how: Any) -> None:
        asked.update(how)
        raise ConnectionRefusedError(url)

    monkeypatch.setattr("redis.Redis.from_url", from_url)
    with pytest.raises(ConnectionRefusedError):
        connected(SharedPolicy(url="redis://127.0.0.1:9/0", budget_s=budget_s), "")
    assert min(asked["socket_timeout"], asked["socket_connect_timeout"]) >= budget_s
