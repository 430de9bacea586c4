"""A layer that adds a token to the request, and repeats it with a new token if that is refused."""

from __future__ import annotations

from typing import Final

from onehttp.calls.arguments import CallArguments
from onehttp.calls.around.layered_engine import Surrounded
from onehttp.calls.auth.credentials import AUTHORIZATION, AuthSource
from onehttp.calls.auth.token_source import (
    AwaitedToken,
    NoTokenInTimeError,
    TokenSource,
    bearer,
)
from onehttp.calls.course import Course
from onehttp.calls.user_functions import Ask
from onehttp.policies.clock import Clock
from onehttp.policies.deadline import Deadline
from onehttp_backends.contract import Backend, Request, Response
from onehttp_backends.errors import CurlCode, Phase, RequestError, Sent, TimeoutError, TransferError
from onehttp_backends.observed import step
from onehttp_backends.shown import shown

UNAUTHORIZED: Final = 401


def with_tokens(backend: Backend, auth: AuthSource, clock: Clock) -> Backend:
    """Return ``backend`` with this layer, for a call with these credentials."""
    return Surrounded(backend, with_token, clock) if isinstance(auth, TokenSource) else backend


def tokens_around(backend: Backend, call: CallArguments, clock: Clock) -> Backend:
    """Return ``backend`` with this layer, for a call with these arguments."""
    return with_tokens(backend, call["auth"], clock) if "auth" in call else backend


def with_token(request: Request, deadline: Deadline) -> Course:
    """Send ``request`` with a token, unless a redirect has led to another origin."""
    source = _source(request)
    if source is None:
        outcome = yield request
        assert outcome is not None
        return outcome
    ask = _asking(source, request, deadline)
    yield ask
    outcome = yield deadline.within(_filled(request, ask.answer), None)
    assert outcome is not None
    is_refused = isinstance(outcome, Response) and outcome.status == UNAUTHORIZED
    if not is_refused or (request.upload is not None and not request.upload.may_begin):
        return outcome
    again = _asking(source, request, deadline, ask.answer)
    yield again
    if again.answer == ask.answer or deadline.left_s() == 0:
        return outcome
    step("the token was refused; again with another", reason="auth")
    outcome = yield deadline.within(_filled(request, again.answer), None)
    assert outcome is not None
    return outcome


def _source(request: Request) -> TokenSource | None:
    for _, value in request.headers:
        if isinstance(value, AwaitedToken):
            return value.source
    return None


def _filled(request: Request, token: str) -> Request:
    headers = tuple(
        (AUTHORIZATION, bearer(token)) if isinstance(value, AwaitedToken) else (name, value)
        for name, value in request.headers
    )
    return request._replace(headers=headers)


def _asking(
    source: TokenSource, request: Request, deadline: Deadline, refused: str | None = None
) -> Ask[str]:
    def get() -> str:
        try:
            return source.get(refused, deadline.left_s())
        except NoTokenInTimeError:
            raise _too_late(request) from None
        except TransferError as error:
            raise _no_token(request, error) from error.with_traceback(None)

    async def aget() -> str:
        try:
            return await source.aget(refused, deadline.left_s())
        except NoTokenInTimeError:
            raise _too_late(request) from None
        except TransferError as error:
            raise _no_token(request, error) from error.with_traceback(None)

    return Ask(get, aget)


def _too_late(request: Request) -> TimeoutError:
    return TimeoutError(
        CurlCode.OPERATION_TIMEDOUT,
        f"{shown(request)}: not sent, no token came within its time limit",
        sent=Sent.NO,
        phase=Phase.QUEUE,
    )


def _no_token(request: Request, error: TransferError) -> RequestError:
    """The error of a request that was not sent because its token could not be fetched."""
    return RequestError(
        CurlCode.LOGIN_DENIED,
        f"{shown(request)}: not sent, there is no token for it: {error.message}",
        sent=Sent.NO,
    )
