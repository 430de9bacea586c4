"""Everything at once for a while: threads that block, callbacks and event loops on one engine,
against servers that answer, dawdle, close and reset. Every call must end, and be accounted for.

    python tests/soak/engine_soak.py [SECONDS] [--backend NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).parents[1]))

import onehttp
from servers.raw import OK, Peer, RawServer

BLOCKING_THREADS = 16
LOOPS = 2
TASKS_PER_LOOP = 32
IN_FLIGHT_BY_SUBMIT = 64
TIMEOUT_S = 2.0
HANG_S = 60.0
"""Long after every time limit: a call that has not ended by then never will."""


def moody(peer: Peer) -> None:
    """Usually answers; sometimes late, never, with half a body, by closing or by a reset."""
    dice = random.Random(peer.number)
    while peer.request():
        mood = dice.random()
        if mood < 0.90:
            peer.send(OK)
        elif mood < 0.94:
            time.sleep(dice.random() / 50)
            peer.send(OK)
        elif mood < 0.96:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return
        elif mood < 0.98:
            return
        elif mood < 0.995:
            peer.reset()
            return
        else:
            peer.wait_for_close()
            return


class Account:
    """What was started, and what became of it."""

    def __init__(self) -> None:
        self._counting = threading.Lock()  # guards both
        self.started: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()

    def start(self, kind: str) -> None:
        with self._counting:
            self.started[kind] += 1

    def end(self, kind: str, error: BaseException | None) -> None:
        with self._counting:
            self.ended[kind] += 1
            self.ended[type(error).__name__ if error else "responses"] += 1

    def missing(self) -> dict[str, int]:
        with self._counting:
            return {
                kind: self.started[kind] - self.ended[kind]
                for kind in self.started
                if self.started[kind] != self.ended[kind]
            }


def block(url: str, account: Account, end: float) -> None:
    while time.monotonic() < end:
        account.start("request")
        try:
            onehttp.request("GET", url, timeout=TIMEOUT_S)
        except onehttp.TransferError as error:
            account.end("request", error)
        else:
            account.end("request", None)


def submit(url: str, account: Account, end: float) -> None:
    room = threading.Semaphore(IN_FLIGHT_BY_SUBMIT)

    def done(result: onehttp.Result) -> None:
        account.end("submit", result.error)
        room.release()

    while time.monotonic() < end:
        if room.acquire(timeout=HANG_S):
            account.start("submit")
            query = onehttp.submit("POST", url, body=b"x", route=done, timeout=TIMEOUT_S)
            if query.id % 50 == 0:
                query.cancel()


async def crowd(url: str, account: Account, end: float) -> None:
    async def task(number: int) -> None:
        dice = random.Random(number)
        while time.monotonic() < end:
            account.start("arequest")
            call = asyncio.ensure_future(onehttp.arequest("GET", url, timeout=TIMEOUT_S))
            if dice.random() < 0.02:
                await asyncio.sleep(0)
                call.cancel()
            try:
                await call
            except (onehttp.TransferError, asyncio.CancelledError) as error:
                account.end("arequest", error)
            else:
                account.end("arequest", None)

    await asyncio.gather(*(task(number) for number in range(TASKS_PER_LOOP)))


def soak(seconds: float, backend: str) -> int:
    """Run it; the number of calls that never ended."""
    onehttp.init(backend=backend)
    account = Account()
    faulthandler.dump_traceback_later(seconds + HANG_S + 30, exit=True)
    with RawServer(moody) as server, Progress() as progress:
        end = time.monotonic() + seconds
        threads = [
            *(
                threading.Thread(target=block, args=(server.url, account, end))
                for _ in range(BLOCKING_THREADS)
            ),
            threading.Thread(target=submit, args=(server.url, account, end)),
            *(
                threading.Thread(target=lambda: asyncio.run(crowd(server.url, account, end)))
                for _ in range(LOOPS)
            ),
        ]
        for thread in threads:
            thread.start()
        bar = progress.add_task(f"soaking {backend}", total=seconds)
        while (left := end - time.monotonic()) > 0:
            progress.update(bar, completed=seconds - left)
            time.sleep(min(0.5, left))
        progress.update(bar, completed=seconds)
        deadline = time.monotonic() + HANG_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        while account.missing() and time.monotonic() < deadline:
            time.sleep(0.1)
        stats = onehttp.stats()
        onehttp.shutdown(5)
    missing = account.missing()
    print(f"started {dict(account.started)}")
    print(f"ended   {dict(account.ended)}")
    print(f"engine  {stats}")
    unsettled = stats.transfers - stats.completed - stats.failed - stats.cancelled
    if missing or unsettled or stats.in_flight:
        print(f"LOST: {missing}, {unsettled} transfers without an end, {stats.in_flight} in flight")
        return 1
    print("every call ended")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--backend", default="pycurl")
    chosen = parser.parse_args()
    sys.exit(soak(chosen.seconds, chosen.backend))
