"""Where the body of an HTTP/1 answer ends: what follows answers nobody, and is not passed on.

httpcore tells nobody of it, and would take it for the answer to the next request.
"""

from __future__ import annotations


class BodyEnd:
    """Finds the end of the body of one response.

    Args:
        length: in bytes; None if it lasts as long as the connection.
    """

    def __init__(self, length: int | None) -> None:
        self._left = length
        self.has_more = False
        """Something has come after the end."""

    @property
    def is_over(self) -> bool:
        """Whether the body is complete."""
        return self._left == 0

    def take(self, data: bytes) -> bytes:
        """The part of ``data`` that belongs to the body."""
        if self._left is None:
            return data
        taken = data[: self._left]
        self._left -= len(taken)
        self.has_more = self.has_more or len(taken) < len(data)
        return taken
