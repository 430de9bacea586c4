"""Steps of a course for connections whose limits and circuit are shared by several processes."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from onehttp.calls.closed_loops import give_back
from onehttp.errors import CircuitOpenError, LimitReachedError
from onehttp.policies.clock import Pause
from onehttp.policies.deadline import Deadline, least
from onehttp.policies.eras import Eras
from onehttp.policies.limits import Turn
from onehttp.policies.shared import scripts
from onehttp.policies.shared.gate import Enter, Gate, GateAnswer, Leave
from onehttp.policies.shared.store import store_of
from onehttp_backends.errors import CurlCode, Phase, TransferError
from onehttp_backends.observed import step

if TYPE_CHECKING:
    from onehttp.connections.model import ConnectionSpec
    from onehttp.policies.held_permits import Keeper
    from onehttp.policies.shared.policy import SharedPolicy

FIRST_LOOK_S: Final = 0.005
LONGEST_LOOK_S: Final = 0.1
"""A waiter is not told of permits that other processes give back, so it looks again after this."""

FULL: Final = GateAnswer(scripts.NO_PLACE, 0.0, 0)


class Shared:
    """The shared limits and circuit of one connection, and the server that keeps them."""

    __slots__ = ("_first_era", "_gate", "_policy", "_store", "_wait_s", "counts_places", "name")

    def __init__(self, spec: ConnectionSpec, policy: SharedPolicy) -> None:
        self.name = spec.name
        self._policy = policy
        self._first_era = Eras.first
        self._gate = Gate(spec.name, policy, spec.limits, spec.breaker)
        self._store = store_of(policy)
        self._store.gates.add(self._gate)
        self.counts_places = bool(spec.limits and spec.limits.concurrent)
        self._wait_s = spec.limits.wait_s if spec.limits else None

    def connect(self) -> None:
        """Connect to the server before the first call, if possible."""
        self._store.connect()

    def admitted(
        self, deadline: Deadline, turn: Turn
    ) -> Generator[Pause, None, SharedPermit | TransferError | None]:
        """Wait until an attempt may start, counting those of all processes.

        Returns:
            The attempt's permit; None if this process counts by itself because the server is away;
            or the error that refuses the attempt.
        """
        clock = deadline.clock
        patience_s = least(self._wait_s, deadline.left_s())
        until = None if patience_s is None else clock.now() + patience_s
        look_s = FIRST_LOOK_S
        is_known_full = False
        while True:
            left_s = None if until is None else max(until - clock.now(), 0.0)
            enter = turn.entered = self._store.enter(self._gate, left_s)
            is_asked = self._store.ask(enter)
            answer = (yield from self._answer(enter)) if is_asked else None
            if not is_asked or (answer is None and not is_known_full):
                return self._alone()
            if answer is None:  # late, of a server that is there: no reason to go in where it was
                answer = FULL  # full a moment ago
            if answer.what == scripts.ADMITTED:
                if answer.wait_s:
                    yield Pause(answer.wait_s)
                return SharedPermit(self, turn, enter.token, answer.era)
            if answer.what == scripts.CIRCUIT_OPEN:
                step("refused: the circuit of all processes is open")
                what = "not sent, the circuit that processes share is open"
                return CircuitOpenError(
                    CurlCode.COULDNT_CONNECT, self._refusal(what), phase=Phase.QUEUE
                )
            if answer.what == scripts.TOO_LATE or left_s == 0.0:
                step("refused: the limits of all processes gave it no turn in time")
                return self._limited(
                    "not sent, the limits that processes share gave no turn in time"
                )
            is_known_full = True
            give_back()
            yield Pause(least(left_s, look_s * (0.5 + clock.share() / 2)))
            look_s = min(look_s * 2, LONGEST_LOOK_S)

    def _answer(self, enter: Enter) -> Generator[Pause, None, GateAnswer | None]:
        yield Pause(self._policy.budget_s, enter)
        if enter.give_up():
            self._store.was_late()
        return enter.answer

    def drop(self, turn: Turn) -> None:
        """Take back what an attempt has asked for that was given up."""
        enter = turn.entered
        if not isinstance(enter, Enter) or enter.gate is not self._gate:  # of the parent process
            return
        if not enter.give_up() and enter.answer and enter.answer.what == scripts.ADMITTED:
            self.leave(enter.token, enter.answer.era, None)

    def _alone(self) -> LimitReachedError | None:
        if self._policy.on_failure == "local":
            return None
        return self._limited("not sent, the shared limits are away, and on_failure is refuse")

    def _limited(self, what: str) -> LimitReachedError:
        return LimitReachedError(
            CurlCode.OPERATION_TIMEDOUT, self._refusal(what), phase=Phase.QUEUE
        )

    def _refusal(self, what: str) -> str:
        return f"connection {self.name!r}: {what}"

    def leave(self, token: str, era: int, is_well: bool | None) -> None:
        """Note the end of an admitted attempt; None if it says nothing about the server."""
        if self._first_era != Eras.first:  # of a forked child: the permit is the parent's
            return
        verdict = scripts.NOTHING if is_well is None else int(is_well)
        self._store.leave(Leave(self._gate, token, era, verdict))


class SharedPermit:
    """The permit of one attempt, among those of all processes."""

    __slots__ = ("_era", "_shared", "_token", "_turn")

    def __init__(self, shared: Shared, turn: Turn, token: str, era: int) -> None:
        self._shared = shared
        self._turn = turn
        self._token = token
        self._era = era

    def end(self, is_well: bool | None, keeper: Keeper | None) -> None:
        """Note the end of the attempt; if permits are counted, ``keeper`` may give this one back
        later."""
        if not (
            keeper is not None
            and self._shared.counts_places
            and keeper.keep(lambda: self.leave(is_well))
        ):
            self.leave(is_well)

    def leave(self, is_well: bool | None) -> None:
        """Give the permit back."""
        self._shared.leave(self._token, self._era, is_well)
        self._turn.entered = None
