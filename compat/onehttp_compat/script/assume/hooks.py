"""Answers that come from a Python function of the user: ``python: hooks.py:allow``."""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onehttp_compat.near_names import did_you_mean
from onehttp_compat.script.assume.known import is_answer
from onehttp_compat.script.assume.lines import Placed
from onehttp_compat.script.catalogue import Signature
from onehttp_compat.script.world.assumptions import Answer, AssumedAnswerError


def hook(
    said: Placed, function: Signature | None, ksr: Callable[[], object]
) -> Callable[[tuple[object, ...]], Answer]:
    """Return the named function. It is called as ``function(ksr, *arguments)``.

    Raises:
        AssumeFileError: there is no such function, or its file raises an error.
    """
    text = said.content if isinstance(said.content, str) else ""
    file, _, name = text.rpartition(":")
    if not file or not name.isidentifier():
        raise said.error(f"expected FILE.py:FUNCTION, got {said.shown}")
    answer = _function(said, said.path.parent / file, name)

    def call(arguments: tuple[object, ...]) -> Answer:
        value: Answer = answer(ksr(), *arguments)
        if function is not None and not is_answer(value, function.result):
            raise AssumedAnswerError(
                f"{text} answered {value!r}, which {function.label} never does ({function.result})"
            )
        return value

    return call


def _function(said: Placed, source: Path, name: str) -> Callable[..., Any]:
    spec = importlib.util.spec_from_file_location(source.stem, source)
    if spec is None or spec.loader is None:
        raise said.error(f"{source}: not a file of Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError:
        raise said.error(f"{source}: no such file") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a file of the user's: anything
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == str(source)]
        line = f":{own[-1].lineno}" if own else ""
        raise said.error(f"{source}{line}: {type(error).__name__}: {error}") from None
    found = getattr(module, name, None)
    if not callable(found):
        functions = [key for key, value in vars(module).items() if callable(value)]
        raise said.error(f"{source}: no function {name}{did_you_mean(name, functions)}")
    answering: Callable[..., Any] = found
    return answering
