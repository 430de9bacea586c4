"""The file of ``--assume``: what the script is to be told by what is not emulated.

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
"""

from __future__ import annotations

import importlib.util
import itertools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from onehttp import OnehttpError
from onehttp_compat.near_names import did_you_mean
from onehttp_compat.script.catalogue import catalogue
from onehttp_compat.script.world.assumptions import Answer, Rule

MAX_BYTES: Final = 1 << 20
_KEYS: Final = ("arguments", "answer", "sequence", "python", "sets")
_HOW: Final = ("answer", "sequence", "python")
_SCALARS: Final = (int, str, bool, type(None))


class AssumeFileError(OnehttpError, ValueError):
    """The file says what cannot be understood; names the file and the key."""


def read(
    path: Path, ksr: Callable[[], object]
) -> tuple[dict[str, tuple[Rule, ...]], dict[str, Answer]]:
    """Rules by function, and values by variable.

    Args:
        ksr: gives the ``KSR`` that Python hooks are called with.

    Raises:
        AssumeFileError: unreadable, or not written as above.
    """
    document = _document(path)
    _only(path, document, ("functions", "variables"), "")
    functions = _mapping(path, document.get("functions") or {}, "functions")
    variables = _mapping(path, document.get("variables") or {}, "variables")
    rules = {}
    for name, said in functions.items():
        label = str(name).removeprefix("KSR.")
        where = f"functions.{name}"
        _check_known(path, where, label)
        entries = said if _is_list_of_rules(said) else [said]
        rules[label] = tuple(_rule(path, where, entry, ksr) for entry in entries)
    for name, value in variables.items():
        if not str(name).startswith("$") or not isinstance(value, _SCALARS):
            raise AssumeFileError(f"{path}: variables.{name}: expected $name: a text or a number")
    return rules, {str(name): value for name, value in variables.items()}


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise AssumeFileError(f"{path}: larger than {MAX_BYTES} bytes")
        return _mapping(path, yaml.safe_load(text) or {}, "the file")
    except OSError as error:
        raise AssumeFileError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise AssumeFileError(f"{path}: not YAML: {error}") from None


def _mapping(path: Path, said: object, where: str) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise AssumeFileError(f"{path}: {where}: expected a mapping, got {type(said).__name__}")
    return said


def _only(path: Path, said: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    for key in said:
        if key not in known:
            raise AssumeFileError(
                f"{path}: {where}no key {key!r}{did_you_mean(str(key), known)}; there are: "
                f"{', '.join(known)}"
            )


def _check_known(path: Path, where: str, label: str) -> None:
    """A name in no catalogue is fine: a newer server may have it. Near an old one it is a slip."""
    module, _, name = label.rpartition(".")
    functions = catalogue().functions
    if module in functions and name not in functions[module]:
        near = did_you_mean(name, functions[module])
        if near:
            raise AssumeFileError(f"{path}: {where}: no such function{near}")


def _is_list_of_rules(said: object) -> bool:
    return isinstance(said, list) and bool(said) and all(isinstance(one, dict) for one in said)


def _rule(path: Path, where: str, said: object, ksr: Callable[[], object]) -> Rule:
    if isinstance(said, list):
        return Rule(_sequence(path, where, said))
    if not isinstance(said, dict):
        return Rule(_constant(path, where, said))
    _only(path, said, _KEYS, f"{where}: ")
    ways = [key for key in _HOW if key in said]
    if len(ways) != 1:
        raise AssumeFileError(f"{path}: {where}: expected one of {', '.join(_HOW)}")
    arguments = said.get("arguments")
    if arguments is not None and not isinstance(arguments, list):
        raise AssumeFileError(f"{path}: {where}.arguments: expected a list")
    value = said[ways[0]]
    if ways[0] == "python":
        answer = _hook(path, where, value, ksr)
    elif ways[0] == "sequence":
        answer = _sequence(path, where, value)
    else:
        answer = _constant(path, where, value)
    sets = _mapping(path, said.get("sets") or {}, f"{where}.sets")
    return Rule(answer, None if arguments is None else tuple(arguments), sets)


def _constant(path: Path, where: str, value: object) -> Callable[[tuple[object, ...]], Answer]:
    if not isinstance(value, _SCALARS):
        raise AssumeFileError(f"{path}: {where}: expected a number or a text as answer")
    return lambda _: value


def _sequence(path: Path, where: str, values: object) -> Callable[[tuple[object, ...]], Answer]:
    if not isinstance(values, list) or not values:
        raise AssumeFileError(f"{path}: {where}: expected a list of answers, with one at least")
    for value in values:
        _constant(path, where, value)
    coming = itertools.chain(values, itertools.repeat(values[-1]))
    taking = threading.Lock()

    def answer(_: tuple[object, ...]) -> Answer:
        with taking:
            return next(coming)  # type: ignore[no-any-return]

    return answer


def _hook(
    path: Path, where: str, said: object, ksr: Callable[[], object]
) -> Callable[[tuple[object, ...]], Answer]:
    file, colon, name = str(said).rpartition(":")
    if not colon:
        raise AssumeFileError(f"{path}: {where}.python: expected FILE.py:FUNCTION, got {said!r}")
    source = path.parent / file
    spec = importlib.util.spec_from_file_location(source.stem, source)
    try:
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function = getattr(module, name)
    except (OSError, SyntaxError, AttributeError, AssertionError) as error:
        raise AssumeFileError(f"{path}: {where}.python: {source}: {error}") from None
    return lambda arguments: function(ksr(), *arguments)
