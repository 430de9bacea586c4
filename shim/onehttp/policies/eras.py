"""The eras in which attempts are admitted: a forked child begins with later ones."""

from __future__ import annotations


class Eras:
    """The eras of this process, for attempts with a circuit breaker and without."""

    first = 1
    """What began in an earlier one, began in a parent process, which ends it."""
