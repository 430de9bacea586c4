"""A fork at each line of what drives, as a signal handler forks."""

from __future__ import annotations

import gc
import itertools
import os
import socket
import sys
from typing import Final, NoReturn

from onehttp_backends.contract import Response
from onehttp_backends.errors import CancelledError
from servers.patience import PATIENCE_S, end_if_it_hangs
from stand_ins.driving.scene import (
    DRIVING,
    Before,
    Scene,
    Use,
    ask,
    ask_for_three,
    ask_once,
    kept,
    nobody,
    one_who_drives,
    read_in_pieces,
    several_kept,
)
from stand_ins.injection import Injector, Way

OWN_SOCKETS: Final = 8
NEIGHBOURS: Final[dict[str, tuple[tuple[Use, Before], ...]]] = {
    "nobody": (
        (ask, nobody),
        (ask, kept),
        (ask_once, nobody),
        (ask_for_three, kept),
        (ask_for_three, several_kept),
        (read_in_pieces, kept),
    ),
    "one who drives": ((ask, one_who_drives),),
}


class Fork(Injector):
    """Forks, and waits for the child."""

    is_child = False
    status = 0

    def strike(self) -> None:
        pid = os.fork()
        if pid:
            self.status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            return
        self.is_child = True
        sys.settrace(None)
        end_if_it_hangs()
        # As any program would, it opens something at once, which gets numbers of what was closed.
        self.own = [socket.socketpair() for _ in range(OWN_SOCKETS)]
        for pair in self.own:
            for each in pair:
                each.setblocking(False)
                each.send(b"x")

    def leave(self, scene: Scene) -> NoReturn:
        """Where the child ends, in the middle of the scene: whatever has come of it."""
        try:
            for outcome in scene.outcomes.values():
                assert isinstance(outcome, (Response, CancelledError)), outcome
            for each in itertools.chain(*self.own):
                assert each.recv(100) == b"x"
            request = scene.request("next")
            scene.ask(request)
            assert scene.is_answered(request.url), scene.outcomes[request.url]
        except BaseException as error:  # noqa: BLE001 - told, and the status says it
            os.write(2, f"child, forked at {self.place}: {error!r}\n".encode())
            os._exit(1)
        os._exit(0)


def fork_at_each_line(neighbour: str) -> None:
    """In a process that has little to copy.

    Args:
        neighbour: a key of `NEIGHBOURS`.
    """
    gc.freeze()
    ways: set[Way] = set()
    with Scene() as scene:
        for use, before in NEIGHBOURS[neighbour]:
            _in_each_child(scene, use, before, ways)


def _in_each_child(scene: Scene, use: Use, before: Before, ways: set[Way]) -> None:
    are_kept = before is not nobody
    for fork in scene.at_each_line(lambda lines: Fork(lines, DRIVING), are_kept, ways):
        held = before(scene)
        try:
            with fork.in_force():
                use(scene)
        except BaseException as error:
            if not fork.is_child:
                raise
            os.write(2, f"child, forked at {fork.place}: raised {error!r}\n".encode())
            os._exit(1)
        if fork.is_child:
            fork.leave(scene)
        where = f"{use.__name__}, {fork.place}"
        assert fork.status == 0, where
        if held is not None:
            held.may_go.set()
            held.thread.join(PATIENCE_S)
        assert all(map(scene.is_answered, scene.outcomes)), (where, scene.outcomes)
