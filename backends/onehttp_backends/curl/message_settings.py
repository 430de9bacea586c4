"""The settings of an easy handle for one message: method, body, headers."""

from __future__ import annotations

import pycurl

from onehttp_backends.contract import TransferOptions
from onehttp_backends.curl.header_lines import header_lines, usual_lines
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.options import announced_bytes
from onehttp_backends.curl.sending_guard import OpenedSockets, SendingGuard
from onehttp_backends.curl.stream_refusals import noting_refusals
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.rules.framing import check_framing
from onehttp_backends.rules.methods import SAFE_METHODS
from onehttp_backends.rules.url_paths import in_ascii

EXPECT_THRESHOLD_BYTES = 1024 * 1024
"""From this size on libcurl asks ``Expect: 100-continue`` and waits a second for the answer."""
KEEP_BODY_BYTES = 64 * 1024
"""A larger request body is let go of when its transfer ends, not when the handle is used again."""
GET = ("GET", False)
_HTTP_HEADER = pycurl.HTTPHEADER
NO_HEADERS: HeaderPairs = (("", ""),)
"""Equal to no request's headers: the settings of the handle are not known."""


class MessageSettings(SendingGuard):
    """Sets the options that differ from the previous message, and remembers them once they are
    set."""

    __slots__ = (
        "_closes",
        "_expects_nothing",
        "_frames_itself",
        "_headers",
        "_limit_announced",
        "_most_announced",
        "_verb",
        "easy",
        "getinfo",
        "pause",
        "setopt",
    )

    def __init__(self, easy: Easy, options: TransferOptions, watch: OpenedSockets) -> None:
        super().__init__(options, watch)
        self.easy = easy
        self.getinfo, self.setopt, self.pause = easy.getinfo, easy.setopt, easy.pause
        """Bound once: pycurl makes a method anew whenever it is asked for one."""
        self._verb = GET
        self._headers: HeaderPairs = ()
        self._expects_nothing = False
        self._frames_itself = False
        self._closes: bool | None = False
        self._most_announced = announced_bytes(options)
        """The largest size that may be announced before libcurl ends the transfer; 0 = any."""
        self._limit_announced: int | None = self._most_announced

    def note_sent(self) -> None:
        """It is about to be put in again, which makes libcurl forget what has gone out."""
        if self.getinfo(pycurl.REQUEST_SIZE):
            self.was_sent = True

    def have_openings_reported(self) -> None:
        """Have libcurl call back for each socket: it does not run alone."""
        if self.opens_unseen:
            self.easy.setopt(pycurl.SOCKOPTFUNCTION, self._watch.opening)
            self.opens_unseen = False

    def _in_bytes(self, url: str) -> bytes:
        """libcurl encodes what is not ASCII in a path, and leaves it in a query."""
        return url.encode() if self.options.as_libcurl else in_ascii(url).encode()

    def _set_verb(self, verb: tuple[str, bool], may_be_http2: bool) -> None:
        method, has_body = verb
        setopt = self.easy.setopt
        self._verb = ("", False)  # unknown, should one of the next calls fail
        if method == "HEAD":
            setopt(pycurl.NOBODY, 1)
        else:
            setopt(pycurl.NOBODY, 0)
            setopt(pycurl.POST if has_body else pycurl.HTTPGET, 1)
        if (
            method == "HEAD"
            or (method == "GET" and not has_body)
            or (method == "POST" and has_body and not self.options.redirects_keep_method)
        ):
            self.easy.unsetopt(pycurl.CUSTOMREQUEST)
        else:
            setopt(pycurl.CUSTOMREQUEST, method)
        # What an answer to HEAD announces does not come.
        most_announced = 0 if method == "HEAD" else self._most_announced
        if most_announced != self._limit_announced:
            self._limit_announced = None
            setopt(pycurl.MAXFILESIZE_LARGE, most_announced)
            self._limit_announced = most_announced
        guards_resend = method not in SAFE_METHODS and not self.options.unsafe_resend
        if guards_resend is not self._guards_resend or may_be_http2 is not self._may_be_http2:
            self._set_guard(guards_resend, may_be_http2)
        self._verb = verb

    def _set_guard(self, guards_resend: bool, may_be_http2: bool) -> None:
        setopt = self.easy.setopt
        self._guards_resend = None
        is_always_asked = self.options.peers == "public" or self.handshake is not None
        if guards_resend or may_be_http2 or is_always_asked:
            setopt(pycurl.PREREQFUNCTION, self.asked())
        else:
            self.easy.unsetopt(pycurl.PREREQFUNCTION)
        # It takes libcurl its time to write: not for what may be repeated anyway.
        self._read_log(guards_resend and may_be_http2)
        self._may_be_http2 = may_be_http2
        self._guards_resend = guards_resend

    def _read_log(self, reads_log: bool) -> None:
        if reads_log is not self._reads_log:
            self._reads_log = None
            note = noting_refusals(self.stream_refusals, self.full_connections, self.raised)
            self.easy.setopt(pycurl.DEBUGFUNCTION, note)
            self.easy.setopt(pycurl.VERBOSE, int(reads_log))
            self._reads_log = reads_log

    def may_not_be_repeated(self) -> None:
        """It goes out for the last time; should it be refused once more, that is to be told."""
        super().may_not_be_repeated()
        if self._may_be_http2:
            self.keep_log()

    def keep_log(self) -> bool:
        """Keep libcurl's log for this transfer, too. False: it is kept already."""
        if self._reads_log:
            return False
        self._verb, self._guards_resend = ("", False), self._guards_resend or None
        self._read_log(True)
        return True

    def _set_headers(self, headers: HeaderPairs, body: bytes | None, expects_nothing: bool) -> None:
        lines, closes, frames, expects = usual_lines(headers), False, False, False
        if lines is None:
            lines, closes, frames, expects = header_lines(headers, self.options.as_libcurl)
        self._headers = NO_HEADERS
        self._frames_itself = False
        if frames:
            if self.options.as_libcurl:
                # What is not the body's length may leave bytes for the next request.
                closes = True
            else:
                check_framing(headers, body)
                self._frames_itself = True
        if closes is not self._closes:
            # libcurl does not read its caller's headers, and would use the connection again.
            self._closes = None
            self.easy.setopt(pycurl.FORBID_REUSE, int(closes or not self.options.reuse))
            self._closes = closes
        if expects_nothing and not expects:
            lines = [*lines, "Expect:"]
        if lines:
            self.setopt(_HTTP_HEADER, lines)
        else:
            self.easy.unsetopt(pycurl.HTTPHEADER)
        self._expects_nothing = expects_nothing
        self._headers = headers
