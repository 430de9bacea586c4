"""Refreshing 10,000 stored documents, none of which has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pycurl

import onehttp
from benchmarks.baselines import set_all
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, Run, cpu_us_per_call, interleaved
from benchmarks.nginx import Nginx

DOCUMENTS = 10_000


def refreshing(nginx: Nginx, rounds: int) -> list[Row]:
    """CPU per document of a whole refresh: the store, the requests, the 304 answers."""
    from onehttp.xcap import StoredDocument, XcapClient, XcapStore

    etag = onehttp.connection("bench").get("/xcap/0").headers["ETag"]
    store = XcapStore("sqlite://")
    for number in range(DOCUMENTS):
        store.save(
            StoredDocument(
                username=f"user{number}",
                domain="a.example",
                doc_type=2,
                doc_uri=f"{nginx.plain}/xcap/pres-rules/users/sip:user{number}@a.example/index",
                port=80,
                etag=etag,
                doc=b"<ruleset/>" * 40,
            )
        )
    client = XcapClient("bench", store)
    found = interleaved(
        {
            "raw": cpu_us_per_call(_raw(f"{nginx.plain}/xcap/0", etag), 2000),
            "refresh": _per_document(client.refresh),
            "arefresh": _per_document(lambda: asyncio.run(client.arefresh())),
        },
        rounds,
    )
    return [
        Row("10,000 documents refreshed, none changed, over a raw easy handle",
            found["refresh"], found["raw"], "us", "3", "1.5"),
        Row("the same as a task", found["arefresh"], found["raw"], "us", "3", "1.5"),
    ]  # fmt: skip


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
