"""Lookups in threads: one for each name, bounded, and nobody is forgotten."""

from __future__ import annotations

import _thread
import queue
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from onehttp_backends.curl.names.lookup import Addresses, Answer, Lookup, Name, NoAddress, Told
from onehttp_backends.curl.names.lookups import KEPT_SHARE, Names
from onehttp_backends.optional.naming import NameLimits
from servers.patience import PATIENCE_S
from stand_ins.resolver import Resolver

HERE = Addresses(("127.0.0.1",))


def name(host: str) -> Name:
    return Name(f"{host}.example", socket.AF_UNSPEC)


class Desk:
    """Asks, and gathers what it is told."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.told: queue.SimpleQueue[tuple[str, Answer]] = queue.SimpleQueue()

    def tell(self, name: Name, answer: Answer) -> None:
        self.told.put((name.host.removesuffix(".example"), answer))

    def ask(self, *hosts: str) -> list[Answer | None]:
        return [self.names.ask(name(host), self.tell) for host in hosts]

    def next(self) -> tuple[str, Answer]:
        return self.told.get(timeout=PATIENCE_S)


@pytest.fixture
def desk(resolver: Resolver) -> Iterator[Desk]:
    desk = Desk(Names(NameLimits(in_flight=8)))
    yield desk
    desk.names.leave_all(desk.tell)


def test_a_name_is_asked_for_once_however_many_want_it(desk: Desk, resolver: Resolver) -> None:
    others = [Desk(desk.names) for _ in range(5)]
    for each in (desk, *others):
        each.ask("slow")
    resolver.wait_until_asked(1)
    resolver.let_go()
    for each in (desk, *others):
        host, answer = each.next()
        assert (host, isinstance(answer, NoAddress)) == ("slow", True)
    assert resolver.asked == ["slow.example"]


def test_families_are_asked_for_apart(desk: Desk, resolver: Resolver) -> None:
    resolver.knows("both.example", "::1", "127.0.0.1")
    found = {}
    for family in (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6):
        desk.names.ask(Name("both.example", family), desk.tell)
        found[family] = desk.next()[1]
    assert found == {
        socket.AF_UNSPEC: Addresses(("::1", "127.0.0.1")),
        socket.AF_INET: HERE,
        socket.AF_INET6: Addresses(("::1",)),
    }


def test_an_answer_that_has_come_is_not_asked_for_again(desk: Desk, resolver: Resolver) -> None:
    resolver.knows("quick.example", "127.0.0.1")
    assert desk.ask("quick") == [None]
    assert desk.next() == ("quick", HERE)
    assert desk.ask("quick") == [HERE]
    assert resolver.asked == ["quick.example"]


def test_a_doubted_answer_is_asked_for_again(desk: Desk, resolver: Resolver) -> None:
    resolver.knows("moved.example", "127.0.0.1")
    desk.ask("moved")
    desk.next()
    resolver.knows("moved.example", "127.0.0.2")
    assert desk.names.ask(name("moved"), desk.tell, is_doubted=True) is None
    assert desk.next() == ("moved", Addresses(("127.0.0.2",)))


def test_further_names_wait_for_a_thread_in_the_order_they_came(resolver: Resolver) -> None:
    desk = Desk(Names(NameLimits(in_flight=1)))
    hosts = ["first", "a", "b", "c"]
    desk.ask(*hosts)
    resolver.wait_until_asked(1)
    assert desk.names.in_flight == 1
    for host in hosts[1:]:
        resolver.knows(f"{host}.example", "127.0.0.1")
    resolver.let_go()
    assert [desk.next()[0] for _ in hosts] == hosts
    assert resolver.asked == [f"{host}.example" for host in hosts]


def test_a_name_that_was_found_before_has_a_thread_where_dead_ones_have_taken_all_of_theirs(
    desk: Desk, resolver: Resolver
) -> None:
    resolver.knows("known.example", "127.0.0.1")
    desk.ask("known")
    desk.next()
    desk.ask(*(f"dead{number}" for number in range(20)))
    desk.names.ask(name("known"), desk.tell, is_doubted=True)
    assert desk.next() == ("known", HERE)


def test_a_name_in_the_line_that_nobody_waits_for_any_more_is_not_looked_up(
    desk: Desk, resolver: Resolver
) -> None:
    room = 8 - 8 // KEPT_SHARE
    desk.ask(*(f"dead{number}" for number in range(room)))
    desk.ask("left", "last")
    desk.names.leave(name("left"), desk.tell)
    resolver.let_go()
    answered = {desk.next()[0] for _ in range(room + 1)}
    assert "last" in answered
    assert "left.example" not in resolver.asked
    assert desk.ask("left") == [None]
    assert desk.next()[0] == "left"


def test_who_has_left_is_not_told(desk: Desk, resolver: Resolver) -> None:
    stays = Desk(desk.names)
    desk.ask("slow")
    stays.ask("slow")
    desk.names.leave_all(desk.tell)
    resolver.let_go()
    assert stays.next()[0] == "slow"
    assert desk.told.empty()


def test_what_is_forgotten_is_asked_for_anew_and_an_answer_under_way_is_not_kept(
    desk: Desk, resolver: Resolver
) -> None:
    desk.ask("flips")
    resolver.wait_until_asked(1)
    desk.names.forget(NameLimits())
    resolver.knows("flips.example", "127.0.0.1")
    assert desk.ask("flips") == [None]
    assert desk.next() == ("flips", HERE)
    resolver.let_go()
    assert isinstance(desk.next()[1], NoAddress)
    assert desk.names.usable(name("flips")) == HERE


def test_limits_may_shrink_while_lookups_are_under_way(desk: Desk, resolver: Resolver) -> None:
    desk.ask("dead1", "dead2", "dead3")
    resolver.wait_until_asked(3)
    desk.names.forget(NameLimits(in_flight=1))
    desk.ask("last")
    resolver.let_go()
    assert {desk.next()[0] for _ in range(4)} == {"dead1", "dead2", "dead3", "last"}


@pytest.mark.parametrize(("stale_s", "serves"), [(1000.0, True), (0.0, False)])
def test_who_waits_is_told_an_old_address_where_nobody_answers(
    resolver: Resolver, stale_s: float, serves: bool
) -> None:
    now = 0.0
    desk = Desk(Names(NameLimits(cache_s=10, stale_s=stale_s), clock=lambda: now))
    resolver.knows("a.example", "127.0.0.1")
    desk.ask("a")
    desk.next()
    now = 20.0
    resolver.fails("a.example", socket.EAI_AGAIN)
    assert desk.ask("a") == [None]
    assert (desk.next()[1] == HERE) is serves


class NoMoreThreads:
    """Lets so many threads begin, and no more."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._start = _thread.start_new_thread

    def __call__(self, work: Callable[..., object], arguments: tuple[object, ...]) -> int:
        if self._room == 0:
            raise RuntimeError("can't start new thread")
        self._room -= 1
        return self._start(work, arguments)


def test_without_a_thread_a_name_waits_for_one_that_there_is(
    desk: Desk, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", NoMoreThreads(1))
    resolver.knows("b.example", "127.0.0.1")
    assert desk.ask("a", "b") == [None, None]
    resolver.wait_until_asked(1)
    resolver.let_go()
    assert {desk.next()[0] for _ in range(2)} == {"a", "b"}


def test_without_any_thread_the_answer_says_why(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", NoMoreThreads(0))
    [answer] = desk.ask("a")
    assert isinstance(answer, NoAddress)
    assert "can't start new thread" in answer.reason
    monkeypatch.undo()
    assert desk.names.in_flight == 0


@pytest.mark.parametrize("raised", [OSError("odd"), ValueError("odd"), MemoryError("odd")])
def test_whatever_a_resolver_raises_is_an_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    def resolve(*_arguments: object, **_keywords: object) -> None:
        raise raised

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    desk.ask("odd")
    host, answer = desk.next()
    assert (host, isinstance(answer, NoAddress)) == ("odd", True)
    assert "odd" in str(answer)


def test_who_joins_a_lookup_as_it_ends_has_its_answer(desk: Desk, resolver: Resolver) -> None:
    """It is over after it was found, and before the joiner is among those who are told."""

    class EndsFirst(set[Told]):
        def add(self, told: Told) -> None:
            desk.names._end(lookup, HERE)
            super().add(told)

    desk.ask("slow")
    resolver.wait_until_asked(1)
    [lookup] = desk.names._running
    lookup.told = EndsFirst(lookup.told)
    joining = Desk(desk.names)
    assert joining.ask("slow") == [HERE]
    assert desk.next() == ("slow", HERE)
    assert joining.told.empty()


def test_a_thread_makes_room_before_it_looks_at_the_line_for_the_last_time(
    desk: Desk, resolver: Resolver
) -> None:
    """Whoever finds no room has put its lookup in before: one of the two sees the other."""
    seen: queue.SimpleQueue[int] = queue.SimpleQueue()
    first = desk.names._line.first

    def noting() -> Lookup | None:
        seen.put(desk.names.in_flight)
        return first()

    desk.names._line.first = noting  # type: ignore[method-assign]
    resolver.knows("a.example", "127.0.0.1")
    desk.ask("a")
    assert seen.get(timeout=PATIENCE_S) == 0


def test_everybody_is_told_once_however_threads_interleave(
    desk: Desk, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are few, so that askers meet; the room is small, so that lookups wait; what is known
    is forgotten all the time."""
    hosts = [f"h{number}" for number in range(5)]
    for host in hosts:
        resolver.knows(f"{host}.example", "127.0.0.1")
    faults: list[object] = []

    def ask_on() -> None:
        mine = Desk(desk.names)
        for number in range(300):
            if number % 3 == 0:
                desk.names.forget(NameLimits(in_flight=2))
            [answer] = mine.ask(hosts[number % len(hosts)])
            if answer is None:
                try:
                    mine.next()
                except queue.Empty:
                    faults.append(f"{number}: nobody has told")
                    return
        if not mine.told.empty():
            faults.append("told twice")

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        askers = [threading.Thread(target=ask_on) for _ in range(8)]
        for thread in askers:
            thread.start()
        for thread in askers:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    assert faults == []
    assert len(resolver.asked) > 300
    while desk.names.in_flight:  # the last ones, on their way out
        threading.Event().wait(0.01)
    assert desk.names._line.waiting() == ()


def test_a_thread_lasts_no_longer_than_what_it_looks_up(desk: Desk, resolver: Resolver) -> None:
    ran_in: list[int] = []
    look_up = desk.names._look_up

    def noting(name: Name) -> Answer:
        ran_in.append(threading.get_native_id())
        return look_up(name)

    desk.names._look_up = noting
    resolver.knows("a.example", "127.0.0.1")
    desk.ask("a")
    desk.next()
    deadline = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if not _is_running(ran_in[0]):
            return
        deadline.wait(0.01)
    pytest.fail("it still runs")


def _is_running(thread: int) -> bool:
    try:
        with open(f"/proc/self/task/{thread}/stat"):
            return True
    except OSError:
        return False
