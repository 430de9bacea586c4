"""Content codings taken off a body, piece by piece, the same for every backend.

libcurl takes a gzip stream that ends in the middle for whole, refuses one of two members, and
fails where it does not know a coding. So engines hand over what came, and it is decoded here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import Final

from onehttp_backends.codings.extra import Brotli, Zstandard
from onehttp_backends.codings.stages import CodingError, Deflate, Gzip, Stage

MOST_CODINGS: Final = 5
"""One on top of the other; libcurl takes no more, since each multiplies what a bomb can do."""
_ALWAYS: Final[dict[str, Callable[[], Stage]]] = {"gzip": Gzip, "deflate": Deflate}


@cache
def known() -> dict[str, Callable[[], Stage]]:
    """The codings that can be taken off here, the best known first."""
    found = dict(_ALWAYS)
    if find_spec("brotli") is not None:
        found["br"] = Brotli
    if find_spec("zstandard") is not None:
        found["zstd"] = Zstandard
    return found


@cache
def accepted() -> str:
    """The codings that a request asks for (``Accept-Encoding``)."""
    return ", ".join(known())


class Decoder:
    """Takes all codings of one body off."""

    def __init__(self, codings: list[str]) -> None:
        self._stages = [known()[coding]() for coding in reversed(codings)]

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` decodes to, in pieces: whoever has enough stops here, before a bomb is
        in memory.

        Raises:
            CodingError: it is not of its coding.
        """
        found: Iterable[bytes] = (data,)
        for stage in self._stages:
            found = _through(stage, found)
        return iter(found)

    def finish(self) -> None:
        """The body is over.

        Raises:
            CodingError: it ends in the middle.
        """
        for stage in self._stages:
            stage.finish()


def decoder_of(values: Iterable[str]) -> Decoder | None:
    """What takes the codings of these ``Content-Encoding`` fields off; None: nothing can be.

    Raises:
        CodingError: more than anybody has a reason for.
    """
    codings = codings_of(values)
    return Decoder(codings) if codings else None


def codings_of(values: Iterable[str]) -> list[str] | None:
    """The codings of ``Content-Encoding`` fields, in the order they were put on; None: one of them
    is not known, so that nothing can be taken off.

    Raises:
        CodingError: more than anybody has a reason for.
    """
    named = [name.strip(" \t").lower() for value in values for name in value.split(",")]
    codings = [name.removeprefix("x-") for name in named if name not in ("", "identity")]
    if any(coding not in known() for coding in codings):
        return None
    if len(codings) > MOST_CODINGS:
        raise CodingError(f"{len(codings)} codings on top of each other, {MOST_CODINGS} at most")
    return codings


def _through(stage: Stage, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from stage.pieces(piece)
