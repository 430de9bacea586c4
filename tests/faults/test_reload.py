"""Rows 81 to 86: the connections file, wrong, torn, changed and hostile."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import onehttp
from faults.conftest import Process
from servers.holding import HoldingServer
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer, keep_answering

WRONG = {
    "url": "nowhere",
    "timeout": "fast",
    "headers": ["x"],
    "auth": "me",
    "tls": {"min_version": "9"},
    "retry": "often",
    "limits": {"concurrent": 0},
    "circuit_breaker": {"failures": -1},
    "failover": "nobody",
    "redirects": "yes please",
    "proxy": "gopher://p",
    "http_version": "4",
    "max_body": -1,
    "unheard_of": 1,
}


@pytest.mark.parametrize("key", WRONG)
def test_81_a_wrong_key(engine: str, tmp_path: Path, key: str) -> None:
    """The set in force stays; the message has file, line and key."""
    path = tmp_path / "connections.yaml"
    with RawServer(keep_answering) as server:
        path.write_text(f"version: 1\nconnections:\n  api: {{url: '{server.url}'}}\n")
        onehttp.init(path, backend=engine)
        lines = ["version: 1", "connections:", "  api:"]
        if key != "url":
            lines.append(f"    url: '{server.url}'")
        path.write_text("\n".join([*lines, f"    {key}: {WRONG[key]!r}", ""]))
        with pytest.raises(onehttp.ConfigurationError) as caught:
            onehttp.reload()
        (mistake, *_) = caught.value.errors
        assert str(path) in str(caught.value)
        assert key in (mistake.key or "")
        assert mistake.line == len(lines) + 1
        assert onehttp.connection("api").get().status == 200


def of_set(peer: Peer) -> None:
    """Says no to a request whose path and header are of two sets."""
    while request := peer.request():
        number = request.split(b" ")[1].split(b"/")[1]
        is_whole = b"X-Set: %s\r\n" % number in request
        peer.send(b"HTTP/1.1 %d Set\r\nContent-Length: 0\r\n\r\n" % (200 if is_whole else 500))


@pytest.mark.slow
def test_82_reloads_all_the_time_of_files_that_are_torn_or_swapped(
    engine: str, tmp_path: Path
) -> None:
    """Each call is made on one whole set."""
    path = tmp_path / "connections.yaml"
    stop = threading.Event()
    statuses: set[object] = set()

    def call() -> None:
        while not stop.is_set():
            try:
                statuses.add(onehttp.connection("api").get().status)
            except onehttp.OnehttpError as error:
                statuses.add(repr(error))

    with RawServer(of_set) as server:

        def text(number: int) -> str:
            url, headers = f"'{server.url}/{number}'", f"{{X-Set: '{number}'}}"
            return f"version: 1\nconnections:\n  api: {{url: {url}, headers: {headers}}}\n"

        path.write_text(text(0))
        onehttp.init(path, backend=engine)
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        accepted = 0
        for number in range(1, 500):
            whole = text(number)
            if number % 3 == 0:  # swapped
                (tmp_path / "next").write_text(whole)
                os.replace(tmp_path / "next", path)
            else:
                path.write_text(whole if number % 3 == 1 else whole[: len(whole) * 2 // 3])
            try:
                onehttp.reload()
                accepted += 1
            except onehttp.ConfigurationError:
                assert number % 3 == 2
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert statuses == {200}
    assert accepted >= 333


def test_83_a_connection_that_is_removed_or_moved_while_in_use(process: Process) -> None:
    with HoldingServer() as old, RawServer(keep_answering) as new:
        process.init({"api": {"url": old.url}, "gone": {"url": old.url}})
        first = onehttp.connection("api").submit("GET", "/first")
        second = onehttp.connection("gone").submit("GET", "/second")
        held = [old.arrival("/first"), old.arrival("/second")]
        onehttp.reload({"version": 1, "connections": {"api": {"url": new.url}}})
        assert onehttp.connection("api").get().url.startswith(new.url)
        with pytest.raises(onehttp.UnknownConnectionError):
            onehttp.connection("gone").get()
        for each in held:
            each.answer()
        assert first.result(PATIENCE_S).ok
        assert second.result(PATIENCE_S).ok
        assert sorted(old.targets) == ["GET /first", "GET /second"]


@pytest.mark.parametrize("state", ["missing", "empty", "rotated", "open to all"])
def test_84_the_file_of_a_secret(
    engine: str, tmp_path: Path, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    seen: list[bytes] = []

    def note(peer: Peer) -> None:
        while request := peer.request():
            seen.append(request)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with RawServer(note) as server:
        api = {"url": server.url, "headers": {"X-Api-Key": f"${{file:{secret}}}"}}
        file = {"version": 1, "connections": {"api": api}}
        onehttp.init(file, backend=engine)
        onehttp.connection("api").get()
        if state == "missing":
            secret.unlink()
        elif state == "empty":
            secret.write_text("")
        elif state == "rotated":
            secret.write_text("n3w")
        else:
            secret.chmod(0o644)
        if state in ("missing", "empty"):
            with pytest.raises(onehttp.ConfigurationError, match="secret") as caught:
                onehttp.reload()
            assert "s3cret" not in str(caught.value)
        else:
            onehttp.reload()
        onehttp.connection("api").get()
    assert b"s3cret" in seen[0]
    assert (b"s3cret" in seen[1]) is (state != "rotated")
    assert (str(secret) in caplog.text) is (state == "open to all")
    assert "s3cret" not in caplog.text


HOSTILE = {
    "aliases": "version: 1\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    + "d: [*c, *c, *c, *c]\n",
    "a tag": "version: !!python/object/apply:os.system ['false']\n",
    "a key twice": "version: 1\nversion: 1\n",
    "tabs": "version: 1\nconnections:\n\tapi: {url: 'http://h'}\n",
    "ten megabytes": "version: 1\n" + "# " + "x" * 10_000_000 + "\n",
    "depth": "version: " + "[" * 200 + "]" * 200 + "\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_85_a_file_that_means_harm(tmp_path: Path, text: str) -> None:
    path = tmp_path / "connections.yaml"
    path.write_text(text)
    with pytest.raises(onehttp.ConfigurationError) as caught:
        onehttp.init(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 10_000
    assert not onehttp.is_initialised()


def test_85_a_byte_order_mark(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "connections.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\nconnections: {api: {url: 'http://127.0.0.1:1'}}\n")
    onehttp.init(path, backend=engine)
    assert "api" in onehttp.connections()


def test_86_chains_of_failover(engine: str) -> None:
    """A loop is refused where it is read; a chain of ten is gone through."""
    with RawServer(keep_answering) as last:
        for loop in ({"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a"}):
            names = {
                name: {"url": "http://127.0.0.1:1", "failover": to} for name, to in loop.items()
            }
            with pytest.raises(onehttp.ConfigurationError, match="failover"):
                onehttp.init({"version": 1, "connections": names}, backend=engine)
        chain: dict[str, dict[str, str]] = {
            f"c{number}": {"url": "http://127.0.0.1:1", "failover": f"c{number + 1}"}
            for number in range(9)
        }
        chain["c9"] = {"url": last.url}
        onehttp.init({"version": 1, "connections": chain}, backend=engine)
        assert onehttp.connection("c0").get().url.startswith(last.url)
