"""Sockets of transfers that run alone, need but one, and close it at their end.

Nobody watches such a socket. A callback for each, which asks for its inode, is a tenth of what such
a transfer takes. So libcurl only puts its number into a dict, which is emptied when the transfer
has ended. The number is used where the socket outlives that: by turns, and in a forked child.
"""

from __future__ import annotations

from onehttp_backends.curl.sockets.socket import Socket
from onehttp_backends.curl.sockets.watch import SocketWatch


def see(watch: SocketWatch) -> None:
    """Watch them like all others."""
    for fd in watch.unseen:
        if Socket(fd, 0).own_port():  # otherwise closed since, and perhaps another's
            watch.note_opened(fd)
    watch.unseen.clear()
