"""The certificates that were checked when a configuration was read are those that are used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onehttp
from servers.identities import ClientIdentity, client_identity, identity_server
from servers.raw import RawServer

NAMES = ("a", "b", "c")


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[RawServer]:
    with identity_server(authority) as server:
        yield server


@pytest.fixture(scope="module")
def identities(authority: trustme.CA) -> dict[str, ClientIdentity]:
    return {name: client_identity(authority, name) for name in NAMES}


STEPS = st.one_of(
    st.tuples(st.sampled_from(["renew", "cert only", "key only"]), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(["reload", "call", "new connection", "torn", "gone"]), st.just("")),
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=14))
def test_whatever_happens_to_the_files_calls_are_made_as_the_last_accepted_reload_said(
    steps: list[tuple[str, str]],
    identities: dict[str, ClientIdentity],
    server: RawServer,
    ca_file: Path,
    tmp_path: Path,
    engine: str,
) -> None:
    identities["a"].write(tmp_path)
    on_disk: tuple[str, str] = ("a", "a")
    in_force = "a"
    tls = {
        "ca_file": str(ca_file),
        "cert": str(tmp_path / "cert.pem"),
        "key": str(tmp_path / "key.pem"),
    }
    connections = {
        "kept": {"url": server.url, "tls": tls},
        "new": {"url": server.url, "tls": tls, "reuse": False},
    }
    onehttp.init({"version": 1, "connections": connections}, backend=engine)
    try:
        for step, name in [*steps, ("call", ""), ("new connection", "")]:
            if step == "reload":
                if on_disk[0] == on_disk[1]:
                    onehttp.reload()
                    in_force = on_disk[0]
                else:
                    with pytest.raises(onehttp.ConfigurationError):
                        onehttp.reload()
            elif step == "torn":
                (tmp_path / "key.pem").write_bytes(identities["a"].key[:100])
                on_disk = (on_disk[0], "torn")
            elif step == "gone":
                (tmp_path / "cert.pem").unlink(missing_ok=True)
                on_disk = ("gone", on_disk[1])
            elif step in ("call", "new connection"):
                called = onehttp.connection("kept" if step == "call" else "new")
                assert called.get().text == in_force
            else:
                cert, key = step != "key only", step != "cert only"
                identities[name].write(tmp_path, cert=cert, key=key)
                on_disk = (name if cert else on_disk[0], name if key else on_disk[1])
    finally:
        onehttp.shutdown()


def test_a_rollback_never_meets_a_socket_of_what_was_rolled_back(
    identities: dict[str, ClientIdentity],
    server: RawServer,
    ca_file: Path,
    tmp_path: Path,
    engine: str,
) -> None:
    path = tmp_path / "connections.yaml"
    tls = f"{{ca_file: {ca_file}, cert: cert.pem, key: key.pem}}"
    path.write_text(f"version: 1\nconnections:\n  api: {{url: '{server.url}', tls: {tls}}}\n")
    identities["a"].write(tmp_path)
    onehttp.init(path, backend=engine)
    api = onehttp.connection("api")
    assert api.get().text == "a"
    identities["b"].write(tmp_path)
    assert api.get().text == "a"
    onehttp.reload()
    assert api.get().text == "b"
    identities["a"].write(tmp_path)
    assert onehttp.reload().changed == {"api": ("tls.cert", "tls.key")}
    assert [api.get().text, api.get().text] == ["a", "a"]


def test_a_key_that_only_its_owner_may_read_is_read_once(
    identities: dict[str, ClientIdentity],
    server: RawServer,
    ca_file: Path,
    tmp_path: Path,
    engine: str,
) -> None:
    """Servers give up their rights after they have started."""
    identities["a"].write(tmp_path)
    tls = {
        "ca_file": str(ca_file),
        "cert": str(tmp_path / "cert.pem"),
        "key": str(tmp_path / "key.pem"),
    }
    connections = {"api": {"url": server.url, "tls": tls, "reuse": False}}
    onehttp.init({"version": 1, "connections": connections}, backend=engine)
    (tmp_path / "key.pem").unlink()
    assert onehttp.connection("api").get().text == "a"


def test_a_folder_of_authorities_is_read_like_a_file(
    authority: trustme.CA, server: RawServer, tmp_path: Path, engine: str
) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "README").write_text("not a certificate")
    (folder / "0a1b2c3d.0").write_bytes(trustme.CA().cert_pem.bytes())
    authority.cert_pem.write_to_path(folder / "1a2b3c4d.0")
    client = client_identity(authority, "a")
    client.write(tmp_path)
    tls = {
        "ca_path": str(folder),
        "cert": str(tmp_path / "cert.pem"),
        "key": str(tmp_path / "key.pem"),
    }
    onehttp.init(
        connections={"version": 1, "connections": {"api": {"url": server.url, "tls": tls}}},
        backend=engine,
    )
    for file in folder.iterdir():
        file.unlink()
    assert onehttp.connection("api").get().text == "a"
    with pytest.raises(onehttp.ConfigurationError, match="no PEM certificate under a hashed name"):
        onehttp.reload()


def test_a_bundle_of_authorities_is_used_as_it_was_read(
    authority: trustme.CA, server: RawServer, tmp_path: Path, engine: str
) -> None:
    bundle = tmp_path / "bundle.pem"
    others = b"".join(trustme.CA().cert_pem.bytes() for _ in range(30))
    bundle.write_bytes("# Ümlaut\n".encode() + others + authority.cert_pem.bytes())
    client_identity(authority, "a").write(tmp_path)
    tls = {
        "ca_file": str(bundle),
        "cert": str(tmp_path / "cert.pem"),
        "key": str(tmp_path / "key.pem"),
    }
    connections = {"api": {"url": server.url, "tls": tls, "reuse": False}}
    onehttp.init(connections={"version": 1, "connections": connections}, backend=engine)
    assert onehttp.connection("api").get().text == "a"
    bundle.write_bytes(others)
    assert onehttp.connection("api").get().text == "a"
    assert onehttp.reload().changed == {"api": ("tls.ca_file",)}
    with pytest.raises(onehttp.TLSError):
        onehttp.connection("api").get()
    bundle.write_bytes("# Ümlaut\n".encode() + others + authority.cert_pem.bytes())
    onehttp.reload()
    assert onehttp.connection("api").get().text == "a"
