"""``onehttp metrics --listen``: an endpoint for Prometheus with the metrics of all processes of a
directory."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from onehttp.control.process_exists import is_alive
from onehttp_backends.hints.extras import brought_by

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_LIVE_FILE: Final = re.compile(r"gauge_live[a-z]+_(\d+)\.db")


@click.command()
@click.option("--listen", "address", default="127.0.0.1:9464", show_default=True,
              metavar="HOST:PORT", help="The address to serve; port 0: any free port.")  # fmt: skip
@click.option("--directory", metavar="DIR", envvar=VARIABLE, show_envvar=True,
              help="The directory in which the processes keep their counters.")  # fmt: skip
@click.option("--once", is_flag=True, help="Print the metrics and exit.")
def metrics(address: str, directory: str | None, once: bool) -> None:
    """Serve the metrics of all processes that call onehttp.observe.metrics.expose() and were
    started with PROMETHEUS_MULTIPROC_DIR set to the directory.
    """
    if not directory:
        raise click.UsageError(f"no directory: give --directory, or set {VARIABLE}")
    folder = Path(directory)
    if not folder.is_dir():
        raise click.ClickException(f"{folder}: no such directory")
    try:
        import prometheus_client
    except ImportError:
        raise click.ClickException(
            f"metrics need prometheus_client: {brought_by('metrics')}"
        ) from None
    registry = registry_of(folder)
    if once:
        click.echo(prometheus_client.generate_latest(registry).decode(), nl=False)
        return
    host, port = _parsed(address)
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except OSError as error:
        raise click.ClickException(f"{address}: {error.strerror}") from None
    bound = server.server_port
    click.echo(f"metrics of {folder} at http://{_shown(host)}:{bound}/metrics")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.shutdown()
        thread.join()


def registry_of(folder: Path) -> CollectorRegistry:
    """Return a registry that adds up all processes of a directory."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    collector: Any = MultiProcessCollector

    class Living(collector):
        """Collects without the gauges of processes that have ended, in whatever way, and with
        those of processes that start later."""

        def collect(self) -> Any:
            forget_the_dead(folder)
            return collector.collect(self)

        @staticmethod
        def merge(files: list[str], accumulate: bool = True) -> Any:
            return collector.merge(list(filter(_has_content, files)), accumulate)

    registry = CollectorRegistry()
    make: Any = Living
    make(registry, str(folder))
    return registry


def _has_content(file: str) -> bool:
    """Whether a file has content; a process that is just starting has an empty file, and files of
    ended processes may have been removed meanwhile."""
    try:
        return Path(file).stat().st_size > 0
    except FileNotFoundError:
        return False


def forget_the_dead(folder: Path) -> None:
    """Remove the gauges of processes that have ended. Their counters stay."""
    from prometheus_client import multiprocess

    mark_dead: Any = multiprocess.mark_process_dead

    for path in folder.glob("gauge_live*.db"):
        found = _LIVE_FILE.fullmatch(path.name)
        if found and not is_alive(int(found[1])):
            mark_dead(int(found[1]), str(folder))


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.UsageError(f"--listen {address}: expected HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
