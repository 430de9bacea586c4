"""The objects that all functions of a run share: the emulated server, its tables, the
assumptions."""

from __future__ import annotations

import itertools
import threading
import time as clock
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from onehttp.lowlevel import TransactionLayer
from onehttp_compat.modules.http_async_client.calls import FAKED_MESSAGE
from onehttp_compat.script.message_in_progress import MessageInProgress, RouteKind, Scene, current
from onehttp_compat.script.routed_message import Branch, RoutedMessage
from onehttp_compat.script.transactions import WaitingTransactions
from onehttp_compat.script.world.assumptions import Assumptions
from onehttp_compat.script.world.dialogs import Dialogs
from onehttp_compat.script.world.message_queues import MessageQueues
from onehttp_compat.script.world.mistakes import Mistakes
from onehttp_compat.script.world.shared_tables import SharedTables
from onehttp_compat.server import LegacyServer
from onehttp_compat.sip.message import canonical
from onehttp_compat.sip.value import Value


@dataclass(slots=True)
class World:
    """One run of a script."""

    server: LegacyServer
    layer: TransactionLayer
    script: Path
    assumptions: Assumptions = field(default_factory=Assumptions)
    mistakes: Mistakes = field(default_factory=Mistakes)
    tables: SharedTables = field(default_factory=SharedTables)
    queues: MessageQueues = field(default_factory=MessageQueues)
    dialogs: Dialogs = field(default_factory=Dialogs)
    waiting: WaitingTransactions = field(default_factory=WaitingTransactions)
    myself: frozenset[str] = frozenset()
    """Hosts, with or without port, that belong to the server itself."""
    asked_for_myself: set[str] = field(default_factory=set)
    """Hosts that the script asked about, and that do not belong to the server."""
    defines: dict[str, str] = field(default_factory=dict)
    """The ``#!define`` lines of the configuration."""
    run_route: Callable[[str, Scene], bool] = lambda _name, _scene: False
    """Runs a route of the script by name. False if there is none."""
    has_route: Callable[[str], bool] = lambda _name: False
    """Whether the script has a route of that name."""
    relay: Callable[[Scene], int] = lambda scene: scene.relay()
    """Relays a request in its transaction, after its branch routes."""
    send: Callable[[Scene, list[str]], None] = lambda _scene, _hops: None
    """Runs the onsend route for each URI that a message is sent to."""
    follow: Callable[[str, tuple[object, ...], object], object] | None = None
    """Is called with each call of a ``KSR`` function and its result. It is set before the script
    starts."""
    time: Callable[[], float] = clock.time
    """The time of day for scripts."""
    labels: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    """The numbers of transactions."""
    changing: threading.RLock = field(default_factory=threading.RLock)
    """Guards state that scripts change from several threads: counters, named locks."""
    shared: dict[str, Value] = field(default_factory=dict)
    """``$shv``."""
    prepared_branch: Branch = field(default_factory=lambda: Branch(""))
    """``$sbranch``."""
    counters: dict[str, int] = field(default_factory=dict)
    locks: dict[str, threading.RLock] = field(default_factory=dict)

    @property
    def scene(self) -> Scene:
        """The state of the script. Outside of messages it has an artificial message, as in the
        server."""
        return current() or self.faked_scene()

    def faked_scene(self) -> Scene:
        """Return a scene for code that runs without a message. Its replies are not sent."""
        progress = MessageInProgress(FAKED_MESSAGE, 0, self.layer, lambda _: None)
        return Scene(RoutedMessage(FAKED_MESSAGE), progress, RouteKind.EVENT, is_faked=True)

    def hint_if_added(self, name: str) -> None:
        """Give a hint if a script looks for a header that it has added itself, because the server
        would not find it."""
        routed = self.scene.routed
        wanted = canonical(name)
        if any(canonical(line.partition(":")[0].strip()) == wanted for _, line in routed.added):
            self.mistakes.hint(
                f"header {name} was added to what goes out; the script reads what came in, until "
                "KSR.textopsx.msg_apply_changes()"
            )

    def is_myself(self, host: str, port: int = 0) -> bool:
        """Whether this host and port belong to the server. Port 0 matches any port."""
        name = host.strip("[]").lower()
        if name in self.myself or f"{name}:{port}" in self.myself:
            return True
        if not port and any(one.startswith(f"{name}:") for one in self.myself):
            return True
        with self.changing:
            if len(self.asked_for_myself) < 1000:
                self.asked_for_myself.add(name)
        return False
