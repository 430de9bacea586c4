"""Hooks: functions that see each attempt of each call, and may sign it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from onehttp.calls.arguments import header_pairs
from onehttp.calls.course import Course
from onehttp.calls.user_functions import Ask
from onehttp.policies.deadline import Deadline
from onehttp.stripped_tracebacks import leads_out
from onehttp_backends.contract import Request, Response
from onehttp_backends.errors import CurlCode, RequestTypeError, TransferError

OnAttempt: TypeAlias = "Callable[[Request], Request | Awaitable[Request | None] | None]"
OnResponse: TypeAlias = "Callable[[Request, Response], Awaitable[None] | None]"
OnError: TypeAlias = "Callable[[Request, TransferError], Awaitable[None] | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Functions called around each attempt of a call, that is, around each exchange on the wire: a
    retry, a redirect and a failover are attempts of their own.

    Hooks run in the thread or task that makes the call; those of `submit` run on a separate thread.
    A coroutine function works for awaited calls only, and refuses blocking calls and `submit`.

    A `TransferError` that a hook raises becomes the outcome of the attempt. Any other exception
    ends the call and reaches its caller (for `submit`, as the cause of the error). Calls that a
    hook makes pass through the hooks as well; calls of the legacy modules never do.
    """

    on_attempt: OnAttempt | None = None
    """Called before each attempt. It may return the request with other headers, e.g. signed:
    ``request._replace(headers=(*request.headers, ("X-Signature", sign(request))))``."""
    on_response: OnResponse | None = None
    """Called after each attempt that got a response, whatever its status."""
    on_error: OnError | None = None
    """Called after each attempt that failed."""
    connection: str | None = None
    """Call them for this connection only; None: for all calls."""

    def __post_init__(self) -> None:
        for what in ("on_attempt", "on_response", "on_error"):
            hook = getattr(self, what)
            if hook is not None and not callable(hook):
                raise TypeError(f"{what}: expected a function, got {type(hook).__name__}")


HookSource: TypeAlias = "Hooks | Iterable[Hooks] | None"
NO_HOOKS: Final[tuple[Hooks, ...]] = ()


def hooks_of(source: HookSource) -> tuple[Hooks, ...]:
    """The hooks that `init` was given, as a tuple.

    Raises:
        TypeError: it was given something else.
    """
    if source is None:
        return NO_HOOKS
    found: tuple[Any, ...] = (source,)
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        found = tuple(source)
    for each in found:
        if not isinstance(each, Hooks):
            raise TypeError(f"hooks: expected onehttp.Hooks, got {type(each).__name__}")
    return found


class WithHooks:
    """The course around each exchange of a runtime that has hooks."""

    __slots__ = ("_by_name", "_hooks")

    def __init__(self, hooks: tuple[Hooks, ...]) -> None:
        self._hooks = hooks
        self._by_name: dict[str, tuple[Hooks, ...]] = {}

    def __call__(self, request: Request, deadline: Deadline) -> Course:
        """Send ``request`` between the calls of its hooks."""
        hooks = self._of(request.options.name)
        has_called = False
        for each in hooks:
            if each.on_attempt is not None:
                ask = _asking(each.on_attempt, request)
                yield ask
                request = _changed(each.on_attempt, request, ask.answer)
                has_called = True
        outcome = yield deadline.within(request, None) if has_called else request
        assert outcome is not None
        for each in hooks:
            report: Callable[..., Any] | None = (
                each.on_response if isinstance(outcome, Response) else each.on_error
            )
            if report is not None:
                yield _asking(report, request, outcome)
        return outcome

    def _of(self, name: str) -> tuple[Hooks, ...]:
        hooks = self._by_name.get(name)
        if hooks is None:
            hooks = tuple(each for each in self._hooks if each.connection in (None, name))
            if len(self._by_name) < 1024:
                self._by_name[name] = hooks
        return hooks


def _asking(hook: Callable[..., Any], *arguments: object) -> Ask[Any]:
    return Ask(partial(_called, hook, *arguments), partial(_awaited, hook, *arguments))


@leads_out
def _called(hook: Callable[..., Any], *arguments: object) -> Any:
    answer = hook(*arguments)
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError(
            f"the hook {_name(hook)} is a coroutine function, which only awaited calls can use: "
            "aget(), arequest(), ..."
        )
    return answer


@leads_out
async def _awaited(hook: Callable[..., Any], *arguments: object) -> Any:
    answer = hook(*arguments)
    return await answer if inspect.isawaitable(answer) else answer


def _name(hook: object) -> str:
    name: str = getattr(hook, "__qualname__", type(hook).__name__)
    return name


def _changed(hook: OnAttempt, request: Request, answer: object) -> Request:
    if answer is None:
        return request
    if not isinstance(answer, Request) or answer._replace(headers=request.headers) != request:
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"on_attempt: {_name(hook)}: expected None, or the request with other headers and "
            "nothing else changed",
        )
    if answer.headers is request.headers:
        return answer
    try:
        pairs = None if answer.headers is None else header_pairs(answer.headers)
    except RequestTypeError:
        pairs = None
    if pairs is None or not all(isinstance(text, str) for pair in pairs for text in pair):
        raise RequestTypeError(
            CurlCode.BAD_FUNCTION_ARGUMENT,
            f"on_attempt: {_name(hook)}: expected headers as pairs of name and value, both text, "
            'as in request._replace(headers=(*request.headers, ("X-Signature", "...")))',
        )
    return answer._replace(headers=pairs)
