"""``onehttp queue``: lists queues, and retries or drops their dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from onehttp.durable.store import DeadLetter, Store
from onehttp.durable.submitting import VARIABLE, store_at
from onehttp.errors import OnehttpError
from onehttp_backends.secret_values import shown_url


def _store_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--store",
        "url",
        envvar=VARIABLE,
        show_envvar=True,
        metavar="URL",
        help="sqlite:///path/of/file.db or nats://host:4222.",
    )(command)


@click.group()
def queue() -> None:
    """List durable queues, and retry or drop dead letters: messages that are no longer sent."""


@queue.command("list")
@click.argument("name", required=False, metavar="[QUEUE]")
@click.option("--most", default=100, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_store_option
def list_(name: str | None, most: int, as_json: bool, url: str | None) -> None:
    """Show how many messages each queue holds. With QUEUE, list its dead letters, oldest first."""
    store = _store(url)
    try:
        if name is None:
            lengths = [asdict(each) for each in store.lengths()]
            lines = [f"{each['queue']}: {each['waiting']} waiting, {each['dead']} dead"
                     for each in lengths]  # fmt: skip
            click.echo(json.dumps(lengths, indent=2) if as_json else "\n".join(lines))
            return
        dead = [_described(each) for each in store.dead_letters(name, most)]
    except OnehttpError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(dead, indent=2))
        return
    for each in dead:
        where = f"{each['connection']} " if each["connection"] else ""
        click.echo(f"{each['id']}  {each['method']} {where}{each['url']}  "
                   f"{each['attempts']} attempts: {each['error']}")  # fmt: skip


@queue.command()
@click.argument("name", metavar="QUEUE")
@click.argument("id", required=False)
@click.option("--all", "is_all", is_flag=True)
@_store_option
def retry(name: str, id: str | None, is_all: bool, url: str | None) -> None:
    """Send a dead letter again, or --all of them. The count of attempts starts again."""
    _do(url, id, is_all, lambda store: store.retry(name, id), "to be sent again")


@queue.command()
@click.argument("name", metavar="QUEUE")
@click.argument("id", required=False)
@click.option("--all", "is_all", is_flag=True)
@_store_option
def drop(name: str, id: str | None, is_all: bool, url: str | None) -> None:
    """Remove a dead letter, or --all of them."""
    _do(url, id, is_all, lambda store: store.drop(name, id), "dropped")


def _do(
    url: str | None, id: str | None, is_all: bool, work: Callable[[Store], int], what: str
) -> None:
    if (id is None) is not is_all:
        raise click.UsageError("give the ID of one dead letter, or --all")
    try:
        count = work(_store(url))
    except OnehttpError as error:
        raise click.ClickException(str(error)) from None
    if id is not None and not count:
        raise click.ClickException(f"there is no dead letter {id}")
    click.echo(f"{count} {what}")


def _store(url: str | None) -> Store:
    try:
        return store_at(url or "")
    except OnehttpError as error:
        raise click.ClickException(str(error)) from None


def _described(dead: DeadLetter) -> dict[str, Any]:
    """Return a dead letter without headers, query and body, which may hold secrets."""
    message = dead.message
    return {
        "id": message.id,
        "key": message.key,
        "connection": message.connection,
        "method": message.method,
        "url": shown_url(message.url),
        "body_bytes": len(message.body or b""),
        "attempts": dead.attempts,
        "error": dead.error,
    }
