"""Who reads and sends piece by piece in a soak: to the end, half, or not at all."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator

import onehttp
from soak.apart import body_of
from soak.load import TIMEOUT_S, Load

PIECE = 16_384
LEAVES = 0.1
"""How often one goes away after a piece, as often as one fails there."""
TASKS = 4


class OtherBodyError(Exception):
    """What came belongs to somebody else."""


class LeftError(Exception):
    """What a reader raises now and then."""


class Readers:
    """Threads, and tasks of a loop, each with one stream after the other."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._account = load.account

    def threads(self) -> list[threading.Thread]:
        work = (self.read, self.read, self.send, self.await_all)
        return [threading.Thread(target=each, daemon=True) for each in work]

    def read(self) -> None:
        dice = random.Random(threading.get_ident())
        while self._load.goes_on():
            self._account.start("stream")
            target = f"/stream/{dice.getrandbits(64)}"
            try:
                with onehttp.stream("GET", self._url(dice, target), timeout=TIMEOUT_S) as response:
                    check = _Check(target)
                    for piece in response.iter_bytes(PIECE):
                        check.take(piece)
                        if _leaves(dice):
                            break
            except (onehttp.TransferError, LeftError, OtherBodyError) as error:
                self._end("stream", error)
            else:
                self._end("stream")

    def send(self) -> None:
        dice = random.Random(threading.get_ident())
        while self._load.goes_on():
            self._account.start("upload")
            pieces = [b"x" * dice.randrange(1, PIECE) for _ in range(4)]
            length = {"Content-Length": str(sum(map(len, pieces)))}
            try:
                url = self._url(dice, "/upload")
                body = _some_of(pieces, dice)
                onehttp.request("PUT", url, body=body, headers=length, timeout=TIMEOUT_S)
            except (onehttp.TransferError, LeftError) as error:
                self._end("upload", error)
            else:
                self._end("upload")

    def await_all(self) -> None:
        asyncio.run(self._crowd())

    async def _crowd(self) -> None:
        await asyncio.gather(*(self._await(number) for number in range(TASKS)))

    async def _await(self, number: int) -> None:
        dice = random.Random(number)
        while self._load.goes_on():
            self._account.start("astream")
            reading = asyncio.ensure_future(self._read(dice))
            if dice.random() < 0.02:
                await asyncio.sleep(0)
                reading.cancel()
            try:
                await reading
            except (
                onehttp.TransferError, LeftError, OtherBodyError, asyncio.CancelledError
            ) as error:  # fmt: skip
                self._end("astream", error)
            else:
                self._end("astream")

    async def _read(self, dice: random.Random) -> None:
        target = f"/stream/{dice.getrandbits(64)}"
        url = self._url(dice, target)
        async with onehttp.astream("GET", url, timeout=TIMEOUT_S) as response:
            check = _Check(target)
            async for piece in response.iter_bytes(PIECE):
                check.take(piece)
                if _leaves(dice):
                    break

    def _url(self, dice: random.Random, target: str) -> str:
        return dice.choice(self._load.urls).rstrip("/") + target

    def _end(self, kind: str, outcome: BaseException | None = None) -> None:
        self._account.end(kind, outcome)
        if isinstance(outcome, OtherBodyError):
            self._account.faults.append(f"{kind}: {outcome}")


class _Check:
    """Takes a body in pieces, and knows what it must be."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._whole = body_of(target.encode())
        self._at = 0

    def take(self, piece: bytes) -> None:
        end = self._at + len(piece)
        if piece != self._whole[self._at : end]:
            raise OtherBodyError(f"{self._target}: {piece[:80]!r} at {self._at}")
        self._at = end


def _leaves(dice: random.Random) -> bool:
    chance = dice.random()
    if chance < LEAVES / 2:
        raise LeftError
    return chance < LEAVES


def _some_of(pieces: list[bytes], dice: random.Random) -> Iterator[bytes]:
    for piece in pieces:
        if dice.random() < 0.01:
            raise LeftError
        yield piece
