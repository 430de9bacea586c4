"""``onehttp run SCRIPT``: runs an unmodified legacy script outside its server, and reports its
calls."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

import onehttp
from onehttp.lowlevel import DEFAULT_FINAL_TIMER_S, TransactionLayer, usual_file
from onehttp_compat.cli.config_options import ConfigInputs, config_options
from onehttp_compat.cli.report import RunReport
from onehttp_compat.cli.run_world import WorldSettings, loaded_modules, tell
from onehttp_compat.cli.script_output import apart
from onehttp_compat.script.captures import DEFAULT_MESSAGE, read_messages
from onehttp_compat.script.limits import interruptible, staying_alive
from onehttp_compat.script.outcome import MessageOutcome
from onehttp_compat.script.pv.store import install
from onehttp_compat.script.serving import serving
from onehttp_compat.script.sip_server import SipServer
from onehttp_compat.script.world import World
from onehttp_compat.server import LegacyServer, use_server
from onehttp_compat.sip.message import SipMessage

if TYPE_CHECKING:
    from onehttp_compat.cli.configured import Configured

DEFAULT_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of the command line."""

    script: Path
    connections: Path | None
    modparams: tuple[str, ...]
    config: Path | None
    inputs: ConfigInputs
    messages: tuple[Path, ...]
    method: str | None
    call: str | None
    events: tuple[str, ...]
    child_init: tuple[int, ...]
    myself: tuple[str, ...]
    assume: Path | None
    strict: bool
    timeout: float
    kamailio: bool
    compare: bool
    repeat: int
    concurrency: int
    fr_timer: float
    backend: str
    legacy_bugs: Any
    as_json: bool
    verbose: bool

    @property
    def is_load_test(self) -> bool:
        return self.repeat > 1 or self.concurrency > 1


@click.command()
@click.argument("script", type=click.Path(path_type=Path))
@click.option("--connections", type=click.Path(path_type=Path), metavar="FILE",
              help="The connections file; default: connections.yaml, if it exists.")  # fmt: skip
@click.option("--modparam", "modparams", multiple=True, metavar="MODULE:NAME=VALUE",
              help="Set a parameter of a module; repeatable.")  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
              help="Configure the HTTP modules from this kamailio.cfg.")  # fmt: skip
@config_options
@click.option("--message", "messages", multiple=True, type=click.Path(path_type=Path),
              help="SIP messages: a file (.sip, .pcap, traces of sipp and sngrep) or a folder of "
              "them; repeatable.")  # fmt: skip
@click.option("--method", help="The method of an app_python script that handles messages.")
@click.option("--call", metavar="NAME[:TEXT]", help="The same, with the text argument that "
              "kamailio.cfg passes to it.")  # fmt: skip
@click.option("--event", "events", multiple=True, metavar="NAME[:EVENT]", help="Run an event "
              "route or a timer route before the messages; repeatable.")  # fmt: skip
@click.option("--child-init", multiple=True, type=int, metavar="RANK",
              help="Also run child_init for a process of this rank; repeatable.")  # fmt: skip
@click.option("--myself", multiple=True, metavar="HOST[:PORT]", help="An address of the server "
              "itself, for is_myself and loose_route; repeatable.")  # fmt: skip
@click.option("--assume", type=click.Path(path_type=Path), metavar="FILE",
              help="A YAML file with the answers of functions that are not emulated.")  # fmt: skip
@click.option(
    "--strict", is_flag=True, help="Count a message as failed if it needs an assumed answer."
)
@click.option("--timeout", default=DEFAULT_TIMEOUT_S, show_default=True, metavar="SECONDS",
              type=click.FloatRange(0.01, 86_400), help="The time limit of the script for each "
              "message.")  # fmt: skip
@click.option("--kamailio", is_flag=True, help="Run the script in a real Kamailio on this machine, "
              "on loopback.")  # fmt: skip
@click.option("--compare", is_flag=True, help="Run the script in the emulation and in a real "
              "Kamailio, and show the differences.")  # fmt: skip
@click.option("--repeat", default=1, type=click.IntRange(1, 1_000_000),
              help="Replay all messages this many times.")  # fmt: skip
@click.option("--concurrency", default=1, type=click.IntRange(1, 10_000), show_default=True,
              help="The number of messages in progress at a time, including suspended "
              "ones.")  # fmt: skip
@click.option("--fr-timer", default=DEFAULT_FINAL_TIMER_S, show_default=True,
              type=click.FloatRange(0.001, 86_400), metavar="SECONDS",
              help="The time after which a suspended transaction gets a 408.")  # fmt: skip
@click.option("--backend", default="pycurl", show_default=True)
@click.option("--legacy-bugs", type=click.Choice(["fixed", "faithful"]), default="fixed")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show the log of the script.")
def run(**options: Any) -> None:
    """Run a legacy routing script for SIP messages and show its HTTP calls."""
    chosen = RunOptions(**options)
    _log_to_stderr(chosen)
    # The report shows each call and its replacement, so warnings would only repeat that.
    warnings.simplefilter("ignore", onehttp.LegacyCallWarning)
    before = set(threading.enumerate())
    try:
        with interruptible() as interruption:
            report = _run(chosen)
    except onehttp.OnehttpError as error:
        raise click.ClickException(str(error)) from None
    finally:
        onehttp.shutdown()
        use_server(None)
    left = _left_behind(before)
    if left:
        report.notes.append(f"The script has left threads running: {', '.join(left)}.")
    if report.has_taken_nothing:
        report.notes.append("The server would drop all of these messages.")
    _print(report, chosen)
    status = interruption.status if report.is_interrupted else 1 if report.has_errors else 0
    if left and threading.current_thread() is threading.main_thread():
        _leave_at_once(status)
    raise SystemExit(status)


def _run(options: RunOptions) -> RunReport:
    """Run the script for all messages.

    Raises:
        OnehttpError: the script cannot be run.
    """
    requests = [one for path in options.messages for one in read_messages(path)]
    requests = requests or [DEFAULT_MESSAGE]
    server = LegacyServer(options.legacy_bugs)
    use_server(server)
    configured = _configure(server, options)
    workers = max(1, server.http_async_client.parameters.workers)
    limits = onehttp.QueryLimits(workers=workers, queue_length=0)
    report = RunReport(options.script, len(requests), is_load_test=options.is_load_test)
    onehttp.init(_connections(options, report), backend=options.backend, queries=limits)
    server.start()
    server.observers.append(report.note)
    told = WorldSettings(
        myself=options.myself,
        defines=options.inputs.defines,
        assume=options.assume,
        is_strict=options.strict,
        configured=configured,
        messages=requests,
    )
    method, argument = _named_call(options, configured)
    if options.kamailio or options.compare:
        _run_real(options, server, told, report)
        report.stats = onehttp.stats()
        return report
    with apart() as output, staying_alive(), serving(
        options.script,
        server,
        method,
        argument=argument,
        ranks=options.child_init,
        loaded=loaded_modules(configured),
        prepare=lambda world: tell(world, told),
        message_timeout_s=options.timeout,
        final_timer_s=options.fr_timer,
    ) as sip:  # fmt: skip
        _collect(report, sip, requests, options)
        # A migrated script submits queries itself. These belong to no message.
        if not report.is_interrupted and not onehttp.drain(options.timeout):
            report.notes.append("Queries of the script were still open; their routes did not run.")
    report.stats = onehttp.stats()
    report.notes += [output.note()] if output.note() else []
    report.notes += configured.remarks(options.script) if configured else ()
    return report


def _configure(server: LegacyServer, options: RunOptions) -> Configured | None:
    """Apply the configuration and the options of the command line to the modules."""
    configured = None
    if options.config is not None:
        from onehttp_compat.cli.configured import Configured

        configured = Configured(server, options.config, options.inputs)
    for text in options.modparams:
        server.modparam(*_modparam(text))
    return configured


def _connections(options: RunOptions, report: RunReport) -> Path | None:
    """Find the connections file. If the user has not named it, the report says which one is
    used."""
    if options.connections is not None or options.config is not None or options.modparams:
        return options.connections
    found = usual_file()
    if found is not None:
        report.notes.append(f"Using the connections file {found} in this folder.")
    return found


def _run_real(
    options: RunOptions, server: LegacyServer, told: WorldSettings, report: RunReport
) -> None:
    """Run the script in a real server; with ``--compare`` also outside it."""
    from onehttp_compat.cli.run_real import RealRun, compare, run_in_server
    from onehttp_compat.real_server.user_config import user_config

    world = World(server, TransactionLayer(options.fr_timer), options.script)
    install(world)
    tell(world, told)
    configured = told.configured
    method, argument = _named_call(options, configured)
    addresses = configured.addresses() if configured else set()
    run = RealRun(
        script=options.script,
        messages=told.messages,
        method=method,
        argument=argument,
        aliases=tuple(dict.fromkeys((*options.myself, *sorted(addresses)))),
        config=None if configured is None else user_config(configured.config),
        loaded=loaded_modules(configured),
        timeout_s=options.timeout,
        world=world,
        tell=lambda other: tell(other, told),
    )
    with apart():
        if options.compare:
            stand_in = LegacyServer(options.legacy_bugs)
            _configure(stand_in, options)
            compare(run, report, stand_in)
        else:
            run_in_server(run, report)
    report.assumed = list(world.assumptions.calls.values())
    report.mistakes = list(world.mistakes.found.values())


def _collect(
    report: RunReport, sip: SipServer, requests: list[SipMessage], options: RunOptions
) -> None:
    """Run events and messages, and record their outcomes. Ctrl-C ends this early."""
    world = sip.world
    try:
        for event in options.events:
            name, _, argument = event.partition(":")
            report.note_message(sip.run_event(name, argument))
        outcomes = sip.run(requests, options.concurrency, options.repeat)
        total = len(requests) * options.repeat
        for outcome in _with_progress(outcomes, total, quiet=options.as_json):
            report.note_message(outcome)
    except KeyboardInterrupt:
        report.is_interrupted = True
    report.assumed = list(world.assumptions.calls.values())
    report.mistakes = list(world.mistakes.found.values())
    if idle := world.assumptions.never_asked():
        report.notes.append(f"The script did not use these entries of --assume: {', '.join(idle)}.")
    if world.asked_for_myself and not options.myself:
        hosts = sorted(world.asked_for_myself)
        shown = ", ".join(hosts[:5]) + (", ..." if len(hosts) > 5 else "")
        report.notes.append(
            f"The script asked whether these are addresses of the server, and the answer was no: "
            f"{shown}. Add them with --myself HOST if they are."
        )


def _named_call(
    options: RunOptions, configured: Configured | None
) -> tuple[str | None, str | None]:
    """The method of an ``app_python`` script that takes messages, and its text argument."""
    if options.call is None:
        told = configured.python_call() if configured and options.method is None else None
        return told or (options.method, None)
    name, colon, text = options.call.partition(":")
    return name, text if colon else None


def _modparam(text: str) -> tuple[str, str, int | str]:
    place, equals, value = text.partition("=")
    module, colon, name = place.partition(":")
    if not equals or not colon:
        raise click.BadParameter(
            f"expected MODULE:NAME=VALUE, got {text!r}", param_hint="--modparam"
        )
    return module, name, int(value) if value.lstrip("-").isdecimal() else value


def _log_to_stderr(options: RunOptions) -> None:
    # In a load test the tables show the errors; a line for each would hide the tables.
    quiet_level = logging.CRITICAL if options.is_load_test else logging.ERROR
    level = logging.DEBUG if options.verbose else quiet_level
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)  # loggers of the script may have levels of their own
    form = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(handlers=[handler], format=form, level=level)


def _print(report: RunReport, options: RunOptions) -> None:
    if options.as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
        return
    from onehttp_compat.cli.printing import print_report

    print_report(report)


def _left_behind(before: set[threading.Thread]) -> list[str]:
    """Names of threads that would keep the process from ending."""
    after = [one for one in threading.enumerate() if one not in before and not one.daemon]
    return sorted(one.name for one in after if one is not threading.current_thread())


def _leave_at_once(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _with_progress(
    outcomes: Iterable[MessageOutcome], total: int, quiet: bool
) -> Iterable[MessageOutcome]:
    terminal = sys.__stderr__  # a script has another type of error
    if quiet or total < 20 or terminal is None or not terminal.isatty():
        return outcomes
    from rich.console import Console
    from rich.progress import track

    return track(outcomes, "messages", total, console=Console(file=terminal))
