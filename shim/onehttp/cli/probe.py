"""``onehttp probe [NAME...]``: tests which connections work, how fast they are, and how long their
certificates remain valid."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final

import click

from onehttp.calls.revision import ReadyConnection, Revision
from onehttp.connections.file.load import load_connections
from onehttp.connections.usual_file import USUAL
from onehttp.errors import OnehttpError, TransferError
from onehttp.policies.failover import chain
from onehttp_backends.contract import Request, Timings
from onehttp_backends.optional.probing import Certificate, Probe, Prober
from onehttp_backends.registry import load
from onehttp_backends.response import FIRST_ERROR

AT_ONCE: Final = 16
FEW_DAYS: Final = 14
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """The result for one connection."""

    name: str
    origin: str
    probe: Probe
    failover: tuple[tuple[str, bool], ...] = ()
    """The connections that it fails over to, and whether each is up."""

    @property
    def is_up(self) -> bool:
        return is_up(self.probe)


def is_up(probe: Probe) -> bool:
    """Whether the server was reached, and has passed the health check if there was one."""
    return probe.error is None and probe.status < FIRST_ERROR


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--connections", "file", default=USUAL, show_default=True,
              metavar="FILE", help="The connections file.")  # fmt: skip
@click.option(
    "--health", metavar="PATH", help="Also GET this path; a status of 400 or more counts as down."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def probe(names: tuple[str, ...], file: str, health: str | None, as_json: bool) -> None:
    """Connect to the servers of the named connections, or of all connections. Without --health no
    request is sent. Exit status 1: a server is down.
    """
    try:
        revision = Revision(load_connections(file))
        wanted = [revision[name].spec.name for name in dict.fromkeys(names)] or list(revision)
        chains = {name: chain(name, lambda link: revision[link].spec.failover) for name in wanted}
        asked = dict.fromkeys(link for links in chains.values() for link in links)
        probes = _probed([revision[name] for name in asked], health, quiet=as_json)
    except OnehttpError as error:
        raise click.ClickException(str(error)) from None
    rows = [
        ProbeRow(
            name=name,
            origin="/".join(revision[name].spec.url.split("/")[:3]),
            probe=probes[name],
            failover=tuple((link, is_up(probes[link])) for link in chains[name][1:]),
        )
        for name in wanted
    ]
    if as_json:
        click.echo(json.dumps([_described(row) for row in rows], indent=2))
    else:
        _print(rows)
    if not all(row.is_up for row in rows):
        raise SystemExit(1)


def _probed(wanted: Sequence[ReadyConnection], health: str | None, quiet: bool) -> dict[str, Probe]:
    backend = load("pycurl")()
    assert isinstance(backend, Prober)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        running = {threads.submit(_probe, backend, ready, health): ready for ready in wanted}
        return {running[done].spec.name: done.result() for done in _with_progress(running, quiet)}


def _probe(backend: Prober, ready: ReadyConnection, health: str | None) -> Probe:
    spec = ready.spec
    request = Request("GET", ready.url(health or ""), spec.headers, None, spec.options)
    try:
        return backend.probe(request, sends_request=health is not None)
    except TransferError as error:
        return Probe(error=error)


def _with_progress(
    running: dict[Future[Probe], ReadyConnection], quiet: bool
) -> Iterable[Future[Probe]]:
    if quiet or not sys.stderr.isatty():
        return as_completed(running)
    from rich.console import Console
    from rich.progress import track

    return track(
        as_completed(running),
        description="probing",
        total=len(running),
        console=Console(stderr=True),
        transient=True,
    )


def _phases_ms(timings: Timings) -> dict[str, float | None]:
    """Return the duration of each phase; None if the phase did not happen."""
    tls_us = timings.appconnect_us - timings.connect_us if timings.appconnect_us else None
    answer_us = timings.starttransfer_us - timings.pretransfer_us
    phases_us = {
        "lookup": timings.lookup_us if timings.connect_us else None,
        "connect": timings.connect_us - timings.lookup_us if timings.connect_us else None,
        "tls": tls_us,
        "first_byte": answer_us if timings.starttransfer_us else None,
    }
    return {
        phase: None if micros is None else round(micros / 1000, 3)
        for phase, micros in phases_us.items()
    }


def _days_left(certificate: Certificate) -> int:
    return int((certificate.expires - time.time()) // DAY_S)


def _described(row: ProbeRow) -> dict[str, Any]:
    probe = row.probe
    error, certificate = probe.error, probe.certificate
    return {
        "name": row.name,
        "origin": row.origin,
        "up": row.is_up,
        "error": error
        and {
            "code": error.code,
            "message": error.reason,
            "phase": error.phase and error.phase.value,
        },
        "status": probe.status or None,
        "http_version": probe.http_version or None,
        "peer": probe.peer.host or None,
        "ms": _phases_ms(probe.timings),
        "certificate": certificate
        and {
            "subject": certificate.subject,
            "expires": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(certificate.expires)),
            "days_left": _days_left(certificate),
        },
        "failover": [{"name": name, "up": up} for name, up in row.failover],
    }


def _print(rows: Sequence[ProbeRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="connections", title_justify="left")
    for heading in ("name", "origin", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("lookup ms", "connect", "TLS", "first byte"):
        table.add_column(heading, justify="right")
    for heading in ("HTTP", "certificate", "days left", "failover"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        certificate = row.probe.certificate
        table.add_row(
            _plain(row.name),
            _plain(row.origin),
            _state(row),
            *("" if ms is None else f"{ms:.1f}" for ms in _phases_ms(row.probe.timings).values()),
            row.probe.http_version,
            _plain(certificate.subject) if certificate else "",
            _days(certificate),
            " ".join(f"{_plain(name)} {_word(up)}" for name, up in row.failover),
        )
    Console(width=None if Console().is_terminal else 200).print(table)


def _word(is_up: bool) -> str:
    return "[green]up[/]" if is_up else "[red]down[/]"


def _state(row: ProbeRow) -> str:
    error, status = row.probe.error, row.probe.status
    what = error.reason if error else f"status {status}" if status else ""
    return f"{_word(row.is_up)}: {_plain(what)}" if what else _word(row.is_up)


def _days(certificate: Certificate | None) -> str:
    if certificate is None:
        return ""
    days = _days_left(certificate)
    colour = "red" if days < 0 else "yellow" if days < FEW_DAYS else "green"
    return f"[{colour}]{days}[/]"


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
