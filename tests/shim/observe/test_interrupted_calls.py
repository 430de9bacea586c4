"""A signal handler that raises anywhere in an observed call: later calls are no part of that."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Generator, Iterator

import pytest

import onehttp
from onehttp.lowlevel import EmulatedTransaction, TransactionLayer
from onehttp.queries import transaction
from onehttp_backends import contexts, observed
from onehttp_backends.contract import TransferOptions, plain_request
from servers.raw import RawServer, echo
from stand_ins.injection import InstructionInjector, Interrupt, needs_instructions


class Begun(observed.Observer):
    """Counts the calls that have begun."""

    def __init__(self) -> None:
        self.calls = 0

    def call_begins(self, call: observed.Call) -> None:
        self.calls += 1


@pytest.fixture
def begun() -> Iterator[Begun]:
    watching = Begun()
    observed.observe(watching)
    yield watching
    observed.leave(watching)


@needs_instructions
@pytest.mark.parametrize("policies", [{}, {"retry": {"attempts": 2}}])
def test_what_was_interrupted_is_no_call_that_later_ones_are_part_of(
    engine: str, begun: Begun, policies: dict[str, object]
) -> None:
    places: set[tuple[str, str, int]] = set()
    with RawServer(echo) as server:
        connection = {"url": server.url, **policies}
        onehttp.init(connections={"version": 1, "connections": {"c": connection}}, backend=engine)
        get: Callable[[], onehttp.Response] = onehttp.connection("c").get
        get()
        while True:
            injector = InstructionInjector(places, (observed.__file__,))
            with contextlib.suppress(Interrupt), injector.in_force():
                get()
            assert observed.current() is None, injector.place
            if not injector.place:
                break
        before = begun.calls
        get()
        assert begun.calls == before + 1
    assert len(places) > 10


REQUEST = plain_request("GET", "http://a.example/", (), TransferOptions())
CALL = observed.Call(REQUEST)
WAITING = EmulatedTransaction(TransactionLayer(), "INVITE")
BLOCKS: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    "transaction": lambda: onehttp.transaction(WAITING),
    "no transaction": lambda: onehttp.transaction(None),
    "resumed": lambda: observed.resumed(CALL),
    "within": lambda: observed.within(CALL),
    "apart": observed.apart,
}


@needs_instructions
@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_that_is_interrupted_leaves_what_was_before(block: str, outside: bool) -> None:
    before = (WAITING, CALL) if outside else (None, None)
    places: set[tuple[str, str, int]] = set()
    files = (contexts.__file__, observed.__file__, transaction.__file__, contextlib.__file__)

    def through() -> None:
        with BLOCKS[block]():
            pass

    def tried() -> None:
        transaction._current.set(before[0])
        observed._current.set(before[1])
        while True:
            injector = InstructionInjector(places, files)
            injector.run(through)
            assert (transaction.current(), observed.current()) == before, injector.place
            if not injector.place:
                break

    contextvars.copy_context().run(tried)
    assert len(places) > 5


class Answered:
    """A response that is there, as an awaitable that may be left alone."""

    def __init__(self, _: object = None) -> None:
        self._response = onehttp.Response(200, [], b"", REQUEST.url)

    def __await__(self) -> Generator[None, None, onehttp.Response]:
        yield
        return self._response


@needs_instructions
def test_a_task_goes_on_after_it_was_interrupted_and_is_in_no_call(begun: Begun) -> None:
    places: set[tuple[str, str, int]] = set()

    async def both() -> None:
        ways: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: observed.aperformed(Answered, REQUEST),
            lambda: observed.acalled(observed.Call(REQUEST), Answered),
        )
        for attempted in ways:
            while True:
                injector = InstructionInjector(places, (observed.__file__, contexts.__file__))
                with contextlib.suppress(Interrupt), injector.in_force():
                    await attempted()
                assert observed.current() is None, injector.place
                if not injector.place:
                    break

    asyncio.run(both())
    assert len(places) > 10
