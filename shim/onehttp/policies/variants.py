"""Transfer options derived from others, for calls that differ from their connection."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Final

from onehttp_backends.contract import TransferOptions

MOST_KEPT: Final = 256


class Variants:
    """Gives the same object for the same change of the same options: engines pool by its
    identity."""

    def __init__(self) -> None:
        # By identity, as engines do; it cannot come back while the options are kept here.
        self._made: dict[tuple[int, Hashable], tuple[TransferOptions, TransferOptions]] = {}

    def of(
        self, options: TransferOptions, why: Hashable, make: Callable[[], TransferOptions]
    ) -> TransferOptions:
        """The result of ``make`` for ``options``; always the same object for the same ``why``."""
        key = (id(options), why)
        entry = self._made.get(key)
        if entry is not None:
            return entry[1]
        made = make()
        if len(self._made) >= MOST_KEPT:
            self._made.clear()
        self._made[key] = (options, made)
        return made

    def take(self, options: TransferOptions) -> Iterator[TransferOptions]:
        """Remove and return what was derived from ``options``."""
        for key, (origin, made) in list(self._made.items()):
            if origin is options:
                self._made.pop(key, None)
                yield made
                yield from self.take(made)


VARIANTS: Final = Variants()
"""The variants of this process. They belong to no runtime, because a call may have own options."""
