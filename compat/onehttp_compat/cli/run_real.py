"""``onehttp run --kamailio`` and ``--compare``: runs a script in a real server on this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from onehttp_compat.cli.report import RunReport
from onehttp_compat.real_server.compare import Difference, Follower, differences
from onehttp_compat.real_server.live_script import LiveMessage, LiveScript
from onehttp_compat.real_server.run import running
from onehttp_compat.real_server.user_config import UserConfig
from onehttp_compat.script.kemi.tree import EMULATED
from onehttp_compat.script.serving import serving
from onehttp_compat.script.world import World
from onehttp_compat.server import LegacyServer
from onehttp_compat.sip.message import SipMessage


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RealRun:
    """The arguments of a run in the server."""

    script: Path
    messages: list[SipMessage]
    method: str | None
    argument: str | None
    aliases: tuple[str, ...]
    config: UserConfig | None
    """The configuration with which the server is started besides the script."""
    loaded: frozenset[str] | None
    """The modules that ``KSR`` has; None: all that exist."""
    timeout_s: float
    world: World
    """The world of the run in the server."""
    tell: Callable[[World], None]
    """Applies the command line and the configuration to the world of a run."""


def run_in_server(run: RealRun, report: RunReport) -> None:
    """Run the script in a real server, and record the outcomes of the messages.

    Raises:
        RealServerError: there is no server, or it does not start.
    """
    with _running(run) as live:
        for one in _messages(run, live, report):
            _take_down(one, live, report)
        _conclude(live, report, run.config)


def compare(run: RealRun, report: RunReport, stand_in: LegacyServer) -> None:
    """Run the script in both, and record the differences; ``stand_in`` is the emulation.

    Raises:
        RealServerError: there is no server, or it does not start.
    """
    follower = Follower()

    def prepare(world: World) -> None:
        run.tell(world)
        world.follow = follower

    found: list[Difference] = []
    with (
        _running(run) as live,
        serving(
            run.script, stand_in, run.method, argument=run.argument, prepare=prepare,
            loaded=run.loaded, message_timeout_s=run.timeout_s,
        ) as sip,
    ):  # fmt: skip
        sip.world.myself = frozenset({*run.aliases, f"127.0.0.1:{live.port}"})
        follower.take()  # calls before the first message
        for one in _messages(run, live, report):
            _take_down(one, live, report)
            outcome = sip.run_one(live.as_seen(one.outcome.message))
            found += differences(outcome, follower.take(), one)
        _conclude(live, report, run.config)
    report.differences = found


@contextmanager
def _running(run: RealRun) -> Iterator[LiveScript]:
    with running(
        run.script, run.world.server, run.world, method=run.method, argument=run.argument,
        aliases=run.aliases, config=run.config, loaded=run.loaded,
    ) as live:  # fmt: skip
        yield live


def _messages(run: RealRun, live: LiveScript, report: RunReport) -> Iterable[LiveMessage]:
    messages = live.run(run.messages, run.timeout_s)
    try:
        yield from messages
    except KeyboardInterrupt:
        report.is_interrupted = True


def _take_down(one: LiveMessage, live: LiveScript, report: RunReport) -> None:
    report.note_message(one.outcome)
    emulated = {
        call.label
        for call in one.calls
        if (call.label.rpartition(".")[0]) not in EMULATED and "(" not in call.label
    }
    assumed = live.world.assumptions.calls.values()
    live.answered |= emulated - {each.function.removeprefix("KSR.") for each in assumed}


def _conclude(live: LiveScript, report: RunReport, config: UserConfig | None) -> None:
    """Report what the server has answered by itself, and what was left out."""
    server = live.server
    report.notes.append(
        f"Run in {server.version}, with {len(server.loaded)} modules; messages came to it from "
        "127.0.0.1, and what it passed on was caught here."
    )
    answered = sorted(one for one in live.answered if not one.startswith("http_"))
    if answered:
        report.notes.append(
            f"Answered by the server itself, and assumed without it: {', '.join(answered)}."
        )
    if config is not None and config.left_out:
        report.notes.append(
            "Left out of its configuration here, since it reaches beyond this machine: "
            f"{', '.join(config.left_out)}."
        )
    if server.left_out:
        report.notes.append(f"Modules that did not start: {', '.join(server.left_out)}.")
