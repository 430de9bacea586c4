"""``onehttp worker QUEUE...``: sends the messages of durable queues."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Final

import click

from onehttp import api
from onehttp.calls.arguments import CallArguments
from onehttp.connections.usual_file import usual_file
from onehttp.durable.message import Message
from onehttp.durable.store import Store
from onehttp.durable.submitting import VARIABLE, store_at
from onehttp.durable.worker import TellsOfRepeats, Worker, WorkerSettings
from onehttp.errors import OnehttpError
from onehttp_backends.contract import Response
from onehttp_backends.observed import leave, observe

DEFAULTS: Final = WorkerSettings()


@click.command()
@click.argument("queues", nargs=-1, required=True, metavar="QUEUE...")
@click.option("--connections", "file", metavar="FILE",
              help="The connections file; default: connections.yaml, if it exists.")  # fmt: skip
@click.option("--store", "url", envvar=VARIABLE, show_envvar=True, metavar="URL",
              help="sqlite:///path/of/file.db or nats://host:4222.")  # fmt: skip
@click.option("--concurrency", default=DEFAULTS.concurrency, show_default=True,
              type=click.IntRange(1),
              help="The number of calls in flight for each queue.")  # fmt: skip
@click.option("--deliveries", default=DEFAULTS.deliveries, show_default=True,
              type=click.IntRange(1),
              help="A message that has failed this many times becomes a dead letter.")  # fmt: skip
@click.option("--backoff", default=DEFAULTS.backoff_base_s, show_default=True, metavar="SECONDS",
              type=click.FloatRange(0, min_open=True),
              help="The wait before the second attempt; it doubles with each failure.")  # fmt: skip
@click.option("--longest", default=DEFAULTS.backoff_max_s, show_default=True, metavar="SECONDS",
              type=click.FloatRange(0, min_open=True),
              help="The longest wait between attempts.")  # fmt: skip
@click.option("--lease", default=DEFAULTS.lease_s, show_default=True, metavar="SECONDS",
              type=click.FloatRange(1),
              help="The time after which other workers may take its messages.")  # fmt: skip
@click.option("--once", is_flag=True, help="Exit when no message is due.")
def worker(
    queues: tuple[str, ...],
    file: str | None,
    url: str | None,
    concurrency: int,
    deliveries: int,
    backoff: float,
    longest: float,
    lease: float,
    once: bool,
) -> None:
    """Send the messages of the queues, each at least once, by the policies of its connection.

    After SIGTERM or Ctrl-C the worker finishes the calls in flight and exits. SIGHUP reloads the
    connections.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = WorkerSettings(
        concurrency=concurrency,
        deliveries=deliveries,
        backoff_base_s=backoff,
        backoff_max_s=longest,
        lease_s=lease,
    )
    try:
        api.init(file or usual_file())
        api.reload_on_sighup()
        store = store_at(url or "")
        workers = [Worker(store, queue, send, settings) for queue in dict.fromkeys(queues)]
        asyncio.run(_run(workers, store, once))
    except OnehttpError as error:
        raise click.ClickException(str(error)) from None
    sent, failed = sum(each.sent for each in workers), sum(each.failed for each in workers)
    click.echo(f"{sent} sent, {failed} deliveries failed")


async def send(message: Message, call: CallArguments) -> Response:
    """Make the call for a message on the current definition of its connection."""
    if not message.connection:
        return await api.arequest(message.method, message.url, **call)
    connection = api.connection(message.connection)
    return await connection.arequest(message.method, message.url, **call)


async def _run(workers: list[Worker], store: Store, once: bool) -> None:
    loop = asyncio.get_running_loop()
    repeats = TellsOfRepeats()
    observe(repeats)

    def stop() -> None:
        for each in workers:
            each.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await asyncio.gather(*(each.run(until_empty=once) for each in workers))
    finally:
        leave(repeats)
        store.close()
