"""The sockets of an engine that a process has inherited through a fork, or that has crashed."""

from __future__ import annotations

import os

from onehttp_backends.curl.sockets.watch import SocketWatch


def let_go_of_sockets(watch: SocketWatch, goes_on: bool) -> None:
    """Close this process's copies of libcurl's sockets, which libcurl shall not use any more.

    Args:
        goes_on: libcurl will use them nevertheless, because a signal handler has forked in the
            middle of a call. The child must not get these numbers for other files, so they
            become duplicates of the epoll descriptor, which cannot be read or written.
    """
    for known in watch.open_sockets():
        if goes_on:
            os.dup2(watch.fileno(), known.fd, inheritable=False)
        else:
            os.close(known.fd)
