"""Servers in a process of their own, so that what grows in the soak's is not theirs."""

from __future__ import annotations

import contextlib
import random
import select
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final

from servers.raw import OK, Behaviour, Peer, RawServer, keep_answering
from stand_ins.processes import PREAMBLE

if TYPE_CHECKING:
    from typing_extensions import Self

FORGET_S: Final = 0.1
"""What has come is not kept for longer: it is memory."""


def body_of(target: bytes) -> bytes:
    """What a server answers to ``GET TARGET``: nobody else's."""
    return target * (200_000 // len(target))


def moody(peer: Peer) -> None:
    """Usually answers; sometimes late, never, with half a body, by closing or by a reset."""
    dice = random.Random(peer.number)
    while request := peer.request():
        target = request.split(b" ", 2)[1]
        answer = OK
        if target.startswith(b"/stream/"):
            body = body_of(target)
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        mood = dice.random()
        if mood < 0.90:
            peer.send(answer)
        elif mood < 0.94:
            middle = len(answer) // 2
            peer.send(answer[:middle])
            time.sleep(dice.random() / 50)
            peer.send(answer[middle:])
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


_BEHAVIOURS: Final[dict[str, Behaviour]] = {"moody": moody, "keep_answering": keep_answering}


class Apart:
    """Servers of these behaviours, and their ``urls``, while it is entered."""

    def __init__(self, *behaviours: str) -> None:
        self._behaviours = behaviours
        self.urls: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        script = f"{PREAMBLE}\nfrom soak.apart import serve\nserve(*sys.argv[1:])"
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, *self._behaviours],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.urls = tuple(self._process.stdout.readline().split())
        return self

    def freeze(self) -> None:
        """Stand still."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._process.send_signal(signal.SIGCONT)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


def serve(*behaviours: str) -> None:
    """Say where, and serve until the other side has gone."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(RawServer(_BEHAVIOURS[name])) for name in behaviours]
        print(*(server.url for server in servers), flush=True)
        while not select.select([sys.stdin], [], [], FORGET_S)[0]:
            for server in servers:
                server.requests.clear()
