"""Makes outcomes of finished handles, and counts them."""

from __future__ import annotations

import os
from collections import Counter
from typing import Final, TypeAlias

import pycurl

from onehttp_backends.contract import Outcome, Peer, Request, Response, Stats
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.libcurl import LIBCURL
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.curl.one_shot import OneShotCounts
from onehttp_backends.curl.reading.heads import is_all_there
from onehttp_backends.curl.reading.outcome import (
    VERSION_NAMES,
    fault_of,
    read_error,
    read_response,
)
from onehttp_backends.curl.receiving.facts import CONN_ID, MAX_KNOWN_PEERS
from onehttp_backends.curl.receiving.switching import SWITCHING, switched
from onehttp_backends.curl.sockets import SocketWatch
from onehttp_backends.curl.stream_refusals import is_reset_by_server
from onehttp_backends.errors import CurlCode, Sent, TransferError, transfer_error
from onehttp_backends.optional.repeating import SMALL_BODY_BYTES, BodyAlone
from onehttp_backends.rules.framing import is_ambiguous
from onehttp_backends.rules.status_lines import StatusLine

_ACTIVE_SOCKET: Final = pycurl.ACTIVESOCKET
_NUM_CONNECTS: Final = pycurl.NUM_CONNECTS
_MULTIPLEXED: Final = frozenset({"2", "3"})
_OF_HEAD: Final = (CurlCode.GOT_NOTHING, CurlCode.UNSUPPORTED_PROTOCOL)
"""After these the response has not ended, but libcurl (8.23) would use its connection again."""
_OF_CONNECTION: Final = ("nghttp2 ", "Too large response headers", "Too many response headers")
"""What was wrong with a connection of HTTP/2 as a whole: of some of it, such as a flood, libcurl
(8.23) would use it again, in vain."""
_MULTI_IS_DEAD: Final = 11
"""``CURLM_ABORTED_BY_CALLBACK``: a callback of the multi's has failed."""
_NO_MEMORY: Final = "no memory left for the response"
_OK: Final = 200
Answer: TypeAlias = "Outcome | BodyAlone"


class Earlier:
    """A response to a request that is made again and again, which later ones may be like."""

    __slots__ = ("head", "response")

    def __init__(self) -> None:
        self.head: list[bytes] | None = None
        """Its head; None if there is no such response."""
        self.response: Response
        """Its status is 200, its body is small, and nothing was wrong with it. It exists
        whenever there is a head."""


class Account:
    """Outcomes of one engine. Only its driver makes them; any thread may read the counts."""

    def __init__(self, watch: SocketWatch, names: Names) -> None:
        self._names = names
        self._watch = watch
        self.pid = os.getpid()
        """Whose engine it is: a forked child's is another."""
        self._briefs: dict[StatusLine, Response] = {}
        self.completed = self.failed = self.cancelled = 0
        self.opened = self.reused = 0
        self.callback_errors = 0
        self.by_version = dict.fromkeys(VERSION_NAMES.values(), 0)
        self.one_shot = OneShotCounts()

    def outcome(self, handle: Handle, request: Request, code: int, text: str) -> Outcome:
        """The outcome of a handle that has finished, and is still in the multi."""
        is_over = code == 0 or handle.was_truncated
        if is_over or (is_reset_by_server(code, text) and is_all_there(handle)):
            return self.answered(handle, request)
        if code == CurlCode.WRITE_ERROR and handle.body.closed:
            # pycurl prints the MemoryError of a body that grows, and libcurl says "write error".
            code, text = CurlCode.OUT_OF_MEMORY, _NO_MEMORY
        elif code == CurlCode.OPERATION_TIMEDOUT and not handle.shelf.is_http1:
            self._note_silence(handle)
        elif text.startswith(_OF_CONNECTION):
            self._watch.mistrust(handle.getinfo(_ACTIVE_SOCKET))
        return self._failed(handle, read_error(handle, request, code, text))

    def answered(self, handle: Handle, request: Request, opened: int | None = None) -> Outcome:
        """The same of one that libcurl has found nothing wrong with.

        Args:
            opened: how many connections were opened for it, where that is known.
        """
        shelf, getinfo, received = handle.shelf, handle.getinfo, handle.head
        head, line = shelf.plain_head
        is_like_last = received == head
        try:
            if not is_like_last:
                head, line = received.copy(), shelf.status_lines.of_only_head(received)
            if line is None or handle.decoding is not None:
                error = fault_of(handle, request)
                if error is not None:
                    if error.code in _OF_HEAD:
                        self._watch.mistrust(getinfo(_ACTIVE_SOCKET))
                    return self._failed(handle, error)
            if opened is None:
                opened = getinfo(_NUM_CONNECTS)
            response = read_response(handle, opened, head, line)
        except MemoryError:
            error = read_error(handle, request, CurlCode.OUT_OF_MEMORY, _NO_MEMORY)
            return self._failed(handle, error)
        if response.status == SWITCHING and not (shelf.closes or handle.options.as_libcurl):
            self._watch.mistrust(getinfo(_ACTIVE_SOCKET))  # libcurl would use it again
            return self._failed(handle, switched(request))
        version = response.http_version
        self.by_version[version] += 1
        self.completed += 1
        if shelf.closes:
            self.opened += opened
            if not is_like_last:
                shelf.note_plain_head(head, line)
            return response
        shelf.may_be_http2 = is_multiplexed = version in _MULTIPLEXED
        if opened:
            self.opened += opened
            if CONN_ID:
                self._note_peer(getinfo(CONN_ID), response.peer)
        else:
            self.reused += 1
        # Who has opened a connection of HTTP/2 may have gone to another: its stream was refused.
        if opened or is_multiplexed:
            self._watch.note_use(fd := getinfo(_ACTIVE_SOCKET), is_multiplexed)
            if is_multiplexed:
                shelf.shared = self._watch.socket(fd)
        if not is_like_last:
            if not is_multiplexed and is_ambiguous(head):
                self._watch.mistrust(getinfo(_ACTIVE_SOCKET))
            else:
                shelf.note_plain_head(head, line)
        return response

    def answered_again(
        self, handle: Handle, request: Request, opened: int | None, earlier: Earlier
    ) -> Answer:
        """The same, or the body alone of a response that is like ``earlier`` in all but that."""
        shelf = handle.shelf
        if (
            handle.head == earlier.head
            and (opened == 0 or (opened and shelf.closes))
            and handle.decoding is None
        ):
            try:
                body = handle.body.getvalue()
            except MemoryError:
                pass  # the error is made below
            else:
                like = earlier.response
                self.by_version[like.http_version] += 1
                self.completed += 1
                if shelf.closes:
                    self.opened += opened
                else:
                    self.reused += 1
                return body, like
        outcome = self.answered(handle, request, opened)
        # A head that the shelf has not kept is one that needs a closer look each time.
        earlier.head = None
        if (
            isinstance(outcome, Response)
            and outcome.status == _OK
            and outcome._head is shelf.plain_head[0]
            and not (shelf.may_be_http2 or handle.options.max_redirects)
            and len(outcome.body) <= SMALL_BODY_BYTES
        ):
            earlier.response = outcome
            earlier.head = outcome._head
        return outcome

    def brief(self, handle: Handle, statuses: frozenset[int]) -> Response | None:
        """The shared response of an answer whose status is one of ``statuses``.

        None: it has another status, or needs a closer look; see `outcome`.
        """
        head, shelf = handle.head, handle.shelf
        line = shelf.status_lines.of_only_head(head)
        if (
            line is None
            or line[0] not in statuses
            or line[1] in _MULTIPLEXED
            or shelf.closes
            or handle.decoding is not None
            or handle.getinfo(_NUM_CONNECTS)
            or is_ambiguous(head)
        ):
            return None
        self.by_version[line[1]] += 1
        self.reused += 1
        self.completed += 1
        shelf.may_be_http2 = False
        return self._briefs.get(line) or self._briefs.setdefault(line, _brief(line))

    def _note_silence(self, handle: Handle) -> None:
        """After a timeout over HTTP/2: stop new transfers from using a silent connection."""
        getinfo = handle.easy.getinfo
        if getinfo(pycurl.REQUEST_SIZE):
            waited_s = getinfo(pycurl.TOTAL_TIME) - getinfo(pycurl.PRETRANSFER_TIME)
            handle.shelf.silent = self._watch.note_timeout(getinfo(_ACTIVE_SOCKET), waited_s)

    def sent_so_far(self, handle: Handle, request: Request) -> Sent:
        """How far the request got of a transfer that is taken out of the multi."""
        return read_error(handle, request, CurlCode.ABORTED_BY_CALLBACK, "").sent

    def refused(self, error: pycurl.error) -> Outcome:
        """Handle the refusal of a handle by the multi.

        Raises:
            pycurl.error: the multi will refuse all others as well.
        """
        if error.args[0] == _MULTI_IS_DEAD:
            raise error
        self.failed += 1
        return transfer_error(
            CurlCode.FAILED_INIT, f"libcurl takes no more transfers: {error.args[-1]}"
        )

    def stats(self, in_flight: int) -> Stats:
        """See `Stats`. Each number is read once, and those of a dict in one step."""
        one_shot = self.one_shot
        completed = self.completed + one_shot.completed
        failed = self.failed + one_shot.failed
        cancelled = self.cancelled + one_shot.cancelled
        return Stats(
            backend="pycurl",
            library=LIBCURL.name,
            transfers=completed + failed + cancelled + in_flight,
            completed=completed,
            failed=failed,
            cancelled=cancelled,
            in_flight=in_flight,
            connections_opened=self.opened + one_shot.opened,
            connections_reused=self.reused,
            connections_open=len(self._watch.open_sockets()) + len(self._watch.unseen),
            callback_errors=self.callback_errors,
            lookups=self._names.lookups,
            lookups_in_flight=self._names.in_flight,
            global_inits=LIBCURL.global_inits,
            by_http_version=dict(
                Counter(self.by_version.copy()) + Counter(dict(one_shot.by_version))
            ),
        )

    def _failed(self, handle: Handle, error: TransferError) -> TransferError:
        getinfo = handle.easy.getinfo
        opened = getinfo(_NUM_CONNECTS)
        self.opened += opened
        self.failed += 1
        if opened and (fd := getinfo(_ACTIVE_SOCKET)) >= 0:
            # What is wrong with the answer is not with its connection, which libcurl keeps.
            version = getinfo(pycurl.INFO_HTTP_VERSION)
            is_known = version or handle.shelf.is_http1
            is_multiplexed = VERSION_NAMES.get(version) in _MULTIPLEXED or not is_known
            self._watch.note_use(fd, is_multiplexed)
        return error

    def head(self, handle: Handle) -> Response:
        """The response without its body, which is still to come."""
        response = self.read(handle)
        fd = handle.easy.getinfo(_ACTIVE_SOCKET)
        self._watch.note_use(fd, response.http_version in ("2", "3"))
        return response

    def read(self, handle: Handle) -> Response:
        """The response, without counting it."""
        opened = handle.getinfo(_NUM_CONNECTS)
        response = read_response(handle, opened, handle.head.copy())
        handle.settle()  # the transfer goes on
        return response

    def _note_peer(self, connection: int, peer: Peer) -> None:
        peers = self._watch.peers
        if len(peers) >= MAX_KNOWN_PEERS:
            peers.clear()
        peers[connection] = peer


def _brief(line: StatusLine) -> Response:
    status, version = line
    return Response(status, [], b"", "", version, is_reused=True)
