"""Answers of functions that are not emulated: they are assumed, counted by place, and reported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from onehttp import OnehttpError
from onehttp_compat.calls.warning import calling_place
from onehttp_compat.script.catalogue import Signature

Answer = int | str | bool | None
NEUTRAL: Final[Mapping[str, Answer]] = {"int": 1, "bool": True, "none": 0, "xval": None}
"""The answer of each kind of function when there is no error."""
_NOTHING_MORE: Final = frozenset(("ldap.result_next", "ndb_mongodb.next_reply"))
"""Functions that scripts call repeatedly until the answer is no."""


answering: ContextVar[bool] = ContextVar("onehttp_answering", default=False)
"""A hook of ``--assume`` is running, so its calls are not calls of the script."""


class AssumedAnswerError(OnehttpError, RuntimeError):
    """In strict mode, the script has asked for an answer that only the real server knows."""


@dataclass(slots=True)
class AssumedCall:
    """All assumed answers of one function at one place of the script."""

    function: str
    place: str
    answer: Answer
    """The last answer."""
    is_given: bool
    """The answer comes from ``--assume``."""
    count: int = 0


@dataclass(frozen=True, slots=True)
class AssumedAnswer:
    """The answer for calls whose arguments match."""

    answer: Callable[[tuple[object, ...]], Answer]
    arguments: tuple[object, ...] | None = None
    """None matches all arguments. A text ``*`` matches any value."""
    sets: Mapping[str, Answer] = field(default_factory=dict)
    """Variables that the call sets."""

    def matches(self, arguments: tuple[object, ...]) -> bool:
        """Whether this rule applies to a call with these arguments."""
        wanted = self.arguments
        return wanted is None or (
            len(wanted) == len(arguments)
            and all(one in ("*", given) for one, given in zip(wanted, arguments, strict=True))
        )


class Assumptions:
    """The answers of functions that are not emulated.

    Args:
        rules: the rules of ``--assume``, by label: ``registrar.lookup``, ``force_rport``.
        variables: values of pseudo-variables, by their text: ``$gip2(src=>cc)``.
        is_strict: an assumed answer fails the message, unless a rule gives it.
        set_variable: writes a pseudo-variable.
    """

    def __init__(
        self,
        rules: Mapping[str, tuple[AssumedAnswer, ...]] | None = None,
        variables: Mapping[str, Answer] | None = None,
        *,
        is_strict: bool = False,
        set_variable: Callable[[str, Answer], object] = lambda _name, _value: None,
    ) -> None:
        self.rules = dict(rules or {})
        self.variables = dict(variables or {})
        self.is_strict = is_strict
        self.set_variable = set_variable
        self.calls: dict[tuple[str, str], AssumedCall] = {}
        self._counting = threading.Lock()
        """Guards the calls, because all workers of a script make them."""

    def answer(self, signature: Signature, arguments: tuple[object, ...]) -> Answer:
        """Return the answer of the function.

        Raises:
            AssumedAnswerError: in strict mode, no rule gives an answer.
        """
        rule = self.rule_for(signature, arguments)
        if rule is None:
            label = signature.label.removeprefix("KSR.")
            value = -1 if label in _NOTHING_MORE else NEUTRAL[signature.result]
        else:
            before = answering.get()
            try:  # whatever interrupts, from before it is set
                answering.set(True)
                value = rule.answer(arguments)
            finally:
                answering.set(before)
            for name, one in dict(rule.sets).items():
                self.set_variable(name, one)
        self.note(signature.label, value, is_given=rule is not None)
        return value

    def rule_for(self, signature: Signature, arguments: tuple[object, ...]) -> AssumedAnswer | None:
        """Return the first rule that applies to a call."""
        rules = self.rules.get(signature.label.removeprefix("KSR."), ())
        return next((rule for rule in rules if rule.matches(arguments)), None)

    def never_asked(self) -> list[str]:
        """Return the rules and variables that the script has never used."""
        asked = {call.function.removeprefix("KSR.") for call in self.calls.values()}
        return sorted({*self.rules, *self.variables} - asked)

    def note(self, what: str, value: Answer, *, is_given: bool) -> None:
        """Count an answer, by the place in the script that asked for it.

        Raises:
            AssumedAnswerError: in strict mode, no rule has given the answer.
        """
        place = place_in_script()
        with self._counting:
            call = self.calls.get((what, place))
            if call is None:
                call = AssumedCall(what, place, value, is_given)
                self.calls[what, place] = call
            call.answer = value
            call.count += 1
        if self.is_strict and not is_given:
            raise AssumedAnswerError(
                f"{what} is not emulated, and --assume says nothing of it; strictly, that is a "
                "failure"
            )


def place_in_script() -> str:
    """Return the nearest line outside this package, as ``script.py:12``."""
    file, line = calling_place()
    return f"{Path(file).name}:{line}"
