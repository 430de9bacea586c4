"""Reload: in one step, whole or not at all, and without touching what has not changed."""

from __future__ import annotations

import dataclasses
import os
import signal
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import onehttp
from onehttp.connections.file.schema.connections import ConnectionModel
from onehttp.connections.reload import FILE_KEYS
from servers.patience import PATIENCE_S
from servers.raw import RawServer, keep_answering


def write(path: Path, text: str) -> None:
    """As editors do: a new file is renamed over the old."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(keep_answering) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "connections.yaml"


def two(server: RawServer, extra: str = "") -> str:
    return (
        "version: 1\nconnections:\n"
        f"  a: {{url: '{server.url}'}}\n"
        f"  b: {{url: '{server.url}/b', headers: {{X-A: '1'}}{extra}}}\n"
    )


def test_the_diff_names_what_has_changed_by_the_keys_of_the_file(
    path: Path, server: RawServer, engine: str
) -> None:
    write(path, two(server))
    onehttp.init(path, backend=engine)
    text = two(server, ", timeout: {total: 9, connect: 0.5}, tls: {verify_host: false}")
    write(path, text.replace("  a:", "  c:"))
    diff = onehttp.reload()
    assert diff.added == ("c",)
    assert diff.removed == ("a",)
    assert diff.changed == {"b": ("timeout.total", "timeout.connect", "tls.verify_host")}
    assert diff.unchanged == ()
    assert diff.revision == onehttp.connections().revision == 2
    assert str(diff) == (
        "revision 2: added c; removed a; "
        "changed b (timeout.total, timeout.connect, tls.verify_host); 0 unchanged"
    )


def test_every_key_of_a_diff_is_one_of_the_file() -> None:
    sections = {"tls", "timeout"}
    keys = {"shared", *ConnectionModel.model_fields} | {
        f"{section}.{key}"
        for section in sections
        for key in ConnectionModel.model_fields[section].default.__class__.model_fields
    }
    spec = onehttp.ConnectionSpec(name="a", url="http://a.example")
    names = {each.name for each in dataclasses.fields(spec) if each.compare} - {"options", "name"}
    names |= {each.name for each in dataclasses.fields(spec.options)} - {"tls", "name"}
    names |= {f"tls.{each.name}" for each in dataclasses.fields(spec.options.tls)}
    # Never set from a file: the engines follow no redirects, and the rest has no key.
    engine_only = {"redirects_keep_method", "expect_continue", "as_libcurl"}
    assert {FILE_KEYS.get(name, name) for name in names} - keys - engine_only == set()


def test_a_reload_without_a_change_changes_nothing(path: Path, server: RawServer) -> None:
    write(path, two(server))
    onehttp.init(path)
    before = dict(onehttp.connections())
    write(path, "# a comment moves every line\n" + two(server))
    diff = onehttp.reload()
    assert not diff.is_change
    assert diff.unchanged == ("a", "b")
    assert onehttp.connections().revision == 1
    for name, spec in onehttp.connections().items():
        assert spec.options is before[name].options
        assert spec.line == (before[name].line or 0) + 1


def test_unchanged_connections_keep_their_sockets(
    path: Path, server: RawServer, engine: str
) -> None:
    write(path, two(server))
    onehttp.init(path, backend=engine)
    held = onehttp.connection("a")
    assert not held.get().is_reused
    write(path, two(server, ", timeout: 9"))
    assert onehttp.reload().unchanged == ("a",)
    assert held.get().is_reused


def test_a_held_connection_follows_the_file(path: Path, server: RawServer, engine: str) -> None:
    write(path, two(server))
    onehttp.init(path, backend=engine)
    held = onehttp.connection("b")
    write(path, two(server).replace("'1'", "'2'").replace("  b:", "  c:"))
    onehttp.reload()
    with pytest.raises(onehttp.UnknownConnectionError, match="no connection named 'b'"):
        held.get()
    write(path, two(server).replace("'1'", "'2'"))
    onehttp.reload()
    held.get()
    assert b"X-A: 2" in server.requests[-1]


def test_a_broken_file_changes_nothing_and_says_why(path: Path, server: RawServer) -> None:
    write(path, two(server))
    onehttp.init(path)
    before = onehttp.connections()
    write(path, two(server, ", timeout: fast, retri: 3"))
    with pytest.raises(onehttp.ConfigurationError) as caught:
        onehttp.reload()
    assert [error.key for error in caught.value.errors] == [
        "connections.b.timeout",
        "connections.b.retri",
    ]
    assert onehttp.connections() is before
    onehttp.connection("a").get()


@pytest.mark.parametrize("what", ["gone", "folder"])
def test_a_file_that_is_gone_changes_nothing(path: Path, server: RawServer, what: str) -> None:
    write(path, two(server))
    onehttp.init(path)
    path.unlink()
    if what == "folder":
        path.mkdir()
    with pytest.raises(onehttp.ConfigurationError, match="cannot be read"):
        onehttp.reload()
    assert list(onehttp.connections()) == ["a", "b"]


def test_a_file_renamed_over_in_the_middle_of_a_read_is_read_whole(
    path: Path, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, two(server))
    real_fstat = os.fstat

    def swapping_fstat(descriptor: int) -> os.stat_result:
        monkeypatch.setattr(os, "fstat", real_fstat)
        write(path, "version: [torn")  # after the file was opened, before it is read
        return real_fstat(descriptor)

    monkeypatch.setattr(os, "fstat", swapping_fstat)
    onehttp.init(path)
    assert list(onehttp.connections()) == ["a", "b"]
    with pytest.raises(onehttp.ConfigurationError, match="not valid YAML"):
        onehttp.reload()


def test_a_rotated_secret_is_a_change_and_is_not_shown(
    path: Path, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "first-secret")
    write(path, two(server, ", auth: {type: bearer, token: '${env:TOKEN}'}"))
    onehttp.init(path)
    monkeypatch.setenv("TOKEN", "second-secret")
    diff = onehttp.reload()
    assert diff.changed == {"b": ("auth",)}
    assert "secret" not in repr(diff)
    onehttp.connection("b").get()
    assert b"Bearer second-secret" in server.requests[-1]


def test_reload_takes_another_source_and_stays_with_it(server: RawServer) -> None:
    onehttp.init({"version": 1})
    other = {"version": 1, "connections": {"x": {"url": server.url}}}
    assert onehttp.reload(other).added == ("x",)
    assert onehttp.reload().unchanged == ("x",)


def test_there_is_nothing_to_reload_where_init_named_nothing(engine: str) -> None:
    onehttp.init(backend=engine)
    with pytest.raises(onehttp.ConfigurationError, match="nothing to reload"):
        onehttp.reload()


def test_connections_are_listed_without_secrets(
    path: Path, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENANT", "geheim")
    write(
        path,
        "version: 1\nconnections:\n"
        "  a: {url: 'http://a.example/${env:TENANT}', params: {key: geheim}}\n"
        "  longer: {url: 'http://b.example'}\n",
    )
    onehttp.init(path)
    shown = str(onehttp.connections())
    assert "geheim" not in shown
    lines = shown.splitlines()
    assert lines[0].split() == ["name", "url", "revision", "source"]
    assert lines[1].split() == ["a", "http://a.example/${env:TENANT}", "1", f"{path}:3"]
    assert lines[2].split() == ["longer", "http://b.example", "1", f"{path}:4"]


def identity(authority: trustme.CA, folder: Path) -> None:
    """A client certificate and its key, new ones each time."""
    issued = authority.issue_cert("client.example")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")


def test_a_renewed_certificate_never_meets_a_socket_of_the_old(
    path: Path,
    tmp_path: Path,
    authority: trustme.CA,
    ca_file: Path,
    tls_server_context: ssl.SSLContext,
    engine: str,
) -> None:
    identity(authority, tmp_path)
    with RawServer(keep_answering, tls_server_context) as server:
        write(
            path,
            "version: 1\nconnections:\n  a:\n"
            f"    url: {server.url}\n"
            f"    tls: {{ca_file: {ca_file}, cert: cert.pem, key: key.pem}}\n",
        )
        onehttp.init(path, backend=engine)
        held = onehttp.connection("a")
        assert [held.get().is_reused, held.get().is_reused] == [False, True]
        assert not onehttp.reload().is_change
        assert held.get().is_reused
        for _ in range(3):
            identity(authority, tmp_path)
            assert onehttp.reload().changed == {"a": ("tls.cert", "tls.key")}
            assert [held.get().is_reused, held.get().is_reused] == [False, True]


def test_sighup_reloads(path: Path, server: RawServer, caplog: pytest.LogCaptureFixture) -> None:
    write(path, two(server))
    onehttp.init(path)
    before = signal.getsignal(signal.SIGHUP)
    try:
        onehttp.reload_on_sighup()
        write(path, two(server).replace("  a:", "  c:"))
        with caplog.at_level("INFO", "onehttp.reload"):
            signal.raise_signal(signal.SIGHUP)
            _background_reloads_end()
            assert "reloaded: revision 2: added c; removed a; 1 unchanged" in caplog.text
            write(path, "version: 2\n")
            signal.raise_signal(signal.SIGHUP)
            _background_reloads_end()
            assert f"{path}:1:10: version: expected 1, got 2" in caplog.text
    finally:
        signal.signal(signal.SIGHUP, before)
    assert list(onehttp.connections()) == ["c", "b"]


def _background_reloads_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "onehttp-reload":
            thread.join(PATIENCE_S)


def test_a_watch_reloads_when_a_file_changes(path: Path, server: RawServer, tmp_path: Path) -> None:
    parts = tmp_path / "teams"
    parts.mkdir()
    write(path, "include: teams\n" + two(server))
    onehttp.init(path)
    told: list[object] = []
    has_told = threading.Event()

    def tell(outcome: object) -> None:
        told.append(outcome)
        has_told.set()

    watch = onehttp.watch(tell)
    try:
        write(parts / "one.yaml", f"version: 1\nconnections: {{c: {{url: '{server.url}'}}}}\n")
        assert has_told.wait(PATIENCE_S)
        assert isinstance(told[-1], onehttp.Reload)
        assert told[-1].added == ("c",)
        has_told.clear()
        write(path, "version: 3\n")
        assert has_told.wait(PATIENCE_S)
        assert isinstance(told[-1], onehttp.ConfigurationError)
    finally:
        watch.stop()
    assert list(onehttp.connections()) == ["a", "b", "c"]


@pytest.mark.parametrize("rest", ["", "connec", "defaults: {timeout: 2}\n"])
def test_a_file_that_was_cut_short_warns_before_it_empties_the_set(
    path: Path, server: RawServer, caplog: pytest.LogCaptureFixture, rest: str
) -> None:
    write(path, f"version: 1\nconnections:\n  a: {{url: '{server.url}'}}\n")
    onehttp.init(path)
    write(path, f"version: 1\n{rest}")
    if rest == "connec":
        with pytest.raises(onehttp.ConfigurationError):
            onehttp.reload()
        assert list(onehttp.connections()) == ["a"]
        return
    found = onehttp.reload()
    assert [notice.message for notice in found.warnings] == [
        "no connections, and no file that has any; is the rest of it missing?"
    ]
    assert "is the rest of it missing?" in caplog.text


@pytest.mark.parametrize("rest", ["connections: {}\n", "include: []\n", "requests: {}\n"])
def test_a_file_that_says_it_has_none_does_not_warn(path: Path, rest: str) -> None:
    write(path, f"version: 1\n{rest}")
    onehttp.init(path)
    assert onehttp.connections().warnings == ()
