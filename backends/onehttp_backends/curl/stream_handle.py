"""The easy handle of one streamed transfer. It is used once.

Pieces of a response are appended to a deque by C code alone: no Python function runs for them in
libcurl's callbacks. The driver looks at the deque after each turn (`engine.streams`), and pauses
the transfer there.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections import deque
from typing import Final

import pycurl

from onehttp_backends.bodies.upload import Sending
from onehttp_backends.contract import Request
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.idle_limit import Progress, StreamProgress
from onehttp_backends.curl.libcurl import Easy
from onehttp_backends.curl.receiving.passing_by import PassingBy
from onehttp_backends.curl.sending_guard import OpenedSockets
from onehttp_backends.curl.shelf import Shelf
from onehttp_backends.curl.signal_safe import data_callback, seek_callback
from onehttp_backends.errors import UploadError
from onehttp_backends.optional.streaming import StreamLimits
from onehttp_backends.rules.request_rules import check_options

UPLOAD_BUFFER_BYTES: Final = 1024 * 1024
"""Given to the kernel in one or two turns. Of 256 KiB each, a fifth more CPU was measured."""
RECEIVE_BUFFER_BYTES: Final = 128 * 1024
"""libcurl fills up to 22 of these each time it is shown a socket, 2.8 MiB, and 11 by `perform`.
Of 64 KiB each, a third more CPU was measured."""
KEPT_BYTES: Final = 4 * 1024 * 1024


@functools.cache
def keep_freed_memory() -> None:
    """Keep freed memory in the process, for the next pieces of a stream.

    glibc returns free memory at the end of its heap to the kernel, and requests as much again a
    moment later, page by page: that was half of the CPU time of a stream. Once a separately mapped
    block has been freed, glibc keeps up to twice its size (mallopt(3), M_MMAP_THRESHOLD). This does
    nothing with other C libraries.
    """
    bytes(KEPT_BYTES)


class StreamHandle(Handle):
    """Its bodies are kept elsewhere: the response goes to ``pieces``, the request comes from
    ``sending``."""

    __slots__ = ("_framing", "_is_framed", "ends_at", "has_unsent", "is_paused", "lone_fd",
                 "pieces", "resume_again_at", "resumed_at", "sending", "sending_fd",
                 "sent_until")  # fmt: skip

    progress_of = StreamProgress

    def __init__(
        self,
        request: Request,
        origin: str,
        limits: StreamLimits,
        sending: Sending | None,
        watch: OpenedSockets,
        paused: deque[Easy],
        named_badly: set[str],
    ) -> None:
        check_options(request.options)
        keep_freed_memory()
        idle_s = limits.idle_s if sending else request.options.idle_timeout_s
        auth = request.options.auth
        if auth is not None and sending is not None:
            auth = dataclasses.replace(auth, asks_first=True)  # it may be read only once
        options = dataclasses.replace(
            request.options,
            auth=auth,
            idle_timeout_s=idle_s,
            max_body_bytes=0,
            body_policy="fail",
        )
        shelf: Shelf[Handle] = Shelf(options, origin)
        shelf.is_forgotten = True  # it is not used again
        super().__init__(shelf, watch, paused, named_badly)
        self.ends_at = math.inf
        self.is_paused = False
        self.lone_fd = -1
        """The socket that its body comes over, and nothing else, nor goes anything out; -1: none is
        known to be."""
        self.pieces: deque[bytes] = deque()
        self.sending = sending
        self.sending_fd = -1
        """The socket that a body is on its way out by; -1: none is known to be."""
        self.has_unsent = False
        """libcurl, which reads ahead, has bytes of the body that the kernel has not taken yet."""
        self.sent_until = 0
        """So many bytes of the body has libcurl passed on."""
        self.resumed_at = -1
        """`sent_until` when libcurl was last told to pass on the others."""
        self.resume_again_at = 0.0
        self._framing = 0
        """The bytes that frame the chunks of the body, if it is sent in chunks."""
        self._is_framed = False
        """It is: libcurl has sent more bytes than it was given."""
        self.decoding = None  # done by who reads, a piece at a time
        self.easy.setopt(pycurl.BUFFERSIZE, RECEIVE_BUFFER_BYTES)
        self.easy.setopt(pycurl.WRITEFUNCTION, self.pieces.append)
        if isinstance(self.progress, StreamProgress):
            self.progress.handle = self
        self.prepare(request)
        if sending is not None:
            self._prepare_upload(request, sending)

    @property
    def waits_for_us(self) -> bool:
        """Whether it stands still because of our side: the reader, or the source of the body."""
        sending = self.sending
        return self.is_paused or (
            sending is not None and sending.is_starved and not self.has_unsent
        )

    @property
    def pause_bits(self) -> int:
        return int(pycurl.PAUSE_RECV if self.is_paused else pycurl.PAUSE_CONT)

    def begin_body(self, limits: StreamLimits) -> Progress | None:
        """Apply the limits of the body, now that the head is complete; returns what to watch for
        them."""
        left_s = max(0.001, limits.ends_at - time.monotonic())
        if left_s < math.inf or limits.idle_s:
            if not isinstance(self.progress, StreamProgress):
                self.progress = StreamProgress(self.easy, self.shelf, self.head, self._watch)
                self.progress.handle = self
            self.progress.limit_s = min(limits.idle_s or math.inf, left_s)
        self.ends_at = limits.ends_at
        self.easy.setopt(pycurl.TIMEOUT_MS, 0)
        return self.progress

    def go_on(self) -> None:
        """Resume: the reader has caught up, or the source has given more."""
        self.is_paused = False
        if isinstance(self.progress, StreamProgress):
            self.progress.touch()
        self.easy.pause(pycurl.PAUSE_CONT)

    def note_unsent(self, sending: Sending) -> None:
        """Note whether libcurl has passed on all that it was given.

        Over HTTP/2 it keeps some more bytes of each stream, which count as passed on. It sends them
        as soon as it can, also while it is paused.
        """
        if sending.is_fed:
            sent = self.sent_until = self.easy.getinfo(pycurl.SIZE_UPLOAD_T)
            self._is_framed = self._is_framed or 0 < sent - sending.taken <= self._framing
            self.has_unsent = sent < sending.taken + self._framing * self._is_framed

    def forget_answer(self) -> None:
        super().forget_answer()
        self.pieces.clear()

    def _pass_redirects_by(self, passes_by: bool) -> None:
        passing = PassingBy(self, self.pieces.append)
        self.easy.setopt(pycurl.HEADERFUNCTION, self.receiving(passing.note))
        self.easy.setopt(pycurl.WRITEFUNCTION, self.receiving(passing.write))
        self.passes_redirects_by = passes_by

    def _prepare_upload(self, request: Request, sending: Sending) -> None:
        setopt, size = self.easy.setopt, sending.upload.size
        if self.progress:
            self.progress.sends = True
        self._set_headers(request.headers, None, not self.options.expect_continue)
        setopt(pycurl.UPLOAD, 1)
        setopt(pycurl.CUSTOMREQUEST, request.method)
        setopt(pycurl.INFILESIZE_LARGE, -1 if size is None else size)
        setopt(pycurl.UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES)
        read = data_callback(self._read, pycurl.READFUNC_ABORT, self.note_interrupt)
        setopt(pycurl.READFUNCTION, read)
        # libcurl sends it again by itself: after a challenge, or on another connection.
        setopt(pycurl.SEEKFUNCTION, seek_callback(sending.rewind, self.note_interrupt))

    def _read(self, most: int) -> bytes | int:
        sending = self.sending
        assert sending is not None
        try:
            if sending.is_over:
                return int(pycurl.READFUNC_ABORT)
            piece = sending.take(most)
        except UploadError as error:
            sending.error = error  # told by who made the call
            return int(pycurl.READFUNC_ABORT)
        if piece is None:
            return int(pycurl.READFUNC_PAUSE)
        self._framing += len(f"{len(piece):x}") + 4
        return piece
