"""Every public callable says which keyword was meant, and what it takes is still seen.

Of those that take the keywords of a call `test_keywords` asks the same.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pickle
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

import onehttp
from onehttp_backends.hints.keywords import MADE_BY_CALLS

MODULES: Final = (
    "onehttp",
    "onehttp.identity",
    "onehttp.lowlevel",
    "onehttp.testing",
    "onehttp.xcap",
)
INSIDE: Final = {
    "check_url": "each call asks it",
    "perform": "each legacy call is made by it",
    "plain_request": "it is there to be quick",
    "transfer_error": "each failed call asks it",
}
KEYWORDS: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
Found = tuple[str, Callable[..., Any]]


def _takes_keywords(made: Any) -> bool:
    """Whether it is a function of ours, or a class whose making is."""
    if inspect.isfunction(made):
        return made.__module__.startswith("onehttp")
    if not isinstance(made, type) or issubclass(made, enum.Enum):
        return False
    is_typed_only = getattr(made, "_is_protocol", False) or hasattr(made, "__total__")
    has_maker = made.__init__ is not object.__init__ or issubclass(made, tuple)
    is_of_python = issubclass(made, BaseException) and not inspect.isfunction(made.__init__)
    return has_maker and not is_typed_only and not is_of_python


def public() -> Iterator[Found]:
    for module in MODULES:
        found = importlib.import_module(module)
        for name in found.__all__:
            made = getattr(found, name)
            if name in MADE_BY_CALLS | INSIDE.keys() or not _takes_keywords(made):
                continue
            parameters = inspect.signature(made).parameters.values()
            if not any(each.kind is each.VAR_KEYWORD for each in parameters):
                yield f"{module}.{name}", made


PUBLIC = dict(public())


def _keywords(made: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(made).parameters.values()
    return [each.name for each in parameters if each.kind in KEYWORDS]


def test_those_there_are_were_found() -> None:
    assert {"onehttp.Basic", "onehttp.drain", "onehttp.xcap.Step", "onehttp.Link"} <= PUBLIC.keys()
    assert len(PUBLIC) > 120


@pytest.mark.parametrize("name", PUBLIC)
def test_a_keyword_that_it_has_not_says_which_is_meant(name: str) -> None:
    made = PUBLIC[name]
    with pytest.raises(TypeError, match=r"^unexpected keyword argument 'zqzqzq'"):
        _awaited(made(zqzqzq=1))
    for keyword in _keywords(made):
        if len(keyword) < 5:
            continue
        with pytest.raises(TypeError) as caught:
            _awaited(made(**{f"{keyword}q": 1}))
        assert f"unexpected keyword argument '{keyword}q'" in str(caught.value)
        assert "did you mean '" in str(caught.value)
        assert caught.value.__cause__ is None


def _awaited(made: Any) -> None:
    """Of what is awaited, and so far was only called."""
    if inspect.iscoroutine(made):
        made.close()


def test_what_they_take_is_seen_as_before() -> None:
    for name, made in PUBLIC.items():
        assert not inspect.signature(made).parameters.keys() & {"args", "kwargs"}, name
        if inspect.isfunction(made):
            assert pickle.loads(pickle.dumps(made)) is made


@pytest.mark.parametrize(
    ("made", "given", "way_out"),
    [
        (onehttp.Basic, {"user": "a"}, "did you mean 'username'"),
        (onehttp.Digest, {"username": "a", "passwort": "b"}, "did you mean 'password'"),
        (onehttp.Bearer, {"key": "a"}, "known: token"),
        (onehttp.Hooks, {"response": print}, "did you mean 'on_response'"),
        (onehttp.QueryLimits, {"max_inflight": 3}, "did you mean 'max_in_flight'"),
        (onehttp.shutdown, {"grace": 3}, "did you mean 'grace_s'"),
        (onehttp.drain, {"timeout": 3}, "did you mean 'timeout_s'"),
        (onehttp.stats, {"reset": True}, "there are none"),
        (onehttp.Tls, {"verify": False}, "did you mean 'verify_"),
    ],
)
def test_usual_mistakes_in_keywords_get_a_suggestion(
    made: Any, given: dict[str, Any], way_out: str
) -> None:
    with pytest.raises(TypeError, match=way_out):
        made(**given)


def test_other_mistakes_are_told_as_python_tells_them() -> None:
    make: Any = onehttp.Basic
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'password'"):
        make("a")
    with pytest.raises(TypeError, match="positional argument"):
        make("a", "b", "c")


def test_an_error_of_what_it_calls_is_left_alone() -> None:
    with pytest.raises(TypeError, match="on_attempt: expected a function, got int"):
        onehttp.Hooks(on_attempt=3)  # type: ignore[arg-type]
