"""Failover: the connections that replace one that fails, and their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from onehttp_backends.hints.nearest import nearest


class FailoverFault(NamedTuple):
    """A mistake in an entry of ``failover``; ``at`` is its position in the list, from 0."""

    name: str
    at: int
    message: str


def faults(failovers: Mapping[str, tuple[str, ...]]) -> Iterator[FailoverFault]:
    """Unknown names and cycles in the ``failover`` of all connections, each reported once."""
    done: set[str] = set()
    for name in failovers:
        yield from _faults(name, failovers, [], done)


def chain(name: str, failover_of: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """``name``, then the connections that it fails over to, depth first, each only once."""
    chain: dict[str, None] = {}

    def visit(link: str) -> None:
        chain[link] = None
        for successor in failover_of(link):
            if successor not in chain:
                visit(successor)

    visit(name)
    return tuple(chain)


def _faults(
    name: str, failovers: Mapping[str, tuple[str, ...]], way: list[str], done: set[str]
) -> Iterator[FailoverFault]:
    if name in done:
        return
    way.append(name)
    for index, successor in enumerate(failovers[name]):
        if successor in way:
            loop = " -> ".join([*way[way.index(successor) :], successor])
            yield FailoverFault(name, index, f"a loop: {loop}; take one of them out")
        elif successor not in failovers:
            near = nearest(successor, failovers)
            hint = f' (did you mean "{near}"?)' if near else ""
            yield FailoverFault(name, index, f'no connection named "{successor}"{hint}')
        else:
            yield from _faults(successor, failovers, way, done)
    way.pop()
    done.add(name)
