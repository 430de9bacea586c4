"""Another thread goes on at each line of a lookup's: none is forgotten, none is counted wrong."""

from __future__ import annotations

import _thread
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

import onehttp_backends.curl.names as package
from onehttp_backends.curl.names.lookup import Answer, Name, NoAddress
from onehttp_backends.curl.names.lookups import Names
from onehttp_backends.optional.naming import NameLimits
from servers.patience import PATIENCE_S
from stand_ins.injection import Injector, Lines

FOLDER = (str(Path(package.__file__).parent),)


class World:
    """The threads of lookups, and a resolver that holds each name until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: Counter[str] = Counter()
        """How often the resolver was asked for a name."""
        self._held: set[str] = set()
        """What the resolver is being asked for."""
        self._let_go: set[str] = set()
        self._threads = 0
        self._changed = threading.Condition()
        self.thread_begins: Callable[[], AbstractContextManager[None]] = nullcontext
        self._start = _thread.start_new_thread
        monkeypatch.setattr(_thread, "start_new_thread", self._start_thread)
        self.names = Names(NameLimits(in_flight=2), look_up=self._look_up)

    def ask(self, host: str) -> None:
        self.names.ask(Name(host, socket.AF_UNSPEC), lambda name, answer: None)

    def let_go(self, host: str) -> None:
        with self._changed:
            self._let_go.add(host)
            self._changed.notify_all()

    def wait_until_threads_hold(self, *hosts: str) -> None:
        """Each thread asks the resolver, for one of these; there is one for each."""
        self._wait(lambda: self._held == set(hosts) and self._threads == len(hosts))

    def wait_until_held_or_fewer_than(self, threads: int, host: str) -> None:
        """A thread has come to a name, or has ended."""
        self._wait(lambda: host in self._held or self._threads < threads)

    def _wait(self, predicate: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(predicate, PATIENCE_S), (self._held, self._threads)

    def _look_up(self, name: Name) -> Answer:
        with self._changed:
            self.asked[name.host] += 1
            self._held.add(name.host)
            self._changed.notify_all()
            self._changed.wait_for(lambda: name.host in self._let_go)
            self._held.discard(name.host)
        return NoAddress("nobody answers")

    def _start_thread(self, work: Callable[..., object], arguments: tuple[Any, ...]) -> int:
        with self._changed:
            self._threads += 1
        return self._start(self._run, (self.thread_begins, work, arguments))

    def _run(
        self,
        begins: Callable[[], AbstractContextManager[None]],
        work: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> None:
        with begins():
            work(*arguments)
        with self._changed:
            self._threads -= 1
            self._changed.notify_all()


class GoingOn(Injector):
    """Instead of an error: something happens in other threads."""

    happens: Callable[[], None]

    def strike(self) -> None:
        self.happens()


def every_line() -> Iterator[GoingOn]:
    lines, is_over = Lines(), False
    while not is_over:
        injector = GoingOn(lines, FOLDER)
        yield injector
        is_over = not injector.place
    assert len(lines) > 10


def test_a_thread_takes_what_is_being_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup is put into the line, and gets a thread; one whose own lookup ends looks there."""
    for injector in every_line():
        world = World(monkeypatch)
        world.ask("first")
        world.wait_until_threads_hold("first")

        def first_ends(world: World = world) -> None:
            world.let_go("first")
            world.wait_until_held_or_fewer_than(1, "second")

        injector.happens = first_ends
        with injector.in_force():
            world.ask("second")
        world.let_go("first")
        world.wait_until_threads_hold("second")
        assert world.names.in_flight == 1, injector.place
        world.let_go("second")
        world.wait_until_threads_hold()
        assert (world.names.in_flight, world.asked["second"]) == (0, 1), injector.place
        monkeypatch.undo()


def test_two_threads_look_into_the_line_for_what_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for injector in every_line():
        world = World(monkeypatch)
        world.ask("first")
        world.wait_until_threads_hold("first")

        def first_ends(world: World = world) -> None:
            world.let_go("first")
            world.wait_until_held_or_fewer_than(2, "third")

        injector.happens = first_ends
        world.thread_begins = injector.in_force
        world.ask("second")
        world.thread_begins = nullcontext
        world.ask("third")
        world.let_go("second")
        world.wait_until_held_or_fewer_than(2, "third")
        world.let_go("first")
        world.wait_until_threads_hold("third")
        assert world.names.in_flight == 1, injector.place
        world.let_go("third")
        world.wait_until_threads_hold()
        assert (world.names.in_flight, world.asked["third"]) == (0, 1), injector.place
        monkeypatch.undo()
