"""A keyword that a function here does not have: which one was meant, or how the thing is said here.

Asked only when a call has failed, so that hardly a call pays for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, MappingProxyType
from typing import Any, Final, ParamSpec, TypeVar

from onehttp_backends.hints.nearest import nearest

P = ParamSpec("P")
R = TypeVar("R")
MADE_BY_CALLS: Final = frozenset(
    {
        "AsyncStreamedResponse",
        "Attempt",
        "Call",
        "Query",
        "Response",
        "Result",
        "StreamedResponse",
        "Timings",
    }
)
"""Public classes of which every call makes one, and would pay for that."""
NO_HINTS: Final[Mapping[str, str]] = MappingProxyType({})


def unexpected(
    keyword: str, known: Iterable[str], hints: Mapping[str, str] = NO_HINTS
) -> TypeError:
    """The error of a call with ``keyword``, which is none of those ``known``.

    Args:
        hints: by keyword: how here is said what it says elsewhere.
    """
    way_out = _way_out(keyword, tuple(known), hints)
    return TypeError(f"unexpected keyword argument {keyword!r}{way_out}")


def _way_out(keyword: str, known: tuple[str, ...], hints: Mapping[str, str]) -> str:
    if hint := hints.get(keyword):
        return f": {hint}"
    near = nearest(keyword.lower(), (*known, *hints))
    if not near:
        return f"; known: {', '.join(known)}" if known else "; there are none"
    if near in known:
        return f" (did you mean {near!r}?)"
    return f" (like {near!r}: {hints[near]})"


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Have a call of ``function`` with a keyword that it does not have say which one was meant."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            trace = error.__traceback__
            if trace is not None and trace.tb_next is None:  # it has not even begun
                _explain(function, kwargs)
            raise

    return call


def _explain(function: Callable[..., Any], given: Mapping[str, object]) -> None:
    import inspect

    parameters = inspect.signature(function).parameters
    known = [
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and name not in ("self", "cls", "_cls")
    ]
    for keyword in given:
        if keyword not in known:
            raise unexpected(keyword, known) from None


def explain_classes(names: Mapping[str, Any], public: Iterable[str]) -> None:
    """The same for those of ``names`` that are public classes, where one is made."""
    for name in public:
        kind = names.get(name)
        if not isinstance(kind, type) or name in MADE_BY_CALLS:
            continue
        maker = "__new__" if issubclass(kind, tuple) else "__init__"
        made: Any = vars(kind).get(maker)
        is_static = isinstance(made, staticmethod)
        made = made.__func__ if is_static else made
        if isinstance(made, FunctionType) and not hasattr(made, "__wrapped__"):
            setattr(kind, maker, staticmethod(explained(made)) if is_static else explained(made))
