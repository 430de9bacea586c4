"""The table of driving: that the code keeps to it, and that no order of steps leaves a call alone.

The second is a model of blocking callers, each a program of steps that nothing comes between, who
go by the table. All orders in which their steps can come are walked through, with an exception
instead of any one of them. Time is the last resort, taken when nobody can do anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import pytest

from onehttp_backends.curl.engine.ownership import (
    TRANSITIONS,
    Claim,
    DrivingEvent,
    DrivingState,
    Ownership,
)

# ---- the code and the table


def sleep(ownership: Ownership) -> None:
    ownership.is_asleep = True


def wake(ownership: Ownership) -> None:
    ownership.is_asleep = False


def leave(ownership: Ownership) -> None:
    if owner := ownership.owner:
        ownership.leave(owner)


DONE_BY: Final[dict[DrivingEvent, Callable[[Ownership], object]]] = {
    DrivingEvent.TAKE: lambda ownership: ownership.take(Claim()),
    DrivingEvent.LEAVE: leave,
    DrivingEvent.SLEEP: sleep,
    DrivingEvent.WAKE: wake,
    DrivingEvent.CLOSE: lambda ownership: ownership.close(Claim()),
    DrivingEvent.LOSE: lambda ownership: ownership.lose(),
}


def ways_to_each_state() -> dict[DrivingState, tuple[DrivingEvent, ...]]:
    ways: dict[DrivingState, tuple[DrivingEvent, ...]] = {DrivingState.FREE: ()}
    while len(ways) < len(DrivingState):
        for (before, event), after in TRANSITIONS.items():
            if before in ways:
                ways.setdefault(after, (*ways[before], event))
    return ways


WAYS: Final = ways_to_each_state()


@pytest.mark.parametrize("event", DrivingEvent)
@pytest.mark.parametrize("state", DrivingState)
def test_the_code_keeps_to_the_table(state: DrivingState, event: DrivingEvent) -> None:
    ownership = Ownership()
    for before in WAYS[state]:
        DONE_BY[before](ownership)
    assert ownership.state is state
    DONE_BY[event](ownership)
    assert ownership.state is TRANSITIONS.get((state, event), state)


# ---- the model

MEMBERS: Final = (0, 1, 2)


class World(NamedTuple):
    """All there is, between two steps."""

    steps: tuple[str, ...] = ("begin",) * len(MEMBERS)
    """What each caller does next."""
    state: DrivingState = DrivingState.FREE
    owner: int | None = None
    waiting: frozenset[int] = frozenset()
    inbox: frozenset[int] = frozenset()
    running: frozenset[int] = frozenset()
    cancelled: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()
    """Callers whose transfer has an outcome."""
    bells: frozenset[int] = frozenset()
    is_driver_rung: bool = False
    exceptions_left: int = 0

    def then(self, who: int, step: str) -> World:
        return self._replace(steps=(*self.steps[:who], step, *self.steps[who + 1 :]))

    def goes(self, event: DrivingEvent) -> World:
        """As the table says, which has this step."""
        return self._replace(state=TRANSITIONS[self.state, event])

    def may(self, event: DrivingEvent) -> bool:
        return (self.state, event) in TRANSITIONS

    def taken_by(self, who: int) -> World:
        return self.goes(DrivingEvent.TAKE)._replace(owner=who)

    def admitted(self) -> World:
        """The inbox is empty; cancelled ones have ended."""
        running = self.running | self.inbox
        stopped = running & self.cancelled
        return self._replace(
            inbox=frozenset(),
            running=running - stopped,
            ended=self.ended | stopped,
            bells=self.bells | stopped,
        )

    def next_rung(self) -> World:
        if who := sorted(self.waiting - self.ended):
            return self._replace(bells=self.bells | {who[0]})
        return self

    def driver_told(self) -> World:
        return self._replace(is_driver_rung=self.state is DrivingState.ASLEEP)


def steps_of(world: World, who: int) -> Iterator[World]:
    """What a caller may do next; nothing while it waits."""
    me, step = frozenset({who}), world.steps[who]
    has_ended = who in world.ended
    if step == "begin":
        yield world._replace(waiting=world.waiting | me).then(who, "put in")
    elif step == "put in":
        yield world._replace(inbox=world.inbox | me).then(who, "look")
    elif step == "look":
        if has_ended:
            yield world.then(who, "end")
        elif world.may(DrivingEvent.TAKE):
            yield world.taken_by(who).then(who, "drive")
        elif world.state is DrivingState.GONE:
            yield world._replace(ended=world.ended | me).then(who, "end")
        else:
            yield world.then(who, "tell")
    elif step == "tell":
        yield world.driver_told().then(who, "wait")
    elif step == "wait":
        if who in world.bells:
            yield world._replace(bells=world.bells - me).then(who, "look")
    elif step == "drive":
        yield world.admitted().then(who, "leave" if has_ended else "sleep")
    elif step == "sleep":
        yield world.goes(DrivingEvent.SLEEP).then(who, "last look")
    elif step == "last look":
        awake = world.goes(DrivingEvent.WAKE).then(who, "drive")
        yield awake if world.inbox else world.then(who, "asleep")
    elif step == "asleep":
        awake = world.goes(DrivingEvent.WAKE).then(who, "drive")
        if world.is_driver_rung:
            yield awake._replace(is_driver_rung=False)
        for one in world.running:
            over = frozenset({one})
            yield awake._replace(
                running=world.running - over, ended=world.ended | over, bells=world.bells | over
            )
    elif step == "leave":
        left = world.admitted().goes(DrivingEvent.LEAVE)
        yield left._replace(owner=None).then(who, "look back")
    elif step == "look back":
        if world.inbox and world.may(DrivingEvent.TAKE):
            yield world.taken_by(who).then(who, "leave")
        else:
            yield world.then(who, "wake next")
    elif step == "wake next":
        is_needed = world.running or world.inbox
        yield (world.next_rung() if is_needed else world).then(who, "end")
    elif step == "end":
        rest = world._replace(waiting=world.waiting - me)
        yield (rest.next_rung() if rest.owner is None else rest).then(who, "over")
    elif step == "retract":
        yield from retract(world, who)
    elif step == "tell and go":
        yield world.driver_told().then(who, "over")


def retract(world: World, who: int) -> Iterator[World]:
    """After an exception that was somebody else's: the transfer is taken back."""
    me = frozenset({who})
    world = world._replace(waiting=world.waiting - me, cancelled=world.cancelled | me)
    if world.owner == who:
        yield world._replace(inbox=world.inbox | me).then(who, "leave")
    elif who in world.ended:
        yield (world.next_rung() if world.owner is None else world).then(who, "over")
    elif world.state is DrivingState.GONE:
        yield world._replace(ended=world.ended | me).then(who, "over")
    else:
        world = world._replace(inbox=world.inbox | me)
        if world.may(DrivingEvent.TAKE):
            yield world.taken_by(who).then(who, "leave")
        else:
            yield world.then(who, "tell and go")


def exceptions_of(world: World, who: int) -> Iterator[World]:
    """What becomes of an exception instead of a step: an interrupt, and a crash of who drives."""
    if not world.exceptions_left or world.steps[who] == "over":
        return
    world = world._replace(exceptions_left=world.exceptions_left - 1)
    yield world.then(who, "retract")
    if world.owner == who:
        everybody = world.ended | world.waiting | world.inbox | world.running
        lost = world.goes(DrivingEvent.LOSE)._replace(
            owner=None, ended=everybody, bells=everybody, inbox=frozenset(), running=frozenset()
        )
        yield lost.then(who, "over")


def follow(world: World) -> tuple[list[World], bool]:
    """All that may come next, and whether it is time that has to pass for it."""
    following = [after for who in MEMBERS for after in steps_of(world, who)]
    thrown = [after for who in MEMBERS for after in exceptions_of(world, who)]
    if following:
        return following + thrown, False
    waiting = [who for who in MEMBERS if world.steps[who] == "wait"]
    return [world.then(who, "look") for who in waiting] + thrown, True


def walk(exceptions: int) -> tuple[set[World], int]:
    """Every world there can be, and in how many of them only time helps."""
    seen = {World(exceptions_left=exceptions)}
    todo, waits = list(seen), 0
    while todo:
        world = todo.pop()
        following, has_waited = follow(world)
        is_over = set(world.steps) == {"over"}
        assert is_over or following, world
        if is_over:
            assert world.state in (DrivingState.FREE, DrivingState.GONE), world
            assert world.ended == set(MEMBERS), world
            assert world.running | world.inbox <= world.ended, world
        elif has_waited:
            waits += 1
        fresh = set(following) - seen
        seen |= fresh
        todo += fresh
    return seen, waits


def test_no_order_of_steps_leaves_a_call_alone() -> None:
    seen, waits = walk(exceptions=0)
    assert len(seen) > 1_000
    assert waits == 0, "a bell was lost"


def test_nor_does_an_exception_instead_of_any_of_them() -> None:
    seen, _ = walk(exceptions=1)
    assert {world.state for world in seen} > {DrivingState.FREE, DrivingState.GONE}
