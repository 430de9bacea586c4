"""Finds the differences between the emulation and the real server for a message: in answers of
functions, in replies, and in forwarded requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from onehttp_compat.calls.warning import calling_place
from onehttp_compat.real_server.live_script import LiveMessage, RecordedCall
from onehttp_compat.script.instance import running_route
from onehttp_compat.script.message_in_progress import current
from onehttp_compat.script.outcome import MessageOutcome
from onehttp_compat.script.world.assumptions import answering

# These differ between processes, times and runs.
_UNLIKE: Final = frozenset(
    ("pv.get", "pv.gete", "pv.getw", "pv.getvs", "pv.getvn", "pvx.var_get", "kx.get_timestamp")
)
_VARIABLES: Final = re.compile(
    r"\$\(?(?:T[sSfFbVv]?\b|TV|time|utime|timef|utimef|pp|RANDOM|mi|T\(id_|T\(uri|T\(flags|T\(ruid|ltt|uuid|http_req_id|"
    r"http_time|stat|version|HN|sruid|ruid|env|envn|DLG_lifetime|"
    r"dlg\((?:h_|ref|start_ts))"
)
_OWN: Final = frozenset(("uuid.get", "uuid.rget", "uuid.tget", "cfgutils.rand_event"))
# Messages that tm sends by itself. It says "trying" where the emulation has 100.
_REASON: Final = re.compile(r"^(\d{3}).*")


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference for one message."""

    message: str
    line: int
    """The line in the script; 0 if there is none."""
    what: str
    stand_in: str
    server: str


class Follower:
    """Records the calls of a script in the emulation, for each message."""

    def __init__(self) -> None:
        self.calls: list[RecordedCall] = []

    def __call__(self, label: str, arguments: tuple[object, ...], result: object) -> None:
        scene = current()
        if scene is None or not scene.progress.outcome.number or answering.get():
            return  # called at the start, or by a hook
        _, line = calling_place()
        self.calls.append(RecordedCall(label, arguments, result, line, running_route.get()))

    def take(self) -> list[RecordedCall]:
        """Return the calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


def differences(
    outcome: MessageOutcome, calls: Sequence[RecordedCall], live: LiveMessage
) -> list[Difference]:
    """Return all differences for a message, in the order of the script; empty if there are none."""
    return [*_of_calls(outcome, calls, live), *_of_ends(outcome, live)]


def _of_calls(
    outcome: MessageOutcome, calls: Sequence[RecordedCall], live: LiveMessage
) -> Iterator[Difference]:
    # Compared route by route, because callbacks outside of transactions run in parallel.
    for route in dict.fromkeys(call.route for call in (*calls, *live.calls)):
        yield from _of_route(
            outcome.message.label,
            [call for call in calls if call.route == route],
            [call for call in live.calls if call.route == route],
        )


def _of_route(
    label: str, calls: Sequence[RecordedCall], live: Sequence[RecordedCall]
) -> Iterator[Difference]:
    for mine, theirs in zip_longest(calls, live):
        if mine is None or theirs is None or _shape(mine) != _shape(theirs):
            # From here on the script has taken another path, and the cause was reported.
            line = (mine or theirs).line
            yield Difference(label, line, "the script goes on with", _call(mine), _call(theirs))
            return
        if not _is_alike(mine, theirs):
            yield Difference(label, mine.line, _call(mine), repr(mine.result), repr(theirs.result))


def _of_ends(outcome: MessageOutcome, live: LiveMessage) -> Iterator[Difference]:
    label = outcome.message.label
    mine, theirs = _statuses(outcome.replies), _statuses(live.outcome.replies)
    if mine != theirs:
        yield Difference(label, 0, "replies", ", ".join(mine), ", ".join(theirs))
    is_relayed, was_relayed = outcome.is_passed_on, live.outcome.is_passed_on
    if is_relayed != was_relayed:
        yield Difference(label, 0, "passed on", str(is_relayed), str(was_relayed))
    if bool(outcome.error) != bool(live.outcome.error):
        yield Difference(
            label, 0, "ends with", outcome.error or "no error", live.outcome.error or "no error"
        )
    if bool(outcome.refusal) != bool(live.outcome.refusal):
        yield Difference(
            label, 0, "dropped", str(bool(outcome.refusal)), str(bool(live.outcome.refusal))
        )


def _shape(call: RecordedCall) -> tuple[str, int]:
    return call.label, call.line


def _call(call: RecordedCall | None) -> str:
    if call is None:
        return "nothing"
    given = ", ".join(map(repr, call.arguments))
    return f"{call.label}({given if len(given) <= 60 else given[:57] + '...'})"


def _is_alike(mine: RecordedCall, theirs: RecordedCall) -> bool:
    if mine.result == theirs.result or mine.label in _OWN:
        return True
    first = mine.arguments[0] if mine.arguments else ""
    return mine.label in _UNLIKE and isinstance(first, str) and bool(_VARIABLES.match(first))


def _statuses(replies: Sequence[str]) -> list[str]:
    """The numbers of final statuses, and of provisional ones except 100."""
    return [_REASON.sub(r"\1", one) for one in replies if not one.startswith("100")]
