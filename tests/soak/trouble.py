"""What goes wrong meanwhile in a soak: reloads, forks, signals, dead names, loops that end with
transfers, a server that freezes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import onehttp
from servers.patience import PATIENCE_S, end_if_it_hangs
from soak.account import Account
from soak.apart import Apart

DEAD: Final = ".dead.example"
DEAD_S: Final = 5.0
"""How long the system's resolver asks for a name that nobody answers for."""
CALL_S: Final = 0.5
SIGNALS_PER_S: Final = 100


class Trouble:
    """Makes it, each kind on a thread of its own, until `stop`; each is entered in an account."""

    def __init__(
        self, account: Account, urls: tuple[str, ...], frozen: Apart, folder: Path
    ) -> None:
        self._account = account
        self._urls = urls
        self._frozen = frozen
        self._file = folder / "connections.yaml"
        self._is_over = threading.Event()
        self._resolve: Callable[..., Any] = socket.getaddrinfo
        self._threads: list[threading.Thread] = []
        self.beats = 0
        """Signals that were handled."""
        self._write(0)

    @property
    def file(self) -> Path:
        """The connections file, which changes all the time; it has ``api``."""
        return self._file

    def start(self) -> None:
        """Begin, in the main thread, to which signals come."""
        socket.getaddrinfo = self._resolved
        signal.signal(signal.SIGALRM, self._beat)
        signal.setitimer(signal.ITIMER_REAL, 1 / SIGNALS_PER_S, 1 / SIGNALS_PER_S)
        kinds = (
            self._reload,
            self._fork,
            self._ask_for_dead_names,
            self._end_loops,
            self._freeze,
        )
        self._threads = [threading.Thread(target=kind, daemon=True) for kind in kinds]
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[str]:
        """End all of it; the kinds that do not end."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        signal.setitimer(signal.ITIMER_REAL, 0)
        socket.getaddrinfo = self._resolve
        return [str(thread) for thread in self._threads if thread.is_alive()]

    def _beat(self, _signal: int, _frame: object) -> None:
        self.beats += 1  # a handler may come in the midst of another, so it takes no lock

    def _note(self, kind: str, outcome: BaseException | str | None = "done") -> None:
        self._account.start(kind)
        self._account.end(kind, outcome)

    def _goes_on(self, pause_s: float) -> bool:
        return not self._is_over.wait(pause_s)

    def _call(self, kind: str, url: str) -> None:
        self._account.start(kind)
        try:
            onehttp.request("GET", url, timeout=CALL_S)
        except onehttp.TransferError as error:
            self._account.end(kind, error)
        else:
            self._account.end(kind)

    def _write(self, number: int) -> None:
        url = self._urls[number % len(self._urls)]
        text = (
            f"version: 1\nconnections:\n  api: {{url: '{url}', headers: {{X-Set: '{number}'}}}}\n"
        )
        fresh = self._file.with_suffix(".next")
        fresh.write_text(text)
        fresh.replace(self._file)

    def _reload(self) -> None:
        number = 0
        while self._goes_on(0.05):
            number += 1
            self._write(number)
            onehttp.reload()
            self._note("reload")

    def _fork(self) -> None:
        with Apart("keep_answering") as server:
            while self._goes_on(0.5):
                pid = os.fork()
                if pid == 0:
                    os._exit(_child(server.urls[0]))
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                self._note("fork", f"exit {status}")
                if status:
                    self._account.faults.append(f"a forked child ended with {status}")

    def _ask_for_dead_names(self) -> None:
        number = 0
        while self._goes_on(0.2):
            number += 1
            self._call("dead name", f"http://name{number}{DEAD}/")

    def _resolved(self, host: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(DEAD) and not named.get("flags", more[-1] if len(more) > 4 else 0):
            self._is_over.wait(DEAD_S)
            raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")
        return self._resolve(host, *more, **named)

    def _end_loops(self) -> None:
        async def leave_some_behind() -> None:
            url = self._urls[0]
            calls = [onehttp.arequest("GET", url, timeout=CALL_S) for _ in range(4)]
            for call in calls:
                asyncio.ensure_future(call)  # noqa: RUF006 (the loop ends before it does)
            await asyncio.sleep(0)

        while self._goes_on(0.1):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(leave_some_behind())
            loop.close()
            self._note("loop that ends")

    def _freeze(self) -> None:
        url = self._frozen.urls[0]
        while self._goes_on(0.1):
            self._call("before it freezes", url)
            self._frozen.freeze()
            self._call("frozen server", url)
            self._frozen.thaw()


def _child(url: str) -> int:
    """Of a forked child: 0 when a call of its own is answered."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    end_if_it_hangs()
    try:
        return 0 if onehttp.request("GET", url, timeout=PATIENCE_S / 2).status == 200 else 1
    except BaseException as error:  # noqa: BLE001 (told, and the status says it)
        os.write(sys.stderr.fileno(), f"\nforked child: {error!r}\n".encode())
        return 2
