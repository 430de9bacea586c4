"""Refreshing 10,000 stored documents, none of which has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import pycurl

import onehttp
from benchmarks.baselines import set_all
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, Run, cpu_us_per_call, interleaved
from benchmarks.nginx import Nginx

if TYPE_CHECKING:
    from onehttp.xcap import XcapClient, XcapStore

SQLITE: Final = "SQLite"
DOCUMENTS = 10_000


def refreshing(nginx: Nginx, rounds: int) -> list[Row]:
    """CPU per document of a whole refresh, on each database: the store, the requests, the 304s."""
    from onehttp.xcap import XcapClient

    etag = onehttp.connection("bench").get("/xcap/0").headers["ETag"]
    runs = {"raw": cpu_us_per_call(_raw(f"{nginx.plain}/xcap/0", etag), 2000)}
    with contextlib.ExitStack() as databases:
        for name, url in _databases(databases).items():
            client = XcapClient("bench", _filled(url, nginx.plain, etag))
            runs[name] = _per_document(client.refresh)
            if name == SQLITE:
                runs["task"] = _per_document(partial(_refresh_as_a_task, client))
        found = interleaved(runs, rounds)
    raw = found["raw"]
    what = "10,000 documents refreshed, none changed, over a raw easy handle"
    return [
        Row(f"{what}: SQLite", found[SQLITE], raw, "us", "1.35", "1.2"),
        Row("the same as a task", found["task"], raw, "us", "", ""),
        Row("the same, blocking: PostgreSQL", found["PostgreSQL"], raw, "us", "1.35", "1.2"),
        Row("the same: MariaDB", found["MariaDB"], raw, "us", "1.35", "1.2"),
    ]


def _refresh_as_a_task(client: XcapClient) -> object:
    return asyncio.run(client.arefresh())


def _databases(stack: contextlib.ExitStack) -> dict[str, str]:
    """The URL of an empty one of each kind: the servers of the tests (``PYTHONPATH=tests``)."""
    from servers.databases import mariadb, postgres

    return {
        SQLITE: "sqlite://",
        "PostgreSQL": stack.enter_context(postgres.running()),
        "MariaDB": stack.enter_context(
            mariadb.database(stack.enter_context(mariadb.running()), "bench")
        ),
    }


def _filled(url: str, root: str, etag: str) -> XcapStore:
    from onehttp.xcap import StoredDocument, XcapStore

    store = XcapStore(url, create=True)
    for number in range(DOCUMENTS):
        store.save(
            StoredDocument(
                username=f"user{number}",
                domain="a.example",
                doc_type=2,
                doc_uri=f"{root}/xcap/pres-rules/users/sip:user{number}@a.example/index",
                port=80,
                etag=etag,
                doc=b"<ruleset/>" * 40,
            )
        )
    return store


def _per_document(refresh: Callable[[], object]) -> Run:
    from onehttp.xcap import RefreshReport

    def run() -> float:
        started = cpu_s()
        report = refresh()
        assert report == RefreshReport(unchanged=DOCUMENTS), report
        return (cpu_s() - started) / DOCUMENTS * 1e6

    return run


def _raw(url: str, etag: str) -> Callable[[], int]:
    easy = pycurl.Curl()

    def call() -> int:
        body: list[bytes] = []
        head: list[bytes] = []
        easy.reset()
        set_all(easy, url, body, head)
        easy.setopt(pycurl.HTTPHEADER, [f"If-None-Match: {etag}"])
        easy.perform()
        status: int = easy.getinfo(pycurl.RESPONSE_CODE)
        assert status == 304
        return status

    return call
