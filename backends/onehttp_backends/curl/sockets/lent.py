"""A socket that is made here, for libcurl. Not to be compiled: of a compiled class these properties
would be values."""

from __future__ import annotations

import operator
import socket


class LentSocket:
    """A socket for pycurl, which duplicates its descriptor; this one is closed right after."""

    __slots__ = ("_socket",)

    def __init__(self, made: socket.SocketType) -> None:
        self._socket = made

    # Both are called where nobody hears of what a signal handler raises: they run nothing of Python
    # at which one could be run.
    fileno = property(operator.attrgetter("_socket.fileno"))
    __del__ = property(operator.attrgetter("_socket.close"))
