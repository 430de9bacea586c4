"""The process that a test calls in: on an engine of the test's choosing, and as it was after."""

from __future__ import annotations

from collections.abc import Callable

from onehttp.api import process
from onehttp.errors import ConfigurationError
from onehttp.settings import Rehearsal, Settings
from onehttp.testing.double import Double
from onehttp.testing.policy_clock import PolicyClock
from onehttp.testing.recording import Recorder
from onehttp_backends.contract import Backend
from onehttp_backends.registry import load


class ProcessUnderTest:
    """`onehttp` for the length of a test.

    Whatever engine the code under test asks for in its `init`, it gets the test's. Calls may be
    made without an `init`, too.
    """

    def __init__(self) -> None:
        self.double: Double | None = None
        self.clock: PolicyClock | None = None
        self._engine = ""
        self._make: Callable[[], Backend] | None = None
        self._end: Callable[[], None] = _nothing

    def use_engine(self, name: str) -> None:
        """Have the engine of this name under the calls, whatever `init` asks for; not in the place
        of answers: who has given some asks nobody else."""
        if self.double is not None:
            return
        self._engine, self._make = name, load(name)
        self._begin()

    def use_backend(self, name: str, make: Callable[[], Backend]) -> None:
        """Have what ``make`` makes under them."""
        self._engine, self._make = name, make
        self._begin()

    def use_double(self, double: Double) -> None:
        """Have routes answer in process."""
        from onehttp_backends.double import HttpxBackend

        self.double = double
        double.clock = self.clock
        self.use_backend("onehttp_double", lambda: HttpxBackend(answers=double))

    def use_recorder(self, recorder: Recorder) -> None:
        """Have a recording answer, and the real service where there is none."""
        self.double = recorder.double
        recorder.double.clock = self.clock
        self.use_backend("onehttp_record", recorder.engine)

    def use_clock(self, clock: PolicyClock) -> None:
        """Have policies, and the answers of the double, go by ``clock``."""
        self.clock = clock
        if self.double is not None:
            self.double.clock = clock
        self._begin()

    def end(self) -> None:
        """Everything as it was before the test; what it has left running is ended."""
        self._end()
        self._end = _nothing

    def _begin(self) -> None:
        self.end()
        is_told = self.double.hear if self.double is not None else None
        self._end = process.rehearse(Rehearsal(self._engine_for, self.clock, is_told))

    def _engine_for(self, settings: Settings) -> Callable[[], Backend]:
        asked = settings.engine()
        if self._make is None:
            return asked
        if settings.of_backend and settings.backend != self._engine:
            raise ConfigurationError(
                f"init(backend={settings.backend!r}, {', '.join(settings.of_backend)}=...): this "
                f"test has its calls made by {self._engine}; give the answers to that, or take the "
                "fixture away"
            )
        return self._make


def _nothing() -> None:
    pass
