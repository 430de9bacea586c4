"""Times and peer of a response are read when asked for, whatever has become of the handle."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import threading
from collections.abc import Callable, Iterator

import pycurl
import pytest

from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.curl.handle import Handle
from onehttp_backends.curl.reading.outcome import read_response
from onehttp_backends.curl.receiving.facts import TIMES_OF_ANY, facts_of
from onehttp_backends.errors import RequestError, TransferError
from onehttp_backends.optional.streaming import Opening, StreamLimits
from onehttp_backends.response import NO_PEER, Facts, Unread, new_response
from servers.patience import PATIENCE_S
from servers.raw import OK, Peer, RawServer
from stand_ins.ways import WAYS, Way, one_shot

PATIENT = TransferOptions(total_timeout_s=10 * PATIENCE_S)


def ok_but_for_bad(peer: Peer) -> None:
    while request := peer.request():
        if b" /bad " in request.split(b"\r\n")[0]:
            return
        peer.send(OK)


class Answered:
    """A response on a kept connection, and what libcurl says of its transfer."""

    def __init__(self, engine: PycurlBackend, way: Way, server: RawServer) -> None:
        self.engine = engine
        self.request = Request("GET", server.url, options=PATIENT)
        self.bad = self.request._replace(url=f"{server.url}/bad")
        assert isinstance(way(engine, self.request), Response)
        response = way(engine, self.request)
        assert isinstance(response, Response)
        assert response.is_reused
        self.response = response
        self.origin = server.url
        self.handle = engine._start().engine.pool.take(PATIENT, server.url)
        self.handle.shelf.idle.append(self.handle)
        self.times = list(map(self.handle.getinfo, TIMES_OF_ANY))
        self.place = "127.0.0.1", server.port

    def check(self, response: Response) -> None:
        assert [us for us in response.timings if us] == self.times
        assert response.peer == self.place


@pytest.fixture(
    params=[way for way in WAYS if way is not one_shot], ids=lambda way: str(way.__name__)
)
def answered(request: pytest.FixtureRequest) -> Iterator[Answered]:
    engine = PycurlBackend()
    with RawServer(ok_but_for_bad) as server:
        yield Answered(engine, request.param, server)
        engine.close()


def called_again(at: Answered) -> None:
    at.engine.perform(at.request)


def failed_again(at: Answered) -> None:
    with pytest.raises(TransferError):
        at.engine.perform(at.bad)


def refused(at: Answered) -> None:
    with pytest.raises(RequestError):
        at.engine.perform(at.request._replace(headers=(("X", "\n"),)))


def one_more_than_is_kept(at: Answered) -> None:
    at.handle.shelf.keeps = 1
    at.engine._start().engine.pool.give_back(at.handle)


def forgotten(at: Answered) -> None:
    at.engine.forget(PATIENT)


def closed(at: Answered) -> None:
    at.engine.close()


def read_before(at: Answered) -> None:
    at.check(at.response)
    at.engine.perform(at.request)


EVENTS = [
    called_again,
    failed_again,
    refused,
    one_more_than_is_kept,
    forgotten,
    closed,
    read_before,
]


@pytest.mark.parametrize("event", EVENTS)
def test_they_outlive(answered: Answered, event: Callable[[Answered], None]) -> None:
    event(answered)
    answered.check(answered.response)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_copy_has_them_too(answered: Answered, copied: Callable[[Response], object]) -> None:
    made = copied(answered.response)
    called_again(answered)
    answered.check(pickle.loads(made) if isinstance(made, bytes) else made)  # type: ignore[arg-type]  # of type object


def test_a_forked_child_has_them(answered: Answered) -> None:
    if not (child := os.fork()):
        answered.engine.perform(answered.request)
        times = [us for us in answered.response.timings if us]
        os._exit(times != answered.times)
    assert os.waitpid(child, 0)[1] == 0
    answered.check(answered.response)


def test_nothing_is_asked_of_libcurl_for_a_response_that_is_gone(answered: Answered) -> None:
    del answered.response
    asked: list[int] = []
    handle = answered.handle
    answered_before = handle.getinfo

    def getinfo(info: int) -> object:
        asked.append(info)
        return answered_before(info)

    handle.getinfo = getinfo
    called_again(answered)
    called_again(answered)
    assert not set(asked).intersection(TIMES_OF_ANY)


def test_a_handle_is_left_to_the_response_that_may_ask_it(answered: Answered) -> None:
    pool, kept = answered.engine._start().engine.pool, answered.handle
    assert pool.take(PATIENT, answered.origin) is kept
    other = pool.take(PATIENT, answered.origin)
    for order in ([other, kept], [kept, other]):
        kept.shelf.idle[:] = order
        assert [pool.take(PATIENT, answered.origin) for _ in order] == [other, kept]
    del answered.response
    kept.shelf.idle[:] = [other, kept]
    assert pool.take(PATIENT, answered.origin) is kept
    kept.shelf.idle.append(kept)


class Used:
    """A handle that another thread uses once so many of its facts have been read."""

    def __init__(self, read_before: int, fails: bool) -> None:
        self._left = read_before
        self._fails = fails
        self.is_used = False
        self.response: Response | None = None

    def facts(self) -> Facts | None:
        times = tuple(map(self._getinfo, TIMES_OF_ANY))
        if self.is_used and self._fails:
            raise pycurl.error(0, "cannot invoke getinfo() - no curl handle")
        return times, NO_PEER

    def _getinfo(self, info: int) -> int:
        if not self.is_used and not self._left:
            # What `Handle.settle` does in a thread that is about to use the handle.
            self._left = -1
            assert self.response is not None
            thread = threading.Thread(target=self.response.settled)
            thread.start()
            thread.join()
            self.is_used = True
        self._left -= 1
        return 0 if self.is_used else info


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("read_before", range(len(TIMES_OF_ANY)))
def test_they_are_right_if_the_handle_is_used_while_they_are_read(
    read_before: int, fails: bool
) -> None:
    handle = Used(read_before, fails)
    handle.response = response_of(handle)
    assert handle.response.settled() == (TIMES_OF_ANY, NO_PEER)
    assert handle.is_used
    assert handle.response.settled() == (TIMES_OF_ANY, NO_PEER)


class Answering:
    """What `Handle.facts` makes of the answers of a `getinfo`."""

    def __init__(self, getinfo: Callable[[int], int]) -> None:
        self._getinfo = getinfo

    def facts(self) -> Facts | None:
        return facts_of(self._getinfo, {}, "/socket")


def response_of(handle: Unread) -> Response:
    return new_response(200, "1.1", [], b"", "", handle, True, False, 0, False)


def test_it_does_not_hide_that_libcurl_cannot_be_asked() -> None:
    def refuse(_info: int) -> int:
        raise pycurl.error(0, "closed")

    with pytest.raises(pycurl.error):
        response_of(Answering(refuse)).settled()


def test_closing_a_handle_keeps_them(answered: Answered) -> None:
    assert isinstance(answered.handle, Handle)
    answered.handle.shelf.idle.clear()
    answered.handle.close()
    answered.check(answered.response)


def test_all_that_ask_for_the_times_of_one_transfer_keep_them(answered: Answered) -> None:
    """The response of a stream that came in one turn is read for its end, and for its head."""
    handle = answered.handle
    first = read_response(handle, 0, handle.head.copy())
    second = read_response(handle, 0, handle.head.copy())
    called_again(answered)
    answered.check(first)
    answered.check(second)


def opened_in_thread(engine: PycurlBackend, opening: Opening) -> Response:
    opened = engine.open(opening)
    while opened.take():
        pass
    opened.close()
    return opened.response


def opened_in_task(engine: PycurlBackend, opening: Opening) -> Response:
    async def read() -> Response:
        opened = await engine.aopen(opening)
        while await opened.atake():
            pass
        opened.close()
        return opened.response

    return asyncio.run(read())


@pytest.mark.parametrize("body", [b"", b"x" * 10, b"x" * 1_000_000])
@pytest.mark.parametrize("opened", [opened_in_thread, opened_in_task])
def test_those_of_a_stream_outlive_its_handle(
    opened: Callable[[PycurlBackend, Opening], Response], body: bytes
) -> None:
    def answer(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    engine = PycurlBackend()
    with RawServer(answer) as server:
        opening = Opening(Request("GET", server.url, options=PATIENT), StreamLimits())
        for _ in range(3):
            response = opened(engine, opening)
            assert response.timings.total_us > 0
            assert pickle.loads(pickle.dumps(response)).timings == response.timings
        assert response.is_reused
        engine.close()


def test_whoever_comes_while_the_handle_is_let_go_of_waits_for_that() -> None:
    left = iter(range(3))

    def getinfo(info: int) -> int:
        if next(left, None) is not None:
            raise pycurl.error("cannot invoke getinfo() - perform() is currently running")
        return info

    assert response_of(Answering(getinfo)).settled()[0] == TIMES_OF_ANY


@pytest.mark.parametrize("opened", [opened_in_thread, opened_in_task])
def test_those_of_a_stream_are_kept_before_its_reader_sees_the_end(
    opened: Callable[[PycurlBackend, Opening], Response],
) -> None:
    backend = PycurlBackend()
    engine = backend._start().engine
    seen: list[bool] = []
    remove = engine._remove

    def noting(easy: pycurl.Curl) -> None:
        assert engine.ending is not None
        outcome = engine.ending.outcome
        assert isinstance(outcome, Response)
        seen.append(isinstance(outcome._facts, tuple))
        remove(easy)

    engine._remove = noting
    with RawServer(ok_but_for_bad) as server:
        opening = Opening(Request("GET", server.url, options=PATIENT), StreamLimits())
        for _ in range(3):
            opened(backend, opening)
        backend.close()
    assert seen == [True] * 3
