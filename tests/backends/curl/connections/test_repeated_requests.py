"""One request made again and again: whose answer a caller gets, and on which engine."""

from __future__ import annotations

import dataclasses
import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from onehttp_backends.contract import Request, Response, TransferOptions
from onehttp_backends.curl import PycurlBackend
from onehttp_backends.errors import EngineClosedError, RequestError, TransferError
from onehttp_backends.observed import Attempt, Observer, leave, observe
from onehttp_backends.optional.repeating import SMALL_BODY_BYTES, Repeating
from servers.patience import PATIENCE_S
from servers.raw import Peer, RawServer

PATIENT = TransferOptions(total_timeout_s=PATIENCE_S)
WIDTH, EACH = 8, 50
pytestmark = pytest.mark.usefixtures("nobody_observes")


def answering(*bodies: bytes, status: int = 200) -> RawServer:
    """A server that gives these bodies in turn."""
    left = itertools.cycle(bodies)

    def behave(peer: Peer) -> None:
        while peer.request():
            body = next(left)
            peer.send(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    return RawServer(behave)


def body_of(answer: Response | tuple[bytes, Response]) -> bytes:
    return answer[0] if isinstance(answer, tuple) else answer.body


def kinds(server: RawServer, count: int, options: TransferOptions = PATIENT) -> list[bool]:
    """Of so many answers: whether each was a body alone."""
    engine = PycurlBackend()
    repeated = engine.repeated(Request("GET", server.url, options=options))
    found = [isinstance(repeated.perform(), tuple) for _ in range(count)]
    engine.close()
    return found


def test_the_body_comes_alone_where_the_head_is_that_of_the_answer_before() -> None:
    assert isinstance(PycurlBackend(), Repeating)
    with answering(b"one", b"two") as server:
        assert kinds(server, 5)[-3:] == [True, True, True]
    with answering(b"one", b"two", b"three") as server:
        assert kinds(server, 7)[-3:] == [True, False, False]


def test_a_body_alone_comes_with_a_response_that_is_like_it_whatever_came_between() -> None:
    """Errors, observed answers and those that another driver read leave nothing wrong behind."""
    turn = 0

    def behave(peer: Peer) -> None:
        nonlocal turn
        while peer.request():
            turn += 1
            if turn % 7 == 0:
                return  # an error, unless the connection was kept: then it is sent again
            name = b"B" if turn % 5 == 0 else b"A"
            peer.send(b"HTTP/1.1 200 X\r\nX-%s: a\r\nContent-Length: 1\r\n\r\n%s" % (name, name))

    observer, alone, failed = Observer(), 0, 0
    for options in (PATIENT, dataclasses.replace(PATIENT, reuse=False)):
        engine = PycurlBackend()
        with RawServer(behave) as server:
            repeated = engine.repeated(Request("GET", server.url, options=options))
            for number in range(70):
                if number % 4 == 3:
                    observe(observer)
                try:
                    answer = repeated.perform()
                except TransferError:
                    failed += 1
                    continue
                finally:
                    leave(observer)
                like = answer[1] if isinstance(answer, tuple) else answer
                alone += isinstance(answer, tuple)
                assert like.status == 200
                assert f"X-{body_of(answer).decode()}" in like.headers
        engine.close()
    assert alone > 20
    assert failed > 5


def test_a_body_alone_follows_no_other_status_and_no_large_body() -> None:
    with answering(b"one", status=404) as server:
        assert not any(kinds(server, 3))
    with answering(b"a" * (SMALL_BODY_BYTES + 1)) as server:
        assert not any(kinds(server, 3))
    with answering(b"a" * SMALL_BODY_BYTES) as server:
        assert any(kinds(server, 3))


@pytest.mark.parametrize(
    "changes", [{"decompress": True}, {"max_redirects": 3}, {"max_redirects": 3, "reuse": False}]
)
def test_what_takes_a_closer_look_comes_whole(changes: dict[str, object]) -> None:
    with answering(b"one") as server:
        assert not any(kinds(server, 3, dataclasses.replace(PATIENT, **changes)))  # type: ignore[arg-type]  # as given above


@pytest.mark.parametrize("reuse", [True, False])
def test_threads_that_share_one_get_each_their_own_answer(reuse: bool) -> None:
    numbers = [b"%04d" % number for number in range(WIDTH * EACH)]
    options = dataclasses.replace(PATIENT, reuse=reuse)
    with answering(*numbers) as server, ThreadPoolExecutor(WIDTH) as threads:
        engine = PycurlBackend()
        repeated = engine.repeated(Request("GET", server.url, options=options))

        def some(_: int) -> list[bytes]:
            answers = [repeated.perform() for _ in range(EACH)]
            return [body_of(one) for one in answers]

        found = [body for bodies in threads.map(some, range(WIDTH)) for body in bodies]
        assert sorted(found) == numbers
        assert engine.stats().completed == len(numbers)
        engine.close()


def test_observers_are_told_of_each_time() -> None:
    seen: list[object] = []

    class Noting(Observer):
        def attempt_ends(self, attempt: Attempt, outcome: object) -> None:
            seen.append(outcome)

    observer = Noting()
    with answering(b"one") as server:
        engine = PycurlBackend()
        repeated = engine.repeated(Request("GET", server.url, options=PATIENT))
        repeated.perform()
        observe(observer)
        try:
            told = [repeated.perform(), repeated.perform()]
        finally:
            leave(observer)
        assert seen == told
        assert all(isinstance(one, Response) for one in told)
        engine.close()


def test_a_forked_child_and_a_closed_engine_are_as_for_any_request() -> None:
    with answering(b"one") as server:
        engine = PycurlBackend()
        repeated = engine.repeated(Request("GET", server.url, options=PATIENT))
        assert [isinstance(repeated.perform(), tuple) for _ in range(3)][-1]
        if (child := os.fork()) == 0:
            os._exit(0 if engine._helm is None and repeated.perform() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert body_of(repeated.perform()) == b"one"
        engine.close()
        with pytest.raises(EngineClosedError):
            repeated.perform()


def test_errors_are_as_for_any_request() -> None:
    engine = PycurlBackend()
    with pytest.raises(RequestError):
        engine.repeated(Request("GET", "no url"))
    bad = engine.repeated(Request("GET", "http://127.0.0.1:1", headers=(("a b", "c"),)))
    for _ in range(2):
        with pytest.raises(RequestError):
            bad.perform()
    refused = engine.repeated(Request("GET", "http://127.0.0.1:1", options=PATIENT))
    for _ in range(2):
        with pytest.raises(TransferError) as caught:
            refused.perform()
        assert caught.value.code == 7
    engine.close()
