"""What libcurl does not tell of a TLS handshake: how a certificate names its host, and whether the
server has refused ours (see `onehttp_backends.certificates.refusal`)."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Callable
from typing import Final

import pycurl

from onehttp_backends.certificates.refusal import REFUSED, HandshakeEnd, is_of_a_certificate
from onehttp_backends.curl.libcurl import Easy

NOT_NAMED: Final = (
    "the certificate names the host in its common name alone, and has no subjectAltName (RFC 9525)"
)
_EXPIRED: Final = "SSL certificate verification failed"
"""libcurl's text for an alert that the client's certificate has expired; of the server's it says
more (curl 8.23)."""
_ALTERNATIVE_NAMES: Final = "X509v3 Subject Alternative Name"
_names_a_host: Final = re.compile(r"(?:^|, )(?:DNS|IP Address):").search


class Handshake:
    """Watches the handshakes of one handle.

    Args:
        opening: to be told of each socket, too (``SOCKOPTFUNCTION``).
        raised: what a callback must not raise.
        named_badly: origins whose certificates were refused for how they name the host. Resumed
            sessions show no certificate, and may be of one that was.
    """

    __slots__ = (
        "_easy",
        "_end",
        "_fds",
        "_named_badly",
        "_opening",
        "_origin",
        "_raised",
        "refusal",
    )

    def __init__(
        self,
        easy: Easy,
        origin: str,
        opening: Callable[[int, int], int],
        raised: list[BaseException],
        named_badly: set[str] | None,
    ) -> None:
        self._easy = easy
        self._origin = origin
        self._opening = opening
        self._raised = raised
        self._named_badly = named_badly
        self._fds: list[int] = []
        self._end: HandshakeEnd | None = None
        self.refusal = ""
        """Why nothing was sent on a connection; empty: it was."""
        if named_badly is not None:
            easy.setopt(pycurl.OPT_CERTINFO, 1)
            # Means nothing to OpenSSL, and keeps these connections and sessions apart from those
            # of handles that believe any certificate which libcurl believes.
            easy.setopt(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NO_REVOKE)

    def opening(self, fd: int, purpose: int) -> int:
        """libcurl has made a socket (``SOCKOPTFUNCTION``)."""
        verdict = self._opening(fd, purpose)
        try:
            self._fds.append(fd)
        except BaseException as error:  # noqa: BLE001 - libcurl's next callback would meet it
            self._raised.append(error)
        return verdict

    def may_send(self, own_port: int) -> bool:
        """Whether a request may go out on the connection that libcurl has found or made."""
        if not (self._fds or self._named_badly):
            return True  # found: who made it has looked at its certificate
        if self._named_badly is not None and not self._is_named_well(self._named_badly):
            return self._refuse(NOT_NAMED)
        if self._fds:
            if self.was_refused:  # and libcurl has come back with another connection
                return self._refuse(REFUSED)
            self._end = _end_of(self._fds, own_port)
            self._fds.clear()
        return True

    def _refuse(self, reason: str) -> bool:
        self.refusal = reason
        self.give_up_connection()
        return False

    def give_up_connection(self) -> None:
        """End what was made for this transfer: if it speaks HTTP/2, libcurl would keep it for the
        next, refused or not."""
        for fd in self._fds:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fd)) as connection:
                connection.shutdown(socket.SHUT_RDWR)
        if self._end is not None:
            self._end.shut_down()

    @property
    def was_refused(self) -> bool:
        """Whether an alert is all that has come since the handshake."""
        return self._end is not None and self._end.has_only_alert

    def is_refusal(self, text: str) -> bool:
        """Whether a transfer without an answer that ended with ``text`` was refused for the sake of
        its client's certificate."""
        if not (is_of_a_certificate(text) or text == _EXPIRED or self.was_refused):
            return False
        self.give_up_connection()
        return True

    @property
    def has_ended(self) -> bool:
        """Whether the handshake of a new connection was made."""
        return self._end is not None

    @property
    def is_pending(self) -> bool:
        """Whether a connection was begun since the last request."""
        return bool(self._fds)

    @property
    def is_new(self) -> bool:
        """Whether the last connection was made for this transfer."""
        return self._end is not None or bool(self._fds)

    def clear(self) -> None:
        """Forget the last transfer's."""
        if self.refusal == NOT_NAMED:
            self._easy.setopt(pycurl.SSL_SESSIONID_CACHE, 0)  # to see the next certificate whole
        self.refusal = ""
        self.let_go()

    def let_go(self) -> None:
        """Close the copy of the socket, here and now: in a forked child libcurl's objects last for
        ever, and what they refer to."""
        self._end = None
        self._fds.clear()

    def _is_named_well(self, named_badly: set[str]) -> bool:
        try:
            # pycurl allows no other question from within a callback.
            chain = self._easy.getinfo(pycurl.INFO_CERTINFO)
        except UnicodeDecodeError:
            return True  # libcurl has found the host in it
        if not chain:
            return self._origin not in named_badly
        if _names_a_host(dict(chain[0]).get(_ALTERNATIVE_NAMES, "")):
            named_badly.discard(self._origin)
            return True
        named_badly.add(self._origin)
        return False


def _end_of(fds: list[int], own_port: int) -> HandshakeEnd | None:
    """Of the one that has won the race to connect; None where no descriptor is left for it."""
    for fd in fds:
        with contextlib.suppress(OSError):  # of one that has lost, and is closed
            if len(fds) == 1:
                return HandshakeEnd(fd)
            with socket.socket(fileno=os.dup(fd)) as connection:
                if connection.getsockname()[1] == own_port:
                    return HandshakeEnd(fd)
    return None


class Made:
    """Of one handle, which alone keeps it: weak references lead here. There are none to instances
    of what is compiled."""

    __slots__ = ("__weakref__", "easy", "handshake")

    def __init__(self, easy: Easy, handshake: Handshake | None) -> None:
        self.easy = easy
        self.handshake = handshake
