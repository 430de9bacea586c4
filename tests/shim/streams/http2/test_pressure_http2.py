"""Who reads slowly over HTTP/2 holds up its own stream alone, and costs little memory meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from servers.nginx import giving_large_files

MIB = 1 << 20
WHOLE = 1024 * MIB
BESIDE = 64 * MIB
"""Passes over the same connection while nobody reads the other."""
MOST_GROWN = 40 * MIB
"""By the paused stream: libcurl lets a stream have 10 MiB on the way, and holds them twice."""

_READER = """
import asyncio, json, re, resource, sys
import onehttp

url, ca, way, beside = *sys.argv[1:4], int(sys.argv[4])
MIB = 1 << 20

def held():  # at most until now; RUSAGE would tell what the parent has held
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

onehttp.init({"version": 1, "connections": {"api": {
    "url": url, "tls": {"ca_file": ca}, "http_version": "2", "timeout": 600, "max_body": 0}}})
api = onehttp.connection("api")
told = {}

def blocking():
    told["connections"] = [api.get("/connection").text]
    before = held()
    with api.stream("GET", "/whole") as paused:
        pieces, read = paused.iter_bytes(), 0
        while read < MIB:
            read += len(next(pieces))
        with api.stream("GET", "/beside") as other:
            assert sum(map(len, other.iter_bytes())) == beside
        told.update(grown=held() - before, received=paused.received)
        told["connections"].append(api.get("/connection").text)
        while read < 100 * MIB:
            read += len(next(pieces))
    told["connections"].append(api.get("/connection").text)

async def awaited():
    told["connections"] = [(await api.aget("/connection")).text]
    before = held()
    async with api.astream("GET", "/whole") as paused:
        pieces, read = paused.iter_bytes(), 0
        while read < MIB:
            read += len(await anext(pieces))
        async with api.astream("GET", "/beside") as other:
            assert sum([len(piece) async for piece in other.iter_bytes()]) == beside
        told.update(grown=held() - before, received=paused.received)
        told["connections"].append((await api.aget("/connection")).text)
        while read < 100 * MIB:
            read += len(await anext(pieces))
    told["connections"].append((await api.aget("/connection")).text)

blocking() if way == "thread" else asyncio.run(awaited())
told["versions"] = onehttp.backend().stats().by_http_version
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, debian: None) -> Iterator[tuple[str, Path]]:
    folder, authority = tmp_path_factory.mktemp("large"), trustme.CA()
    for name, size in (("whole", WHOLE), ("beside", BESIDE)):
        with (folder / name).open("wb") as file:
            file.truncate(size)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    with giving_large_files(authority, folder) as url:
        yield url, folder / "ca.pem"


@pytest.mark.parametrize("way", ["thread", "task"])
def test_a_paused_stream_neither_grows_nor_stops_the_others_of_its_connection(
    way: str, server: tuple[str, Path]
) -> None:
    url, authority = server
    done = subprocess.run(
        [sys.executable, "-c", _READER, url, str(authority), way, str(BESIDE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert len(set(told["connections"])) == 1
    assert set(told["versions"]) == {"2"}
    assert told["grown"] < MOST_GROWN
    assert told["received"] < MOST_GROWN
