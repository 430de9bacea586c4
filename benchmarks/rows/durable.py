"""Durable queues: how many events a second are stored, by one thread and by many, and sent."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import onehttp
from benchmarks.measure import Row
from benchmarks.nginx import Nginx
from onehttp.cli.worker import send
from onehttp.durable.submitting import current_store
from onehttp.durable.worker import Worker, WorkerSettings

EVENTS = 2000
THREADS = 32
BODY = b'{"call": "a84b4c76e66710", "seconds": 61}'
AIM = 10_000.0


def queueing(nginx: Nginx) -> list[Row]:
    """In a fresh database beside the sources, where a disk syncs as it does."""
    before = os.environ.get("ONEHTTP_QUEUES")
    with TemporaryDirectory(dir=".") as folder:
        os.environ["ONEHTTP_QUEUES"] = f"sqlite://{Path(folder).absolute()}/queues.db"
        try:
            disk = _synced(Path(folder, "synced"))
            alone = _rate(lambda: _submit(EVENTS))
            together = _rate(_submit_by_threads)
            worker = Worker(current_store(), "bench", send, WorkerSettings(concurrency=256))
            held = sum(each.waiting for each in current_store().lengths())
            started = time.perf_counter()
            asyncio.run(worker.run(until_empty=True))
            sent = held / (time.perf_counter() - started)
            current_store().close()
        finally:
            os.environ["ONEHTTP_QUEUES"] = before or ""
    return [
        Row("the disk by itself: 16 KiB synced a second, over 10,000", disk, AIM, "/s", "-", "1.0"),
        Row("events stored a second by one thread, likewise", alone, AIM, "/s", "-", "1.0"),
        Row(f"by {THREADS} threads, likewise", together, AIM, "/s", "-", "1.0"),
        Row("sent a second by one worker, likewise", sent, AIM, "/s", "-", "1.0"),
    ]


def _synced(path: Path) -> float:
    """What a transaction of one message writes."""
    count, page = 200, bytes(16384)
    with path.open("wb", buffering=0) as file:
        started = time.perf_counter()
        for _ in range(count):
            file.write(page)
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - started)


def _submit(count: int) -> None:
    bench = onehttp.connection("bench")
    for _ in range(count):
        bench.submit("GET", "/small", queue="bench", body=BODY)


def _submit_by_threads() -> None:
    share = EVENTS // THREADS + 1
    threads = [threading.Thread(target=_submit, args=(share,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _rate(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return EVENTS / (time.perf_counter() - started)
