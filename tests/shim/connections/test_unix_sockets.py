"""Connections by a unix socket: a server of this machine that has no port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

import onehttp
from onehttp.connections.file.load import load_connections
from onehttp_backends.contract import HttpVersion, Proxy, TransferOptions
from onehttp_backends.rules.request_rules import check_options
from servers.nginx import BySocket, by_unix_socket
from servers.patience import PATIENCE_S
from stand_ins.calling import WAYS_TO_CALL, call

ON_API = [way for way in WAYS_TO_CALL if way.startswith("named")]
MIB = 1 << 20


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def app(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory, debian: None
) -> Iterator[BySocket]:
    with by_unix_socket(authority, tmp_path_factory.mktemp("u")) as running:
        yield running


def begun(engine: str, path: Path, url: str = "http://app.invalid", **keys: Any) -> None:
    named = {"api": {"url": url, "socket": str(path), **keys}}
    onehttp.init({"version": 1, "connections": named}, backend=engine)


@pytest.mark.parametrize("way", ON_API)
def test_a_server_answers_by_its_socket_as_the_host_of_the_url(
    way: str, app: BySocket, engine: str
) -> None:
    begun(engine, app.plain)
    for number in (1, 2):
        response = call(way, "", path="/x?y")
        assert response.text == f"http app.invalid /x?y {number}" or way == "named task"
        assert response.peer == (str(app.plain), 0)
        assert response.url == "http://app.invalid/x?y"


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_tls_passes_it_for_the_host_of_the_url(
    version: str, app: BySocket, authority: trustme.CA, engine: str, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = {"ca_file": str(tmp_path / "ca.pem")}
    begun(engine, app.tls, "https://app.invalid", tls=tls, http_version=version)
    api = onehttp.connection("api")
    for number in (1, 2):
        response = api.get("/x")
        assert (response.text, response.http_version) == (
            f"https app.invalid /x {number}",
            version,
        )


def test_a_certificate_of_another_host_is_refused(
    app: BySocket, authority: trustme.CA, engine: str, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    begun(engine, app.tls, "https://other.invalid", tls={"ca_file": str(tmp_path / "ca.pem")})
    with pytest.raises(onehttp.TLSError):
        onehttp.connection("api").get("/x")


def test_a_body_comes_piece_by_piece(app: BySocket, engine: str, tmp_path: Path) -> None:
    app.file.write_bytes(os.urandom(8 * MIB))
    begun(engine, app.plain)
    with onehttp.connection("api").stream("GET", "/file") as response:
        response.save(tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == app.file.read_bytes()


@pytest.mark.parametrize("way", ON_API)
def test_a_socket_that_is_not_there_is_a_connect_error_that_names_it(
    way: str, engine: str, tmp_path: Path
) -> None:
    begun(engine, tmp_path / "none")
    with pytest.raises(onehttp.ConnectError, match=f"{tmp_path}/none") as caught:
        call(way, "")
    assert caught.value.sent is onehttp.Sent.NO


def test_a_socket_without_a_listener_is_a_connect_error(engine: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    begun(engine, tmp_path / "left")
    with pytest.raises(onehttp.ConnectError):
        onehttp.connection("api").get("/x")


def test_redirects_stay_on_it_within_the_origin_alone(app: BySocket, engine: str) -> None:
    begun(engine, app.plain, redirects=True)
    api = onehttp.connection("api")
    near, far = api.get("/near"), api.get("/far")
    assert near.peer == (str(app.plain), 0)
    assert near.url == "http://app.invalid/landed"
    assert far.peer.host == "127.0.0.1"
    assert far.url == f"{app.url}/landed"


def test_a_reload_leads_to_another(
    app: BySocket, authority: trustme.CA, engine: str, tmp_path: Path
) -> None:
    begun(engine, tmp_path / "none")
    api = onehttp.connection("api")
    with pytest.raises(onehttp.ConnectError):
        api.get("/x")
    named = {"api": {"url": "http://app.invalid", "socket": str(app.plain)}}
    onehttp.reload({"version": 1, "connections": named})
    assert api.get("/x").status == 200


def test_an_application_of_uvicorn_answers(engine: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        while True:\n"
        "            message = await receive()\n"
        "            await send({'type': message['type'] + '.complete'})\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': scope['path'].encode()})\n"
    )
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        # It is there from now on: whoever comes before uvicorn takes it up waits in its line.
        server = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app:app", "--fd", str(listener.fileno())],
            cwd=tmp_path,
            pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        begun(engine, path, timeout={"total": PATIENCE_S, "connect": PATIENCE_S})
        assert onehttp.connection("api").get("/by-uvicorn").text == "/by-uvicorn"
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ({"proxy": {"url": "http://p.example"}}, "proxy", 'give proxy: "none"'),
        ({"proxy": "env"}, "proxy", 'give proxy: "none"'),
        ({"interface": "lo"}, "interface", "leave it out"),
        ({"peers": "public"}, "peers", 'give peers: "any"'),
        ({"http_version": "3"}, "http_version", 'give http_version: "auto"'),
        ({"alt_svc": True}, "alt_svc", "leave it out"),
        ({"socket": "/" + "x" * 107}, "socket", "of 107 bytes at most; this one has 108"),
        ({"socket": ""}, "socket", "expected the path"),
    ],
)
def test_what_means_nothing_on_a_socket_is_refused(
    keys: dict[str, Any], key: str, said: str
) -> None:
    named = {"api": {"url": "http://app.invalid", "socket": "/run/app.sock", **keys}}
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections({"version": 1, "connections": named})
    found = [error for error in caught.value.errors if error.key == f"connections.api.{key}"]
    assert any(said in str(error) for error in found)


def test_a_path_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text("version: 1\nconnections: {a: {url: 'http://a', socket: run/app.sock}}\n")
    assert load_connections(file)["a"].options.unix_socket == f"{tmp_path}/run/app.sock"


@pytest.mark.parametrize(
    "beside",
    [
        {"proxy": Proxy(url="http://p.example")},
        {"interface": "lo"},
        {"peers": "public"},
        {"http_version": HttpVersion.HTTP_3},
        {"max_redirects": 1},
    ],
    ids=str,
)
def test_engines_refuse_the_same(beside: dict[str, Any]) -> None:
    with pytest.raises(onehttp.RequestError, match="unix_socket: does not go together with"):
        check_options(TransferOptions(unix_socket="/run/app.sock", **beside))
