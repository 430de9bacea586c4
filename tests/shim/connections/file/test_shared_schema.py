"""The key ``shared``: what it may say, each of its keys wrong, and whom it holds for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp.connections.file.load import load_connections
from onehttp.connections.file.schema import shared as schema
from onehttp.connections.file.schema.shared import SharedModel
from onehttp.policies.shared.policy import SharedPolicy

URL = "redis://localhost:6379/0"
CONNECTIONS = {
    "limited": {"url": "http://a.example", "limits": 3},
    "broken": {"url": "http://a.example", "circuit_breaker": 3},
    "plain": {"url": "http://a.example", "retry": 3, "limits": {}},
}


def loaded(shared: Any) -> onehttp.ConnectionSet:
    return load_connections({"version": 1, "shared": shared, "connections": CONNECTIONS})


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "rediss://h",
        "redis://[::1]:7000",
        "redis://h:1/15",
        "unix:///run/r.sock",
        "unix:///run/r.sock?db=3",
    ],
)
@pytest.mark.parametrize("is_short", [True, False])
def test_connections_have_it_where_there_is_something_to_count(url: str, is_short: bool) -> None:
    found = loaded(url if is_short else {"url": url})
    assert {name: spec.shared for name, spec in found.items()} == {
        "limited": SharedPolicy(url=url),
        "broken": SharedPolicy(url=url),
        "plain": None,
    }


def test_every_key_arrives() -> None:
    given = {"url": URL, "username": "u", "password": "p", "budget_ms": 5, "lease": 2}
    found = loaded({**given, "on_failure": "refuse", "namespace": "n"})["limited"].shared
    assert found == SharedPolicy(
        url=URL, username="u", password="p", budget_s=0.005, lease_s=2, on_failure="refuse",
        namespace="n",
    )  # fmt: skip
    assert "'p'" not in repr(found)


WRONG = [
    *[("url", url) for url in ("http://h", "redis://", "redis:///0", "redis://h:x", "redis://h/a")],
    *[("url", url) for url in ("redis://:pw@h", f"{URL}?password=pw", "", 3, None)],
    *[
        ("url", url)
        for url in ("unix://r.sock", "unix:", "unix:///r?db=x", "unix:///r?db=1&password=pw")
    ],
    *[(key, 3) for key in ("ca_file", "cert", "key")],
    *[("budget_ms", value) for value in (0, -1, 60_001, float("nan"), "2")],
    *[("on_failure", value) for value in ("open", None)],
    *[("lease", value) for value in (0, float("inf"))],
    *[("namespace", value) for value in ("", "a\nb")],
    *[("username", 3), ("password", "line\n"), ("no such key", 1)],
]


@pytest.mark.parametrize(("key", "value"), WRONG, ids=str)
def test_a_wrong_value_is_named_and_not_shown(key: str, value: object) -> None:
    with pytest.raises(onehttp.ConfigurationError) as caught:
        loaded({"url": URL, key: value})
    assert f"shared.{key}" in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["cert", "key"])
def test_half_of_what_is_shown_to_the_server_is_refused(key: str) -> None:
    with pytest.raises(onehttp.ConfigurationError, match="both are needed"):
        loaded({"url": "rediss://h", key: "/etc/x.pem"})


def test_files_are_beside_the_one_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "version: 1\nshared: {url: rediss://h, ca_file: ca.pem, cert: c.pem, key: k.pem}\n"
        "connections: {a: {url: http://a.example, limits: 3}}\n"
    )
    shared = load_connections(tmp_path / "a.yaml")["a"].shared
    assert shared is not None
    assert (shared.ca_file, shared.cert, shared.key) == tuple(
        str(tmp_path / name) for name in ("ca.pem", "c.pem", "k.pem")
    )


def test_all_keys_are_tried() -> None:
    assert {key for key, _ in WRONG} == {*SharedModel.model_fields, "no such key"}


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "is_installed", lambda: False)
    with pytest.raises(onehttp.ConfigurationError, match="the extra 'fleet'"):
        loaded(URL)


def test_only_the_outermost_file_has_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\ninclude: b.yaml\n")
    (tmp_path / "b.yaml").write_text(f"version: 1\nshared: {URL}\nconnections: {{}}\n")
    with pytest.raises(onehttp.ConfigurationError, match="whole process") as caught:
        load_connections(tmp_path / "a.yaml")
    assert (caught.value.key, caught.value.line) == ("shared", 2)


def test_a_plain_password_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "s3cret")
    file = tmp_path / "a.yaml"
    for password, told in (("s3cret", 1), ('"${env:REDIS_PASSWORD}"', 0)):
        file.write_text(
            f"version: 1\nshared:\n  url: {URL}\n  password: {password}\n"
            "connections: {a: {url: http://a.example, limits: 3}}\n"
        )
        found = load_connections(file)
        assert sum(notice.key == "shared.password" for notice in found.warnings) == told
        shared = found["a"].shared
        assert shared is not None
        assert shared.password == "s3cret"
