"""A resolver that knows what it is told, and holds every other name until the test lets go."""

from __future__ import annotations

import socket
import threading
from typing import Any

from servers.patience import PATIENCE_S


class Resolver:
    """Stands for ``socket.getaddrinfo`` where a name ends in ``.example``.

    Attributes:
        asked: every name, each time it was asked for.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, tuple[str, ...] | OSError] = {}
        self._is_over = threading.Event()
        self._is_late = False
        self._changed = threading.Condition()
        self._real = socket.getaddrinfo

    def knows(self, host: str, *ips: str) -> None:
        """From now on ``host`` has these addresses."""
        self._answers[host] = ips

    def fails(self, host: str, code: int) -> None:
        """From now on asking for ``host`` ends with an ``EAI_`` code."""
        self._answers[host] = socket.gaierror(code, f"told to fail with {code}")

    def holds(self, host: str) -> None:
        """From now on nobody answers for ``host``."""
        self._answers.pop(host, None)

    def wait_until_asked(self, times: int) -> None:
        """Return when so many lookups have begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= times, PATIENCE_S)

    def let_go(self) -> None:
        """All names that are held fail, now and later."""
        self._is_over.set()

    def answer_late(self) -> None:
        """Names that are held have the addresses that are known by now; all others fail."""
        self._is_late = True
        self._is_over.set()

    def __call__(
        self,
        host: bytes | str | None,
        port: Any,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host or ""
        if not name.endswith(".example") or flags & socket.AI_NUMERICHOST:
            return self._real(host, port, family, type, proto, flags)
        with self._changed:
            self.asked.append(name)
            self._changed.notify_all()
        answer = self._answers.get(name)
        if answer is None:
            self._is_over.wait()
            answer = self._answers.get(name) if self._is_late else None
        if answer is None:
            raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")
        if isinstance(answer, OSError):
            raise answer
        found = []
        for ip in answer:
            kind = socket.AF_INET6 if ":" in ip else socket.AF_INET
            if family in (socket.AF_UNSPEC, kind):
                found += self._real(ip, port, kind, type, proto, socket.AI_NUMERICHOST)
        if not found:
            raise socket.gaierror(socket.EAI_NODATA, "no address of that family")
        return found
