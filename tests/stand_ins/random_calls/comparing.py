"""Draws calls, makes them on both sides, and says what differs."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from onehttp_compat.real_server.process import RealServerError
from onehttp_compat.script.catalogue import Signature, catalogue
from onehttp_compat.script.kemi.tree import EMULATED
from onehttp_compat.script.world import World
from stand_ins.random_calls.arguments import argument
from stand_ins.random_calls.messages import MESSAGES, numbered
from stand_ins.random_calls.sides import BothSides, Call, Outcome

CRASHING: Final = frozenset(("kx.get_conid",))
"""What the server does not survive."""
WAITING: Final = frozenset(
    ("cfgutils.sleep", "cfgutils.usleep", "cfgutils.lock", "htable.sht_lock")
)
OF_THE_RUN: Final = frozenset((
    "uuid.get", "uuid.rget", "uuid.tget", "cfgutils.rand_event", "get_debug",
    "kx.get_timestamp", "kx.get_rcvport", "kx.get_rcvaddr_sock", "kx.get_srcaddr_sock",
))  # fmt: skip
"""Their results differ between processes, times and runs."""
_OF_THE_RUN: Final = re.compile(
    r"\$\(?(?:T[sSfFb]\b|TV|time|utime|timef|utimef|pp\b|RANDOM|mi\b|T\(id_|T\(uri|T\(flags|T\(ruid|"
    r"T_branch|ltt|uuid|stat|version|HN|sruid|ruid|env|DLG_|dlg\(|branch\(ruid)"
)
STATE: Final = (
    "$ru", "$du", "$rb", "$mf", "$bf", "$sf", "$rs", "$rr", "$fs", "$avp(a)", "$var(a)",
    "$xavp(a=>b)", "$branch(count)", "$(branch(uri)[*])", "$route_uri",
)  # fmt: skip
PROBES: Final[list[Call]] = [
    *(("pv.get", (name,)) for name in STATE),
    ("textopsx.msg_apply_changes", ()),
    ("pv.get", ("$mb",)),
]
"""What shows after the calls how the message and the variables are."""
NOTHING: Final = "no such call"


@dataclass(frozen=True, slots=True)
class Difference:
    """What the two sides do not do alike."""

    message: str
    calls: Sequence[Call]
    what: str
    emulation: object
    server: object


class Drawing:
    """Draws messages and calls, the same ones for the same seed.

    Args:
        modules: those whose functions are called; ``core`` for ``KSR`` itself.
        left: functions that are not called.
        count: how many functions are called for each message.
    """

    def __init__(
        self, world: World, modules: Sequence[str], left: frozenset[str], count: int, seed: int
    ) -> None:
        self._choose = random.Random(seed)
        self._count = count
        names = [name.replace("core", "", 1) if name == "core" else name for name in modules]
        self.functions = [one for name in names for one in _emulated(world, name)
                          if _label(one) not in left | CRASHING | WAITING]  # fmt: skip

    def draw(self) -> tuple[str, list[Call]]:
        """A message and calls."""
        choose = self._choose
        return choose.choice(list(MESSAGES)), [self._call() for _ in range(self._count)]

    def _call(self) -> Call:
        signature = self._choose.choice(self.functions)
        places = range(len(signature.parameters))
        return _label(signature), tuple(argument(self._choose, signature, at) for at in places)


def compare(sides: BothSides, number: int, message: str, calls: list[Call]) -> Iterator[Difference]:
    """Make the calls for the message on both sides.

    Raises:
        RealServerError: the server has ended.
    """
    every = [*calls, *PROBES]
    mine, theirs = sides.run(numbered(MESSAGES[message], number), every)
    for call, ours, real in zip_longest(every, mine.results, theirs.results, fillvalue=NOTHING):
        is_alike = ours == real and type(ours) is type(real)
        if is_alike or not isinstance(call, tuple) or _is_of_the_run(call):
            continue
        yield Difference(message, calls, f"{call[0]}{call[1]!a}", ours, real)
    # Where replies go is not compared: a broken one is sent here, but not by the server.
    is_request = not MESSAGES[message].startswith(b"SIP")
    ends = [(*_end(one), one.is_passed_on and is_request) for one in (mine, theirs)]
    if ends[0] != ends[1]:
        yield Difference(message, calls, "end", *ends)


def survived(
    sides: BothSides, number: int, message: str, calls: list[Call]
) -> tuple[list[Difference], bool]:
    """The same, with whether the server is still there: what it has died of is a difference."""
    try:
        return list(compare(sides, number, message, calls)), True
    except RealServerError:
        last = sides.last_call([*calls, *PROBES])
        return [Difference(message, calls, f"{last!a}", "", "the server has crashed")], False


def _end(outcome: Outcome) -> tuple[object, ...]:
    return outcome.replies, outcome.end


def _emulated(world: World, module: str) -> list[Signature]:
    group = EMULATED[module](world)
    return [one for name, one in catalogue().functions[module].items() if group.find(name)]


def _label(signature: Signature) -> str:
    return signature.label.removeprefix("KSR.")


def _is_of_the_run(call: Call) -> bool:
    label, arguments = call
    texts = (one for one in arguments if isinstance(one, str))
    return label in OF_THE_RUN or any(map(_OF_THE_RUN.search, texts))
