"""Rows 54 to 60: where a Location leads, and where it must not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

import onehttp
from faults.conftest import Process
from onehttp_backends.contract import Request, TransferOptions
from onehttp_backends.errors import Sent
from servers.names import in_own_network
from servers.raw import Peer, RawServer, echo, keep_answering, redirecting_to
from stand_ins.scene import Scene, on_the_engine
from stand_ins.ways import WAYS

FOLLOWING = {"redirects": 3}


def test_54_a_loop(process: Process) -> None:
    with RawServer(redirecting_to("/again")) as server:
        process.init({"api": {"url": server.url, "redirects": 20}})
        with pytest.raises(onehttp.TooManyRedirectsError, match="/again") as caught:
            onehttp.connection("api").get("/start")
        assert (caught.value.code, caught.value.sent) == (47, Sent.YES)
        assert server.targets == ["GET /start", *["GET /again"] * 20]


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/x",
        "dict://127.0.0.1/x",
    ],
)
def test_55_another_scheme(process: Process, location: str) -> None:
    with RawServer(redirecting_to(location)) as server:
        process.init({"api": {"url": server.url, "retry": 3, **FOLLOWING}})
        with pytest.raises(onehttp.RedirectError) as caught:
            onehttp.connection("api").post(body=b"1")
        assert (caught.value.code, caught.value.sent) == (1, Sent.YES)
        assert server.targets == ["POST /"]


@on_the_engine
def test_55_no_address_at_all(process: Process) -> None:
    """On the double httpx looks at each Location first, and finds no URL in such."""
    for location in ("data:text/plain,x", "mailto:a@b.example"):
        with RawServer(redirecting_to(location)) as server:
            process.init({"api": {"url": server.url, **FOLLOWING}})
            with pytest.raises(onehttp.RedirectError) as caught:
                onehttp.connection("api").post(body=b"1")
            assert (caught.value.code, caught.value.sent) == (1, Sent.YES)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "169.254.169.254"],
)
def test_56_spellings_of_what_is_inside(scene: Scene, host: str) -> None:
    """The address is looked at when it is connected to, not the text; the SIP port's, too.

    The double connects first, and says nothing.
    """
    options = TransferOptions(peers="public")
    with RawServer(keep_answering) as inside:
        for way in WAYS[:3]:
            request = Request("POST", f"http://{host}:{inside.port}/", body=b"1", options=options)
            error = scene.failure(request, 7, Sent.NO, way=way)
            assert scene.is_double or isinstance(error, onehttp.PeerRefusedError), repr(error)
        assert inside.requests == []
        assert scene.is_double or inside.connections == 0


@pytest.mark.parametrize("engine", ["pycurl", "httpx"])
def test_56_from_outside_to_inside(tmp_path: Path, engine: str) -> None:
    """A public server that leads to loopback; who allows it goes there."""
    in_own_network(
        f"""
import onehttp
from servers.raw import RawServer, keep_answering, redirecting_to
PUBLIC = "93.184.216.34"
raise_loopback(PUBLIC)
with RawServer(keep_answering) as inside:
    listener = socket.create_server((PUBLIC, 0))
    port = listener.getsockname()[1]
    def serve():
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                head = f"HTTP/1.1 302 Found\\r\\nLocation: {{inside.url}}/\\r\\n"
                connection.sendall(head.encode() + b"Content-Length: 0\\r\\n\\r\\n")
    threading.Thread(target=serve, daemon=True).start()
    api = {{"url": f"http://{{PUBLIC}}:{{port}}", "redirects": 3, "retry": 3}}
    free = {{**api, "redirects": {{"max": 3, "private": True}}}}
    file = {{"version": 1, "connections": {{"api": api, "free": free}}}}
    onehttp.init(file, backend={engine!r})
    try:
        onehttp.connection("api").post(body=b"1")
        raise SystemExit("it went there")
    except onehttp.TransferError as error:
        assert (error.code, error.sent) == (7, onehttp.Sent.YES), repr(error)
    assert inside.requests == []
    assert inside.connections == 0 or {engine!r} == "httpx"  # which connects first
    assert onehttp.connection("free").get().status == 200
    onehttp.shutdown()
""",
        tmp_path,
    )


def test_57_from_https_to_http(
    process: Process, tls_server_context: ssl.SSLContext, ca_file: Path
) -> None:
    with (
        RawServer(keep_answering) as plain,
        RawServer(redirecting_to(plain.url), tls_server_context) as server,
    ):
        tls = {"ca_file": str(ca_file)}
        process.init({"api": {"url": server.url, "tls": tls, **FOLLOWING}})
        with pytest.raises(onehttp.RedirectError) as caught:
            onehttp.connection("api").get()
        assert (caught.value.code, caught.value.sent) == (1, Sent.YES)
        assert plain.connections == 0


def test_58_what_belongs_to_an_origin(process: Process) -> None:
    """Whoever is led elsewhere takes along only what is nobody's."""
    with RawServer(echo) as target, RawServer(redirecting_to(f"{target.url}/x")) as server:
        api = {
            "url": server.url,
            "headers": {"X-Api-Key": "k3y", "Cookie": "k3y", "Accept-Language": "de"},
            "auth": {"username": "u", "password": "k3y"},
            **FOLLOWING,
        }
        process.init({"api": api})
        headers = {"Authorization": "Bearer k3y", "X-Trace": "k3y"}
        response = onehttp.connection("api").get(headers=headers)
        assert response.url == f"{target.url}/x"
        assert b"k3y" in server.requests[0]
        (arrived,) = target.requests
        assert b"k3y" not in arrived
        assert b"Basic" not in arrived
        assert b"Accept-Language: de" in arrived


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/a b", "/a%20b"),
        ("http://user:k3y@{host}/x", None),
        ("", ""),
        ("/" + "x" * 60_000, "/" + "x" * 60_000),
        ("http://h h/", None),
    ],
    ids=["space", "userinfo", "empty", "long", "no host"],
)
def test_59_odd_locations(process: Process, location: str, found: str | None) -> None:
    with RawServer(echo) as target:
        where = location.replace("{host}", f"127.0.0.1:{target.port}")
        where = f"{target.url}{where}" if where.startswith("/") else where
        with RawServer(redirecting_to(where)) as server:
            process.init({"api": {"url": server.url, **FOLLOWING}})
            if found is None:
                with pytest.raises(onehttp.RedirectError) as caught:
                    onehttp.connection("api").get()
                assert caught.value.sent is Sent.YES
                assert "k3y" not in repr(caught.value)
                assert target.requests == []
            elif not found:
                assert onehttp.connection("api").get().status == 302
            else:
                onehttp.connection("api").get()
                assert target.targets == [f"GET {found}"]


@pytest.mark.parametrize(
    ("status", "then"), [(307, "POST"), (308, "POST"), (303, "GET"), (302, "GET")]
)
def test_60_a_post_that_is_led_on(process: Process, status: int, then: str) -> None:
    def moved(peer: Peer) -> None:
        redirecting_to(f"{target.url}/x", status)(peer)

    with RawServer(echo) as target, RawServer(moved) as server:
        process.init({"api": {"url": server.url, **FOLLOWING}})
        onehttp.connection("api").post(body=b"pay=1")
        assert server.targets == ["POST /"]
        assert target.targets == [f"{then} /x"]
        assert target.requests[0].endswith(b"pay=1") is (then == "POST")
