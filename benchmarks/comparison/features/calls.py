"""What a call can be asked for, and what its answer tells."""

from __future__ import annotations

from urllib.parse import unquote

from benchmarks.comparison.features.feature import Feature, Judge, said
from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.probes.kit import CHUNK, CHUNKS, IN_A_PATH
from benchmarks.comparison.world.scripts import BROKEN, PACKED
from benchmarks.comparison.world.world import FILE_BYTES, World

AHEAD_BYTES = 16 << 20
"""What sockets and buffers may hold of an answer that nobody reads, and a process of a file."""


def _one_connection(outcome: Outcome, world: World) -> str:
    blocking, task = world.server.of("/blocking"), world.server.of("/task")
    if not blocking or not task:
        return outcome.instead
    return "" if blocking[0].connection == task[0].connection else "each had its own"


def _paused(outcome: Outcome, _world: World) -> str:
    if outcome.said is None:
        return outcome.instead
    if outcome.said < AHEAD_BYTES:
        return ""
    return f"{outcome.said >> 20} MiB had come in while nobody read"


def _uploaded(outcome: Outcome, world: World) -> str:
    arrived = world.server.of("/upload")
    if outcome.said is None or not arrived:
        return outcome.instead
    return "" if arrived[-1].body_bytes == CHUNKS * len(CHUNK) else "not all of it arrived"


def _resumed(outcome: Outcome, world: World) -> str:
    file = world.folder / "download"
    if not file.exists():
        return outcome.instead
    return "" if file.read_bytes() == BROKEN else "the file is not what was sent"


def _file_arrived(outcome: Outcome, world: World) -> str:
    arrived = world.server.of("/upload")
    if outcome.said is None or not arrived:
        return outcome.instead
    head = arrived[-1].body
    if arrived[-1].body_bytes < FILE_BYTES or b"form-data" not in head or b"filename" not in head:
        return "no part with the whole file arrived"
    if outcome.said < AHEAD_BYTES:
        return ""
    return f"arrived, but took {outcome.said >> 20} MiB of memory for {FILE_BYTES >> 20}"


def _unpacked(coding: str) -> Judge:
    def judge(outcome: Outcome, world: World) -> str:
        asked = world.server.seen[0].header("Accept-Encoding") if world.server.seen else ""
        if outcome.said != PACKED.decode():
            return outcome.raised if outcome.kind else "handed over packed"
        return "" if coding in asked else "unpacks it, but does not ask for it"

    return judge


def _came_back(outcome: Outcome, world: World) -> str:
    after = world.other.of("/after")
    if not after:
        return outcome.instead
    return "" if after[0].header("Cookie") == "session=1" else "it did not come back"


def _status_told(outcome: Outcome, _world: World) -> str:
    return "" if "404" in str(outcome.said) else outcome.raised or str(outcome.said)


def _in_segment(outcome: Outcome, world: World) -> str:
    if not world.server.seen:
        return outcome.instead
    target = world.server.seen[0].target
    return "" if unquote(target) == f"/number/{IN_A_PATH}" and "/b" not in target else target


def _at_once(outcome: Outcome, world: World) -> str:
    if outcome.said != ["paired", "paired"]:
        return outcome.instead
    return "" if world.server.most_at_once == 2 else "one after the other"


def _phases(outcome: Outcome, _world: World) -> str:
    if not isinstance(outcome.said, dict):
        return outcome.instead
    if {"connect", "first_byte", "total"} <= outcome.said.keys():
        return ""
    events = outcome.said.pop("events", 0)
    told = f"{' and '.join(outcome.said).replace('_', ' ')} alone" if outcome.said else "nothing"
    return f"{told}; {events} events to be timed by the caller" if events else told


FEATURES = (
    Feature("blocking", "Blocking calls", said("blocking")),
    Feature("asyncio", "`await` under asyncio", said("awaited")),
    Feature("trio", "`await` under trio", said("trio")),
    Feature("gevent", "Greenlets call at once, after gevent's `patch_all()`", _at_once),
    Feature("callback", "An answer calls a function; nobody waits for it", said("called")),
    Feature("shared", "Blocking calls and tasks share connections", _one_connection),
    Feature("loops", "One client, several event loops in turn", said(["one", "two", "three"])),
    Feature("stream-down", "A body in pieces; who reads slowly slows the server", _paused),
    Feature("resume", "A download into a file goes on by itself where it broke off", _resumed),
    Feature("stream-up", "A body sent while it is made", _uploaded),
    Feature("multipart", "A file in a form, never whole in memory", _file_arrived),
    Feature("gzip", "Asks for gzip, and unpacks it", _unpacked("gzip")),
    Feature("brotli", "Asks for brotli, and unpacks it", _unpacked("br")),
    Feature("zstd", "Asks for zstd, and unpacks it", _unpacked("zstd")),
    Feature("cookies", "Cookies come back", _came_back),
    Feature("basic", "Basic credentials for one call", said(200)),
    Feature("bearer", "A bearer token for one call, not as a header by hand", said(200)),
    Feature("digest", "Digest credentials for one call", said(200)),
    Feature("path-values", "Values in a path are quoted, and stay in their segment", _in_segment),
    Feature("raise-for-status", "`raise_for_status`", _status_told),
    Feature("links", "`Link` headers read", said("https://api.example/2")),
    Feature("history", "The redirects that led to an answer", said([302])),
    Feature("timings", "How long connect, first byte and all took, on the answer", _phases),
    Feature("typed", "Typed (PEP 561)", said(True)),
)
