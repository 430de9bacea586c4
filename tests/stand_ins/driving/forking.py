"""A fork at each line of what drives, as a signal handler forks."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import socket
import sys
from typing import Final, NoReturn

from onehttp_backends.contract import Response
from onehttp_backends.errors import CancelledError
from servers.patience import PATIENCE_S
from stand_ins.driving import scene as scenes
from stand_ins.driving.scene import DRIVING, Before, Scene, Use
from stand_ins.injection import Injector

OWN_SOCKETS: Final = 8


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
        signal.alarm(PATIENCE_S)
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


def fork_at_each_line(use: str, before: str) -> None:
    """In a process that has little to copy.

    Args:
        use: name of a `Use` in `stand_ins.driving.scene`.
        before: of a `Before` there.
    """
    gc.freeze()
    with Scene() as scene:
        _in_each_child(scene, getattr(scenes, use), getattr(scenes, before))


def _in_each_child(scene: Scene, use: Use, before: Before) -> None:
    are_kept = before is not scenes.nobody
    for fork in scene.at_each_line(lambda lines: Fork(lines, DRIVING), are_kept):
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
        assert fork.status == 0, fork.place
        if held is not None:
            held.may_go.set()
            held.thread.join(PATIENCE_S)
        assert all(map(scene.is_answered, scene.outcomes)), (fork.place, scene.outcomes)
