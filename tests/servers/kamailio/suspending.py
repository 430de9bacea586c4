"""A Kamailio whose script suspends what it is asked until an HTTP server has answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from servers.holding import HoldingServer
from servers.kamailio import calls as kamailio_calls
from servers.kamailio.calls import Caller
from servers.kamailio.inside import Inside


class Calls(NamedTuple):
    """A server, its script, who calls, and the HTTP server that is asked."""

    inside: Inside
    caller: Caller
    backend: HoldingServer
    script: Path
    folder: Path

    def are_answered_once(self) -> None:
        """Each has one final answer: none is on its way any more."""
        self.caller.receive(0.2)
        assert all(len(finals) == 1 for finals in self.caller.finals.values()), self.caller.finals

    def pid(self, what: str) -> int:
        """Of the server's process with that in its description, once it has begun."""
        return kamailio_calls.pid(self.folder, what)

    def reload(self, old: str, new: str) -> None:
        """Have every process read the script anew, with some text of it changed."""
        self.change(old, new)
        kamailio_calls.rpc(self.folder, "app_python.reload")

    def change(self, old: str, new: str) -> None:
        """Change some text of the script."""
        text = self.script.read_text().replace(old, new)
        written = self.script.with_suffix(".new")
        written.write_text(text)
        written.replace(self.script)  # at once: a process may be reading what was there before


@contextmanager
def running(
    folder: Path,
    source: Path,
    *,
    processes: int = 1,
    timer_ms: int = 30000,
    children: int = 2,
    more: str = "",
    shared_mib: int = 64,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Calls]:
    """The server, with a script of its own that is a copy of ``source``."""
    script = folder / "routing.py"
    script.write_text(source.read_text())
    with (
        HoldingServer() as backend,
        kamailio_calls.running(
            folder,
            script,
            {"TEST_BACKEND": backend.url, **(environment or {})},
            processes=processes,
            timer_ms=timer_ms,
            children=children,
            more=more,
            shared_mib=shared_mib,
        ) as (inside, caller),
    ):
        yield Calls(inside, caller, backend, script, folder)
