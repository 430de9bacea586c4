"""Refreshing 10,000 stored documents, none of which has changed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pycurl

from benchmarks.baselines import HEADER, set_all
from benchmarks.contender import cpu_s
from benchmarks.measure import Row, Run, interleaved
from benchmarks.nginx import Nginx
from benchmarks.processors import before_all_else

if TYPE_CHECKING:
    from onehttp.xcap import XcapClient, XcapStore

SQLITE: Final = "SQLite"
DOCUMENTS: Final = 10_000
WIDTH: Final = 64
"""What a refresh has in flight."""


def refreshing(nginx: Nginx, rounds: int) -> list[Row]:
    """CPU per document of a whole refresh, on each database: the store, the requests, the 304s.

    Each document has an etag of its own, as documents have. What the transfers alone take is said
    twice, of pycurl that checks, keeps and tells nothing: one after the other by an easy handle,
    and as many at a time as a refresh has in flight.
    """
    from onehttp.xcap import XcapClient

    runs: dict[str, Run] = {
        "easy": _per_document(_one_by_one(nginx.plain)),
        "multi": _per_document(_many_at_once(nginx.plain)),
    }
    with contextlib.ExitStack() as databases:
        for name, url in _databases(databases).items():
            client = XcapClient("bench", _filled(url, nginx.plain))
            runs[name] = _per_document(partial(_refreshed, client))
            if name == SQLITE:
                runs["task"] = _per_document(partial(_refreshed_by_a_task, client))
        found = interleaved(runs, rounds)
    easy, multi = found["easy"], found["multi"]
    what = f"{DOCUMENTS:,} documents refreshed, none changed"
    return [
        row
        for name in (SQLITE, "PostgreSQL", "MariaDB")
        for row in (
            Row(f"{what}, {name}: over one easy handle", found[name], easy, "us", "1.35", "1.2"),
            Row(f"the same over {WIDTH} at once on a CurlMulti", found[name], multi, "us", "", ""),
        )
    ] + [Row("SQLite by a task, over one easy handle", found["task"], easy, "us", "", "")]


def _refreshed(client: XcapClient) -> None:
    _check(client.refresh())


def _refreshed_by_a_task(client: XcapClient) -> None:
    _check(asyncio.run(client.arefresh()))


def _check(report: object) -> None:
    from onehttp.xcap import RefreshReport

    assert report == RefreshReport(unchanged=DOCUMENTS), report


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


def _filled(url: str, root: str) -> XcapStore:
    from onehttp.xcap import StoredDocument, XcapStore

    store = XcapStore(url, create=True)
    for number in range(DOCUMENTS):
        store.save(
            StoredDocument(
                username=f"user{number}",
                domain="a.example",
                doc_type=2,
                doc_uri=_url(root, number),
                port=80,
                etag=_etag(number),
                doc=b"<ruleset/>" * 40,
            )
        )
    return store


def _url(root: str, number: int) -> str:
    return f"{root}/xcap/pres-rules/users/sip:user{number}@a.example/index"


def _etag(number: int) -> str:
    return f'"{number:08x}-190"'


def _per_document(run_all: Callable[[], None]) -> Run:
    def run() -> float:
        with before_all_else():
            started = cpu_s()
            run_all()
            return (cpu_s() - started) / DOCUMENTS * 1e6

    return run


def _bare(root: str) -> tuple[Any, list[bytes], list[bytes]]:
    easy, body, head = pycurl.Curl(), list[bytes](), list[bytes]()
    set_all(easy, root, body, head)
    return easy, body, head


def _ask(easy: Any, root: str, number: int) -> None:
    easy.setopt(pycurl.URL, _url(root, number))
    easy.setopt(pycurl.HTTPHEADER, [f"{HEADER[0]}: {HEADER[1]}", f"If-None-Match: {_etag(number)}"])


def _one_by_one(root: str) -> Callable[[], None]:
    easy, _, head = _bare(root)

    def run() -> None:
        for number in range(DOCUMENTS):
            head.clear()
            _ask(easy, root, number)
            easy.perform()
            assert easy.getinfo(pycurl.RESPONSE_CODE) == 304

    return run


def _many_at_once(root: str) -> Callable[[], None]:
    multi = pycurl.CurlMulti()
    handles = [_bare(root) for _ in range(WIDTH)]
    heads = {easy: head for easy, _, head in handles}

    def begin(easy: Any, number: int) -> None:
        heads[easy].clear()
        _ask(easy, root, number)
        multi.add_handle(easy)

    def run() -> None:
        left = iter(range(DOCUMENTS))
        for easy, number in zip(heads, left, strict=False):
            begin(easy, number)
        to_end = DOCUMENTS
        while to_end:
            multi.perform()
            _, succeeded, failed = multi.info_read(DOCUMENTS)
            assert not failed, failed
            for easy in succeeded:
                assert easy.getinfo(pycurl.RESPONSE_CODE) == 304
                multi.remove_handle(easy)
                to_end -= 1
                for number in itertools.islice(left, 1):
                    begin(easy, number)
            multi.select(0.1)

    return run
