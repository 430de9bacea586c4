"""Answers of functions that are not emulated: assumed, counted by place, and told in the report."""

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
"""What a function of each kind says when all is well."""
_NOTHING_MORE: Final = frozenset(("ldap.result_next", "ndb_mongodb.next_reply"))
"""Scripts ask these until they say no."""


answering: ContextVar[bool] = ContextVar("onehttp_answering", default=False)
"""A hook of ``--assume`` is at work: what it calls is not what the script calls."""


class AssumedAnswerError(OnehttpError, RuntimeError):
    """In strict mode: the script asked what only the server knows."""


@dataclass(slots=True)
class AssumedCall:
    """All assumed answers of one function at one place of the script."""

    function: str
    place: str
    answer: Answer
    """The last."""
    is_given: bool
    """It comes from ``--assume``."""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """What to answer where the arguments match."""

    answer: Callable[[tuple[object, ...]], Answer]
    arguments: tuple[object, ...] | None = None
    """None: whatever they are. A text ``*`` stands for any value."""
    sets: Mapping[str, Answer] = field(default_factory=dict)
    """Variables that the call sets."""

    def matches(self, arguments: tuple[object, ...]) -> bool:
        """Whether this rule is for a call with these arguments."""
        wanted = self.arguments
        return wanted is None or (
            len(wanted) == len(arguments)
            and all(one in ("*", given) for one, given in zip(wanted, arguments, strict=True))
        )


class Assumptions:
    """Answers for what is not emulated.

    Args:
        rules: those of ``--assume``, by label: ``registrar.lookup``, ``force_rport``.
        variables: values of pseudo-variables, by their text: ``$gip2(src=>cc)``.
        is_strict: an assumed answer is a failure of the message, save those that rules give.
        set_variable: writes a pseudo-variable.
    """

    def __init__(
        self,
        rules: Mapping[str, tuple[Rule, ...]] | None = None,
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
        """Guards the calls: all workers of a script make them."""

    def answer(self, signature: Signature, arguments: tuple[object, ...]) -> Answer:
        """What the function says.

        Raises:
            AssumedAnswerError: strict, and no rule knows.
        """
        rule = self.rule_for(signature, arguments)
        if rule is None:
            label = signature.label.removeprefix("KSR.")
            value = -1 if label in _NOTHING_MORE else NEUTRAL[signature.result]
        else:
            token = answering.set(True)
            try:
                value = rule.answer(arguments)
            finally:
                answering.reset(token)
            for name, one in dict(rule.sets).items():
                self.set_variable(name, one)
        self.note(signature.label, value, is_given=rule is not None)
        return value

    def rule_for(self, signature: Signature, arguments: tuple[object, ...]) -> Rule | None:
        """The first rule for such a call."""
        rules = self.rules.get(signature.label.removeprefix("KSR."), ())
        return next((rule for rule in rules if rule.matches(arguments)), None)

    def never_asked(self) -> list[str]:
        """What rules speak of, and the script has not asked."""
        asked = {call.function.removeprefix("KSR.") for call in self.calls.values()}
        return sorted({*self.rules, *self.variables} - asked)

    def note(self, what: str, value: Answer, *, is_given: bool) -> None:
        """Count an answer, at the place in the script that asked.

        Raises:
            AssumedAnswerError: strict, and not given.
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
    """``script.py:12``, the nearest line outside this package."""
    file, line = calling_place()
    return f"{Path(file).name}:{line}"
