"""The course of one call: what to do next, by the policies of its connections.

    deadline( failover( retry( circuit breaker( limits( redirects( exchange ))))))

A course is a generator. It yields the next step (a `Request` to perform, a `Pause` to make, or an
`Ask` to call a function), is sent the outcome of that step, and returns the outcome of the whole
call. It never blocks and knows neither threads nor loops; `drivers` and `callback_driver` run it,
each in its own way.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from onehttp.calls.closed_loops import LOOK_AGAIN_S, are_any, give_back
from onehttp.calls.policy_state import REFUSALS, SERVER_ERROR, is_well
from onehttp.errors import CircuitOpenError, LimitReachedError
from onehttp.policies.clock import Clock, Pause
from onehttp.policies.deadline import Deadline, least
from onehttp.policies.eras import Eras
from onehttp.policies.failover import chain
from onehttp.policies.limits import Limiter, Turn
from onehttp.policies.redirects import following
from onehttp.policies.retry import LONGEST_PAUSE_S, may_repeat
from onehttp_backends.contract import Outcome, Request, Response
from onehttp_backends.errors import (
    ConnectError,
    CurlCode,
    DisconnectedError,
    Phase,
    ProtocolError,
    RequestError,
    ResolveError,
    Sent,
    TimeoutError,
    TLSError,
    TransferError,
    at_least,
)
from onehttp_backends.observed import step

if TYPE_CHECKING:
    from onehttp.calls.policy_state import PoliciesInForce
    from onehttp.calls.revision import ReadyConnection, Revision
    from onehttp.calls.user_functions import Ask
    from onehttp.policies.held_permits import Keeper

Step: TypeAlias = "Request | Pause | Ask[Any]"
Course: TypeAlias = "Generator[Step, Outcome | None, Outcome]"


class ChainCall(Protocol):
    """A call that can be made on each connection of a failover chain."""

    def on(self, ready: ReadyConnection) -> Request:
        """The request of the call on connection ``ready``."""

    def hops_on(self, ready: ReadyConnection) -> int:
        """How many redirects the call follows on ``ready``."""


_UNREACHED: Final = (ResolveError, ConnectError, TimeoutError, DisconnectedError, ProtocolError)
_OF_OUR_FILES: Final = (
    CurlCode.SSL_CERTPROBLEM,
    CurlCode.SSL_CIPHER,
    CurlCode.SSL_CACERT_BADFILE,
    CurlCode.SSL_CRL_BADFILE,
)
"""TLS errors that our own files or options cause. Others may be the fault of something between."""


def policed(
    revision: Revision,
    ready: ReadyConnection,
    request: Request,
    call: ChainCall,
    deadline: Deadline,
    first: Outcome | None = None,
    keeper: Keeper | None = None,
) -> Course:
    """The whole course of ``call``, whose request on ``ready`` is ``request``.

    Args:
        revision: the revision of connections that the call belongs to; failover looks there.
        first: the outcome of the first attempt, if that was made already.
        keeper: holds the permits of an attempt until the body of its response has ended.
    """
    outcome = yield from _attempts(ready, request, call.hops_on(ready), deadline, first, keeper)
    if not ready.spec.failover:
        return outcome
    for name in chain(ready.spec.name, lambda link: revision[link].spec.failover)[1:]:
        if not _fails_over(ready, request, outcome) or deadline.left_s() == 0:
            break
        if ready.policies is not None:
            ready.policies.count("failovers")
        step("fails over to %s", name, reason="failover")
        if keeper is not None:
            keeper.release()
        ready = revision[name]
        try:
            request = deadline.within(call.on(ready), None)
        except RequestError as error:  # fit for the connection before, and not for this one
            return _after(outcome, error)
        hops = call.hops_on(ready)
        ended = yield from _attempts(ready, request, hops, deadline, None, keeper)
        outcome = _after(outcome, ended)
    return outcome


def _attempts(
    ready: ReadyConnection,
    request: Request,
    max_redirects: int,
    deadline: Deadline,
    first: Outcome | None,
    keeper: Keeper | None,
) -> Course:
    policies = ready.policies
    if policies is None:
        return (yield from _exchange(request, max_redirects))
    if policies.budget is not None:
        policies.budget.note_call()
    if first is None:
        first = yield from _attempt(policies, request, max_redirects, deadline, keeper)
    outcome = first
    attempt = 1
    while (wait_s := _pause_before_next(policies, attempt, request, outcome, deadline)) is not None:
        if keeper is not None:
            keeper.release()
        yield Pause(wait_s)
        attempt += 1
        policies.count("retries")
        shortened = deadline.within(request, None)
        ended = yield from _attempt(policies, shortened, max_redirects, deadline, keeper)
        if isinstance(ended, REFUSALS):
            break  # what the server did says more than that we do not ask it again
        outcome = _after(outcome, ended)
    return outcome


def _pause_before_next(
    policies: PoliciesInForce, attempt: int, request: Request, outcome: Outcome, deadline: Deadline
) -> float | None:
    """Seconds to wait before another attempt; None if there is no other."""
    retry = policies.retry
    if retry is None or not retry.is_failure(outcome) or isinstance(outcome, REFUSALS):
        return None
    is_open = policies.breaker is not None and not policies.breaker.closed_era
    if attempt < retry.attempts and may_repeat(request, outcome) and not is_open:
        clock = deadline.clock
        wait_s = retry.wait_s(attempt, outcome, clock.share(), clock.wall)
        left_s = deadline.left_s()
        if wait_s < (LONGEST_PAUSE_S if left_s is None else left_s):
            if policies.budget is None or policies.budget.take():
                step("attempt %d failed; again in %.3f s", attempt, wait_s, reason="retry")
                return wait_s
            policies.count("budget_refused")
    policies.count("exhausted")
    return None


def _attempt(
    policies: PoliciesInForce,
    request: Request,
    max_redirects: int,
    deadline: Deadline,
    keeper: Keeper | None,
) -> Course:
    turn = Turn()
    try:
        return (yield from _made(policies, turn, request, max_redirects, deadline, keeper))
    except BaseException:
        try:
            policies.drop(turn)
        finally:  # once more: a signal handler may have raised in there
            policies.drop(turn)
        raise


def _made(
    policies: PoliciesInForce,
    turn: Turn,
    request: Request,
    max_redirects: int,
    deadline: Deadline,
    keeper: Keeper | None,
) -> Course:
    """Make the attempt ``turn``. If this raises, `PoliciesInForce.drop` must follow."""
    if not policies.begin(turn, deadline.clock.now()):
        refusal = yield from _refused(policies, turn, deadline)
        if refusal is not None:
            policies.drop(turn)
            return refusal
        request = deadline.within(request, None)
    place = None
    if policies.shared is not None:
        admission = yield from policies.shared.admitted(deadline, turn)
        if isinstance(admission, TransferError):
            is_open = isinstance(admission, CircuitOpenError)
            policies.count("circuit_refused" if is_open else "limit_refused")
            policies.drop(turn)
            return admission
        if admission is None:
            policies.count("counted_alone")
        place = admission
        request = deadline.within(request, None)
    if policies.attempt_timeout_s is not None:
        request = deadline.within(request, policies.attempt_timeout_s)
    outcome = yield from _exchange(request, max_redirects)
    policies.end(turn, outcome, deadline.clock, keeper)
    if place is not None:
        place.end(is_well(outcome), keeper if isinstance(outcome, Response) else None)
    return outcome


def _refused(
    policies: PoliciesInForce, turn: Turn, deadline: Deadline
) -> Generator[Pause, None, TransferError | None]:
    """Wait until an attempt may begin that could not at once; the error that refuses it, or None.

    What it has taken by then is left to `PoliciesInForce.drop`.
    """
    breaker, limiter = policies.breaker, policies.limiter
    era = Eras.first if breaker is None else breaker.admit(deadline.clock.now, turn)
    if not era and breaker is not None and give_back():
        era = breaker.admit(deadline.clock.now, turn)
    if not era:
        policies.count("circuit_refused")
        step("refused: the circuit is open")
        return CircuitOpenError(
            CurlCode.COULDNT_CONNECT,
            f"connection {policies.name!r}: not sent, its circuit is open",
            phase=Phase.QUEUE,
        )
    turn.era = era
    if limiter is None or (yield from _has_turn(policies, limiter, turn, deadline)):
        return None
    policies.count("limit_refused")
    step("refused: the limits gave it no turn in time")
    return LimitReachedError(
        CurlCode.OPERATION_TIMEDOUT,
        f"connection {policies.name!r}: not sent, its limits gave it no turn in time",
        phase=Phase.QUEUE,
    )


def _has_turn(
    policies: PoliciesInForce, limiter: Limiter, turn: Turn, deadline: Deadline
) -> Generator[Pause, None, bool]:
    """Wait for a permit, then for the moment to start; False if one of them comes too late."""
    give_back()
    if not limiter.enter(turn):
        policies.count("limit_waited")
        step("waits for its turn")
        yield from _wait_for(turn, _patience_s(limiter, deadline), deadline.clock)
        if not turn.is_granted:
            return False
    wait_s = limiter.reserve(deadline.clock.now(), _patience_s(limiter, deadline))
    if wait_s:
        policies.count("limit_waited")
        yield Pause(wait_s)
    return wait_s is not None


def _wait_for(turn: Turn, patience_s: float | None, clock: Clock) -> Generator[Pause, None, None]:
    """Wait until ``turn`` is granted, or for ``patience_s``.

    Earlier waiters may be tasks whose loop was closed, so the wait is repeated in short steps.
    """
    left_s = patience_s
    until = None if left_s is None else clock.now() + left_s
    while not turn.is_granted and (left_s is None or left_s > 0):
        yield Pause(least(left_s, LOOK_AGAIN_S) if are_any() else left_s, turn)
        give_back()
        left_s = None if until is None else until - clock.now()


def _patience_s(limiter: Limiter, deadline: Deadline) -> float | None:
    return least(limiter.policy.wait_s, deadline.left_s())


def _exchange(request: Request, max_redirects: int) -> Course:
    if max_redirects:
        return (yield from following(request, max_redirects))
    outcome = yield request
    assert outcome is not None
    return outcome


def _fails_over(ready: ReadyConnection, request: Request, outcome: Outcome) -> bool:
    """Whether the next connection of the chain may do better than ``outcome``."""
    if not may_repeat(request, outcome):
        return False
    retry = ready.spec.retry
    if retry is not None and retry.is_failure(outcome):
        return True
    if isinstance(outcome, Response):
        return outcome.status >= SERVER_ERROR
    return isinstance(outcome, _UNREACHED) or (
        isinstance(outcome, TLSError) and outcome.code in _OF_OUR_FILES
    )


def _after(earlier: Outcome, outcome: Outcome) -> Outcome:
    """``outcome``, joined with that of an earlier attempt if it is an error.

    Its traceback shows the earlier error, and ``sent`` says how far any of the attempts got.
    """
    if not isinstance(outcome, TransferError):
        return outcome
    if isinstance(earlier, Response):
        return at_least(outcome, Sent.YES)
    outcome = at_least(outcome, earlier.sent)
    outcome.__cause__ = earlier
    return outcome
