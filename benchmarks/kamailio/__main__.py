"""``make bench-kamailio``: CPU of HTTP for a SIP request, native modules and these in turns.

What `make compiled` has installed for the server's Python is measured, too.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import page
from benchmarks.kamailio.load import Answered, outstanding, paced
from benchmarks.measure import Row, machine, progress, table
from benchmarks.nginx import Nginx, running
from benchmarks.peers.environments import COMPILED
from benchmarks.processors import before_all_else, one_processor
from servers.kamailio import calls
from servers.kamailio.inside import same_python

HERE: Final = Path(__file__).parent
WORKERS: Final = 2
WIDTH: Final = 8
MORE: Final = 4
"""Short rounds, and more of them, where CPU is counted: both sides meet the same machine."""
COMPILED_WAYS: Final = {"default, compiled": "default", "kept, compiled": "kept"}
WORKER, SENDER = "udp receiver", "RTIMER"
NATIVE: Final = """
loadmodule "http_client.so"
modparam("http_client", "keep_connections", 1)
modparam("http_client", "httpcon", "api=>{backend}")
"""


class Measured(NamedTuple):
    """One server, and how it is reached."""

    folder: Path
    port: int

    def cpu_us(self, what: str) -> float:
        """CPU of the processes with that in their description, so far."""
        found = calls.rpc(self.folder, "core.psx")
        pids = [one["PID"] for one in found if what in one["DSC"]]
        return sum(
            int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000 for pid in pids
        )


@contextlib.contextmanager
def server(
    name: str, script: str, way: str, backend: str, more: str = "", packages: str = ""
) -> Iterator[Measured]:
    """A real server with one of the scripts here.

    Args:
        packages: the folder with the package that is measured, instead of this one.
    """
    with tempfile.TemporaryDirectory(prefix=f"onehttp-{name}-") as place:
        folder = Path(place)
        environment = {"BENCH_WAY": way, "BENCH_BACKEND": backend, "PYTHONPATH": packages}
        with calls.running(
            folder,
            HERE / script,
            environment,
            children=WORKERS,
            more=more,
            shared_mib=512,
            rtimer="" if way == "native" else calls.RTIMER,
        ) as (inside, _):
            yield Measured(folder, inside.port)


def synchronous(nginx: Nginx, rounds: int, seconds: float) -> list[Row]:
    """Blocking calls, eight requests outstanding."""
    backend = nginx.plain
    with contextlib.ExitStack() as stack:
        servers = {
            way: stack.enter_context(
                server(
                    way,
                    "routing.py",
                    way,
                    backend,
                    NATIVE.format(backend=backend) * (way == "native"),
                )
            )
            for way in ("native", "default", "kept")
        }
        compiled = compiled_packages()
        for name, way in COMPILED_WAYS.items() if compiled else ():
            other = server(way, "routing.py", way, backend, packages=compiled)
            servers[name] = stack.enter_context(other)
        kinds = [(way, what) for way in servers for what in ("none", "query", "connect")]
        found: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
        for number in range(rounds):
            for way, what in kinds:
                progress(f"round {number + 1}/{rounds}: {way} {what}")
                one = servers[way]
                before = one.cpu_us(WORKER)
                answered = outstanding(one.port, what, WIDTH, seconds)
                assert answered.wrong + answered.unanswered == 0, answered
                found[way, what].append((one.cpu_us(WORKER) - before) / answered.answers)
    cost = {kind: undisturbed(values) for kind, values in found.items()}

    def of(way: str, what: str) -> float:
        return cost[way, what] - cost[way, "none"]

    native, native_kept = of("native", "query"), of("native", "connect")
    rows = []
    for built in ("", ", compiled") if compiled else ("",):
        kept, default = f"kept{built}", f"default{built}"
        rows += [
            Row(f"query, connections kept{built}, over the native one", of(kept, "query"), native,
                "us", "0.70", "0.5"),
            Row(f"`curl_connect` kept{built}, over the native one kept", of(kept, "connect"),
                native_kept, "us", "1.4", "1.0"),
            Row(f"query as the module does it (closes){built}, over the native one",
                of(default, "query"), native, "us", "1.2", "1.0"),
        ]  # fmt: skip
    return rows


def compiled_packages() -> str:
    """The folder with the package as `make compiled` has made it; empty if there is none."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folder = COMPILED.parent.parent / "lib" / version / "site-packages"
    is_compiled = any(folder.glob("onehttp_backends/**/*.so"))
    return str(folder) if is_compiled else ""


def undisturbed(values: list[float]) -> float:
    """The lower quartile: what else the machine does only ever adds."""
    return statistics.quantiles(values, n=4)[0]


def suspended(nginx: Nginx, rounds: int, seconds: float) -> list[Row]:
    """CPU of suspended calls, beside the least that these take."""
    with bridges(nginx) as servers:
        costs: dict[str, list[float]] = {name: [] for name in servers}
        for one in servers.values():
            paced(one.port, _user(nginx), 1000, 1.0)  # connections are there, and handles
        for number in range(rounds):
            for name, one in servers.items():
                progress(f"round {number + 1}/{rounds}: {name}")
                before = one.cpu_us(WORKER) + one.cpu_us(SENDER)
                answered = paced(one.port, _user(nginx), 1000, seconds)
                assert answered.answers, answered
                after = one.cpu_us(WORKER) + one.cpu_us(SENDER)
                costs[name].append((after - before) / answered.answers)
    cpu = {name: undisturbed(values) for name, values in costs.items()}
    return [
        Row("suspended, 1,000 a second: workers and sending process, over a bare bridge",
            cpu["ours"], cpu["bare"], "us", "1.0", "0.8"),
    ]  # fmt: skip


def reached(nginx: Nginx, rounds: int, seconds: float) -> list[Row]:
    """How many suspended calls a server takes, and when they are answered."""
    with bridges(nginx) as servers:
        for one in servers.values():
            paced(one.port, _user(nginx), 200, 1.0)
        ends: list[Answered] = []
        for number in range(rounds):
            progress(f"round {number + 1}/{rounds}: ours, on all processors")
            ends.append(paced(servers["ours"].port, _user(nginx), 1000, seconds, resends=True))
        most = {
            name: paced(one.port, _user(nginx), 3000, seconds).per_s
            for name, one in servers.items()
        }
    p99_ms = statistics.median(one.p99_ms for one in ends)
    lost = sum(one.wrong + one.unanswered for one in ends)
    own_ms = 200.0 if nginx.can_hold else 0.0
    return [
        Row("3,000 a second offered to one sending process: reached, over a bare bridge",
            most["ours"], most["bare"], "/s", "(>=) 1.0", "1.3"),
        Row("p99 above the backend's own time, over 20 ms", p99_ms - own_ms, 20.0,
            "ms", "1", "0.4"),
        Row("of these calls, lost or answered wrongly", float(lost),
            float(lost + sum(one.answers - one.wrong for one in ends)), "", "0", ""),
    ]  # fmt: skip


@contextlib.contextmanager
def bridges(nginx: Nginx) -> Iterator[dict[str, Measured]]:
    """A server with the bare bridge, and one with ours."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(server(name, script, "default", nginx.plain))
            for name, script in (("bare", "bare.py"), ("ours", "routing.py"))
        }


def _user(nginx: Nginx) -> str:
    return "late" if nginx.can_hold else "small"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.kamailio", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--write", action="store_true", help=f"into {page.PAGE.name}, too")
    options = parser.parse_args()
    rounds, seconds = (3, 1.0) if options.quick else (7, 3.0)
    if not same_python():
        raise SystemExit("the server runs another Python, which finds nothing of this one")
    with one_processor(), before_all_else(), running() as nginx:
        rows = [
            *synchronous(nginx, MORE * rounds, seconds / MORE),
            *suspended(nginx, MORE * rounds, seconds / MORE),
        ]
    with running() as nginx:
        rows += reached(nginx, rounds, seconds)
    print(f"\n{machine()}\n\n{table(rows)}\n")
    if options.write:
        page.write_kamailio(rows)


if __name__ == "__main__":
    main()
