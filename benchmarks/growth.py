"""``python -m benchmarks.growth [--write]``: what a call costs as things grow.

Client CPU of a call beside ever more kept connections, transfers in flight, names in the file and
threads; each point in a process of its own. The figure is drawn from the table, and a test compares
the two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import Callable

import onehttp
from benchmarks import page
from benchmarks.contender import cpu_s
from benchmarks.measure import in_process, machine, progress
from benchmarks.nginx import running

SIZES = (1, 10, 100, 1000, 10_000)
FEWER = (1, 10, 100, 1000)
GROWING = {
    "connections": SIZES,
    "in flight": SIZES,
    "names": SIZES,
    "threads": FEWER,
}
CALLS = 2000
ROUNDS = 3
PATIENT = onehttp.Timeout(60, 30)


def connections(url: str, count: int) -> float:
    """A blocking call, that many idle connections kept."""
    onehttp.init(max_idle_connections=2 * SIZES[-1])
    asyncio.run(_crowd(f"{url}/late", count, count))
    assert onehttp.stats().connections_open >= count
    return _us(lambda: onehttp.request("GET", f"{url}/small"))


def in_flight(url: str, count: int) -> float:
    """A call of one of that many tasks, all of them waiting for the server."""
    onehttp.init(max_idle_connections=2 * SIZES[-1])
    calls = max(300, 2 * count) if count < 100 else 2 * count
    where = f"{url}/late" if count > 10 else f"{url}/small"

    async def measured() -> float:
        await _crowd(where, count, count)
        began = cpu_s()
        await _crowd(where, calls, count)
        return (cpu_s() - began) / calls * 1e6

    return asyncio.run(measured())


def names(url: str, count: int) -> float:
    """A call on the last of that many named connections."""
    named = {f"team{number}": {"url": url} for number in range(count)}
    onehttp.init(connections={"version": 1, "connections": named})
    connection = onehttp.connection(f"team{count - 1}")
    return _us(lambda: connection.get("/small"))


def threads(url: str, count: int) -> float:
    """A blocking call of one of that many threads."""
    onehttp.init(max_idle_connections=2 * SIZES[-1])
    each = max(2, CALLS // count)
    ready = threading.Barrier(count + 1)

    def work() -> None:
        onehttp.request("GET", f"{url}/small", timeout=PATIENT)
        ready.wait()
        for _ in range(each):
            onehttp.request("GET", f"{url}/small", timeout=PATIENT)

    crew = [threading.Thread(target=work) for _ in range(count)]
    for thread in crew:
        thread.start()
    ready.wait()
    began = cpu_s()
    for thread in crew:
        thread.join()
    return (cpu_s() - began) / (count * each) * 1e6


MEASURE = {"connections": connections, "in flight": in_flight, "names": names, "threads": threads}


def _us(call: Callable[[], object]) -> float:
    for _ in range(50):
        call()
    began = cpu_s()
    for _ in range(CALLS):
        call()
    return (cpu_s() - began) / CALLS * 1e6


async def _crowd(url: str, count: int, width: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await onehttp.arequest("GET", url, timeout=PATIENT)

    await asyncio.gather(*(work() for _ in range(width)))


def measured(url: str) -> dict[str, list[float]]:
    """Microseconds a call, by what grows and in the order of its sizes."""
    rounds: dict[str, list[list[float]]] = {}
    for number in range(ROUNDS):
        for what, sizes in GROWING.items():
            for size in sizes:
                progress(f"round {number + 1}/{ROUNDS}: {size} {what}")
                figure_us = in_process("benchmarks.growth", "--one", what, size, url)
                points = rounds.setdefault(what, [[] for _ in sizes])
                points[sizes.index(size)].append(figure_us)
    progress("")
    return {what: [min(point) for point in points] for what, points in rounds.items()}


def table(found: dict[str, list[float]]) -> str:
    """As Markdown: a line for each size, a column for each thing that grows."""
    lines = [f"| us a call at | {' | '.join(found)} |", f"|---|{'---|' * len(found)}"]
    for number, size in enumerate(SIZES):
        cells = [
            f"{points[number]:.0f}" if number < len(points) else "" for points in found.values()
        ]
        lines.append(f"| {size:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def drawn(found: dict[str, list[float]]) -> str:
    """As SVG."""
    import pygal
    from pygal.style import CleanStyle

    chart = pygal.Line(
        title="CPU of a call as things grow (us)",
        style=CleanStyle,
        width=760,
        height=420,
        range=(0, max(map(max, found.values()))),
        js=[],
        no_prefix=True,
        legend_at_bottom=True,
    )
    chart.x_labels = [f"{size:,}" for size in SIZES]
    for what, points in found.items():
        chart.add(what, [round(point) for point in points])
    text: str = chart.render().decode()
    return text + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}, too")
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "SIZE", "URL"), help="one point")
    options = parser.parse_args()
    if options.one:
        what, size, url = options.one
        print(json.dumps(MEASURE[what](url, int(size))))
        return
    with running() as nginx:
        if not nginx.can_hold:
            sys.exit("nginx has no echo module (libnginx-mod-http-echo)")
        found = measured(nginx.plain)
    print(f"{machine()}\n\n{table(found)}")
    if options.write:
        page.write_growth(table(found), drawn(found))


if __name__ == "__main__":
    main()
