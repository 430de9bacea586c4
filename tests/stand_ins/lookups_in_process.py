"""A script in a network of its own, with a name server, an engine, and what asks both."""

from __future__ import annotations

import textwrap
from pathlib import Path

from servers.names import in_own_network

PREAMBLE = """
import asyncio, contextlib, gc, os, queue, signal, socket, sys, threading, time
from onehttp_backends.contract import Proxy, Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import *
from onehttp_backends.optional.naming import NameLimits
from servers.patience import PATIENCE_S
from servers.raw import OK, RawServer, keep_answering, silent
from stand_ins.processes import child
from stand_ins.ways import blocking, WAYS

backend = PycurlBackend()
names = NameServer().__enter__()
server = RawServer(keep_answering).__enter__()
names.zone["good.example"] = ["127.0.0.1"]
ANEW = TransferOptions(reuse=False)

def get(name, port=None, backend=backend, **more):
    options = TransferOptions(reuse=False, **more)
    url = f"http://{name}:{port or server.port}/"
    return blocking(backend, Request("GET", url, options=options))

def dead(count):
    # Calls to names that nobody answers for; all of them have been asked for.
    ended = queue.SimpleQueue()
    urls = [f"http://dead{number}.example:{server.port}/" for number in range(count)]
    transfers = [backend.submit(Request("GET", url), ended.put) for url in urls]
    names.wait_until_asked_for(*(f"dead{number}.example" for number in range(count)))
    return transfers, ended

def is_served(name="good.example"):
    outcome = get(name)
    assert isinstance(outcome, Response) and outcome.status == 200, outcome

def answer_at(address):
    # The same port on another address of loopback.
    listener = socket.create_server((address, server.port))
    def serve():
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(OK)
    threading.Thread(target=serve, daemon=True).start()

def descriptors():
    return len(os.listdir("/proc/self/fd"))
"""


def succeeds(script: str, folder: Path, **limits: float) -> str:
    return in_own_network(PREAMBLE + textwrap.dedent(script), folder, **limits)
