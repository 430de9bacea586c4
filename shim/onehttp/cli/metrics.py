"""``onehttp metrics --listen``: one place to scrape for all processes of a directory."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from onehttp.control.living import is_alive
from onehttp_backends.hints.extras import brought_by

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_LIVE_FILE: Final = re.compile(r"gauge_live[a-z]+_(\d+)\.db")


@click.command()
@click.option("--listen", "address", default="127.0.0.1:9464", show_default=True,
              metavar="HOST:PORT", help="Where to be scraped; port 0: a free one.")  # fmt: skip
@click.option("--directory", metavar="DIR", envvar=VARIABLE, show_envvar=True,
              help="Where the processes keep their numbers.")  # fmt: skip
@click.option("--once", is_flag=True, help="Print the metrics, and end.")
def metrics(address: str, directory: str | None, once: bool) -> None:
    """Serve the metrics of all processes that were started with PROMETHEUS_MULTIPROC_DIR set to
    the directory, and expose theirs (onehttp.observe.metrics.expose()).
    """
    if not directory:
        raise click.UsageError(f"which directory? Give --directory, or set {VARIABLE}")
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
    """All processes of a directory as one."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    collector: Any = MultiProcessCollector

    class Living(collector):
        """Without gauges of processes that are no more, however they ended, and with those that
        begin meanwhile."""

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
    """Not that of a process that has just made it, or of one that was forgotten meanwhile."""
    try:
        return Path(file).stat().st_size > 0
    except FileNotFoundError:
        return False


def forget_the_dead(folder: Path) -> None:
    """Remove the gauges of processes that have ended; what they counted stays."""
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
