"""In the processes of other servers: gunicorn, Hypercorn, uvicorn, Celery."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import re
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import onehttp
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer

pytestmark = pytest.mark.slow

WSGI = """
import onehttp, os

onehttp.init()
onehttp.request("GET", os.environ["TARGET"] + "/parent", timeout=60)


def app(environ, start_response):
    answer = onehttp.request("GET", f"{os.environ['TARGET']}/{os.getpid()}", timeout=60)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{answer.status} {os.getpid()}".encode()]
"""
ASGI = """
import onehttp, os

onehttp.init()
VERSION = 1


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    answer = await onehttp.arequest("GET", f"{os.environ['TARGET']}/{os.getpid()}", timeout=60)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = f"{answer.status} {os.getpid()} {VERSION}".encode()
    await send({"type": "http.response.body", "body": body})
"""
CELERY = """
import celery, onehttp, os

onehttp.init()
app = celery.Celery("hosted", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "in", "data_folder_out": "in", "control_folder": "control",
}
onehttp.request("GET", os.environ["TARGET"] + "/parent", timeout=60)


@app.task
def call(number):
    onehttp.request("GET", f"{os.environ['TARGET']}/{number}/{os.getpid()}", timeout=60)
"""


@pytest.fixture
def client() -> None:
    onehttp.init()


@contextlib.contextmanager
def hosted(
    folder: Path, source: str, target: RawServer, *command: str, fds: tuple[int, ...] = ()
) -> Iterator[None]:
    """``source`` as the module ``hosted``, in a process of its own."""
    (folder / "hosted.py").write_text(textwrap.dedent(source))
    if importlib.util.find_spec(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = {**os.environ, "TARGET": target.url, "PYTHONPATH": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-m", *command], cwd=folder, env=environment, pass_fds=fds
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@contextlib.contextmanager
def listening() -> Iterator[tuple[int, str]]:
    """A socket for a server to come: who connects to it waits for that."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.fileno(), f"http://127.0.0.1:{listener.getsockname()[1]}/"


def answering_all(peer: Peer) -> None:
    while peer.request():
        peer.send(OK)


def workers_of(url: str, calls: int) -> set[str]:
    """Which processes have answered, each with an answer that it got itself."""
    found = set()
    for _ in range(calls):
        answer = onehttp.request("GET", url, headers={"Connection": "close"}, timeout=PATIENCE_S)
        status, pid = answer.text.split()[:2]
        assert status == "200"
        found.add(pid)
    return found


def test_gunicorn_with_a_call_before_its_workers_are_forked(tmp_path: Path, client: None) -> None:
    with RawServer(answering_all) as target, listening() as (fd, url):
        command = ("gunicorn", "--preload", "--workers", "2", "--bind", f"fd://{fd}", "hosted:app")
        with hosted(tmp_path, WSGI, target, *command, fds=(fd,)):
            workers = workers_of(url, 20)
    asked = {name.rpartition("/")[2] for name in target.targets}
    assert asked == workers | {"parent"}


def test_an_application_of_hypercorn_answers(tmp_path: Path, client: None) -> None:
    with RawServer(answering_all) as target, listening() as (fd, url):
        command = ("hypercorn", "--bind", f"fd://{fd}", "hosted:app")
        with hosted(tmp_path, ASGI, target, *command, fds=(fd,)):
            assert len(workers_of(url, 5)) == 1


def test_uvicorn_that_reloads(tmp_path: Path, client: None) -> None:
    with RawServer(answering_all) as target, listening() as (fd, url):
        command = ("uvicorn", "--reload", "--reload-delay", "0.1", "--fd", str(fd), "hosted:app")
        with hosted(tmp_path, ASGI, target, *command, fds=(fd,)):
            before = workers_of(url, 3)
            pid, version = "", ""
            while version != "2":
                # Again and again: whoever watches the files may have begun after the first time.
                (tmp_path / "hosted.py").write_text(ASGI.replace("VERSION = 1", "VERSION = 2"))
                for _ in range(20):
                    with contextlib.suppress(onehttp.DisconnectedError):
                        text = onehttp.request("GET", url, timeout=PATIENCE_S).text
                        _, pid, version = text.split()
            assert pid not in before


def test_celery_with_a_call_before_its_workers_are_forked(tmp_path: Path) -> None:
    came: queue.SimpleQueue[str] = queue.SimpleQueue()

    def behave(peer: Peer) -> None:
        while request := peer.request():
            peer.send(OK)
            came.put(request.split()[1].decode())

    for name in ("in", "control"):
        (tmp_path / name).mkdir()
    send = "import hosted; [hosted.call.delay(number) for number in range(6)]"
    with RawServer(behave) as target:
        command = (
            *("celery", "-A", "hosted", "worker", "--pool", "prefork", "--concurrency", "2"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"),
        )
        with hosted(tmp_path, CELERY, target, *command):
            environment = {**os.environ, "TARGET": target.url, "PYTHONPATH": str(tmp_path)}
            subprocess.run([sys.executable, "-c", send], cwd=tmp_path, env=environment, check=True)
            paths: list[str] = []
            while sum(bool(re.match(r"/\d", path)) for path in paths) < 6:
                paths.append(came.get(timeout=PATIENCE_S))
    numbers = {path.split("/")[1] for path in paths} - {"parent"}
    assert numbers == {str(number) for number in range(6)}
