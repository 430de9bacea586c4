"""Tells that an awaitable waits, before it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any


class NoticedWait:
    """``await`` it once, in place of the awaitable.

    Args:
        on_wait: is called if it does not have its result at once, before it is waited for.
    """

    __slots__ = ("_awaitable", "_on_wait", "has_waited")

    def __init__(self, awaitable: Awaitable[Any], on_wait: Callable[[], None] | None) -> None:
        self._awaitable = awaitable
        self._on_wait = on_wait
        self.has_waited = False

    def __await__(self) -> Generator[Any, Any, Any]:
        # This is `yield from`, which has no place for a call after the first step.
        steps: Any = self._awaitable.__await__()
        try:
            asked = next(steps)
            self.has_waited = True
            on_wait = self._on_wait
            while True:
                try:
                    if on_wait is not None:
                        tell, on_wait = on_wait, None
                        tell()
                    answer = yield asked
                except GeneratorExit:
                    if hasattr(steps, "close"):
                        steps.close()
                    raise
                except BaseException as error:
                    if not hasattr(steps, "throw"):
                        raise
                    asked = steps.throw(error)
                else:
                    asked = next(steps) if answer is None else steps.send(answer)
        except StopIteration as end:
            return end.value
