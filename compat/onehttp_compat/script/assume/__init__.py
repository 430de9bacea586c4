"""The file of ``--assume``: the answers that a script gets from functions that are not emulated.

.. code:: yaml

    functions:
      registrar.lookup: -1                # always
      dispatcher.ds_select_dst: [1, 1, -1]        # one after the other; the last one stays
      auth_db.auth_check:
        - arguments: ["sip.example.org", "*", "*"]
          answer: 1
        - answer: -2
      dialplan.dp_translate:
        answer: 1
        sets: {"$rU": "+49301234"}
      permissions.allow_source_address:
        python: hooks.py:allow            # def allow(ksr, *arguments): return 1
    variables:
      $gip2(src=>cc): DE

The whole file is checked when it is read, so rules that can never apply are found before the first
message.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from onehttp_compat.near_names import did_you_mean
from onehttp_compat.pv import PvStore
from onehttp_compat.script.assume.hooks import hook
from onehttp_compat.script.assume.known import (
    SCALARS,
    check_answer,
    check_arguments,
    check_variable,
    check_writable,
    known_function,
)
from onehttp_compat.script.assume.lines import AssumeFileError as AssumeFileError
from onehttp_compat.script.assume.lines import Placed, read_placed
from onehttp_compat.script.catalogue import Signature
from onehttp_compat.script.world.assumptions import Answer, AssumedAnswer

_SECTIONS: Final = ("functions", "variables")
_HOW: Final = ("answer", "sequence", "python")
_KEYS: Final = ("arguments", *_HOW, "sets")

Answering: TypeAlias = "Callable[[tuple[object, ...]], Answer]"


class Assumed(NamedTuple):
    """The contents of the file."""

    rules: dict[str, tuple[AssumedAnswer, ...]]
    """By function: ``registrar.lookup``."""
    variables: dict[str, Answer]


def read(path: Path, ksr: Callable[[], object], pv: PvStore) -> Assumed:
    """Read and check the file.

    Args:
        ksr: returns the ``KSR`` that Python hooks get.
        pv: the store of variables.

    Raises:
        AssumeFileError: the file cannot be read, or does not have the format above.
    """
    document = read_placed(path)
    sections = _only(document, _SECTIONS)
    reading = _RuleReader(ksr, pv)
    functions, variables = (
        sections[name].mapping() if name in sections else {} for name in _SECTIONS
    )
    rules = {}
    for name, said in functions.items():
        label = name.removeprefix("KSR.")
        rules[label] = reading.rules(said, known_function(said, label))
    values: dict[str, Answer] = {}
    for name, said in variables.items():
        if not isinstance(said.content, SCALARS):
            raise said.error(f"expected a text or a number, got {said.shown}")
        values[check_variable(said, name)] = said.content
    return Assumed(rules, values)


def _only(said: Placed, known: tuple[str, ...]) -> dict[str, Placed]:
    """Return a mapping that has no other keys."""
    for key, value in said.mapping().items():
        if key not in known:
            raise value.error(
                f"no such key{did_you_mean(key, known)}; there are: {', '.join(known)}"
            )
    return said.mapping()


class _RuleReader:
    def __init__(self, ksr: Callable[[], object], pv: PvStore) -> None:
        self._ksr = ksr
        self._pv = pv

    def rules(self, said: Placed, function: Signature | None) -> tuple[AssumedAnswer, ...]:
        """Return the rules for one function: from an answer, a list of answers, or a list of
        rules."""
        content = said.content
        if isinstance(content, list):
            if content and all(isinstance(one.content, dict) for one in content):
                return tuple(self._rule(one, function) for one in content)
            return (AssumedAnswer(_sequence(said, function)),)
        if isinstance(content, dict):
            return (self._rule(said, function),)
        return (AssumedAnswer(_constant(check_answer(said, function))),)

    def _rule(self, said: Placed, function: Signature | None) -> AssumedAnswer:
        keys = _only(said, _KEYS)
        ways = [key for key in _HOW if key in keys]
        if len(ways) != 1:
            raise said.error(
                f"expected one of {', '.join(_HOW)}; got {' and '.join(ways) or 'none'}"
            )
        how, value = ways[0], keys[ways[0]]
        if how == "python":
            answer = hook(value, function, self._ksr)
        elif how == "sequence":
            answer = _sequence(value, function)
        else:
            answer = _constant(check_answer(value, function))
        pattern = keys.get("arguments")
        return AssumedAnswer(
            answer,
            None if pattern is None else check_arguments(pattern, function),
            self._sets(keys["sets"]) if "sets" in keys else {},
        )

    def _sets(self, said: Placed) -> dict[str, Answer]:
        found: dict[str, Answer] = {}
        for name, value in said.mapping().items():
            if not isinstance(value.content, SCALARS):
                raise value.error(f"expected a text or a number, got {value.shown}")
            found[check_writable(value, name, self._pv)] = value.content
        return found


def _constant(value: Answer) -> Answering:
    return lambda _: value


def _sequence(said: Placed, function: Signature | None) -> Answering:
    values = [check_answer(one, function) for one in said.items()]
    if not values:
        raise said.error("expected a list of answers, with one at least")
    coming = itertools.chain(values, itertools.repeat(values[-1]))
    taking = threading.Lock()

    def answer(_: tuple[object, ...]) -> Answer:
        with taking:
            return next(coming)

    return answer
