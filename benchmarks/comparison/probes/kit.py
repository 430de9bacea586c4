"""What a probe is made of."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import resource
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.comparison.probes.words import WORDS

Run = Callable[["Place"], Any]
CHUNK = b"x" * 65536
CHUNKS = 128
IN_A_PATH = "a/b?c=1#d"
"""What somebody else has said, and is not to become another path."""


@dataclass(frozen=True)
class Place:
    """Where a probe may go; see `benchmarks.comparison.world.world`."""

    addresses: Mapping[str, str]

    def at(self, path: str) -> str:
        """The scripted server's."""
        return self.addresses["url"] + path

    def __getitem__(self, name: str) -> str:
        return self.addresses[name]

    def progress(self) -> dict[str, int]:
        """Bytes of bodies that the server has ``received`` and ``sent``."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.at("/progress"), timeout=10) as answer:
            found: dict[str, int] = json.load(answer)
            return found

    def chunks(self) -> Iterator[bytes]:
        """A body of so many pieces, of which the last is made once some have arrived."""
        for _ in range(CHUNKS - 1):
            yield CHUNK
        for _ in range(50):
            if self.progress()["received"]:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("nothing had arrived when the last piece was asked for")
        yield CHUNK


@dataclass(frozen=True)
class Probe:
    """One way to have a feature; ``asked`` is what has to be written for it, if anything."""

    run: Run
    asked: str = ""


@dataclass
class Probes:
    """Of one client, by feature; where there are several the first that works counts."""

    package: str
    by_feature: dict[str, list[Probe]] = field(default_factory=dict)

    def add(self, feature: str, run: Run, asked: str = "") -> None:
        self.by_feature.setdefault(feature, []).append(Probe(run, asked))

    def __call__(self, feature: str, asked: str = "") -> Callable[[Run], Run]:
        """Decorates a probe."""

        def added(run: Run) -> Run:
            self.add(feature, run, asked)
            return run

        return added

    def absent(self, *features: str, but: str = "(?!)", words: str = "") -> None:
        """The client has no name that is about these (`WORDS`); one that it has is to be probed.

        Args:
            but: a regular expression of names that look so, and are about something else.
            words: another regular expression than that of `WORDS`.
        """
        for feature in features:
            self.add(feature, partial(_search, self.package, words or WORDS[feature], but))


def _search(package: str, words: str, but: str, _place: Place) -> dict[str, Any]:
    names = set(_names(importlib.import_module(package)))
    wanted, other = re.compile(words, re.IGNORECASE), re.compile(but, re.IGNORECASE)
    found = sorted(each for each in names if wanted.search(each) and not other.search(each))
    return {"names": len(names), "words": words, "found": found}


def _names(package: ModuleType) -> Iterator[str]:
    """Modules, classes and functions of a package, their members and parameters."""
    modules = [package]
    for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not each.name.endswith("__main__"):
            with suppress(ImportError):  # an extra that is not asked for
                modules.append(importlib.import_module(each.name))
    for module in modules:
        yield module.__name__
        for name, thing in vars(module).items():
            if name.startswith("_") or inspect.ismodule(thing):
                continue
            if not str(getattr(thing, "__module__", package.__name__)).startswith(package.__name__):
                continue
            yield f"{module.__name__}.{name}"
            yield from _parameters(f"{module.__name__}.{name}", thing)
            if inspect.isclass(thing):
                for member in dir(thing):
                    if not member.startswith("_"):
                        place = f"{module.__name__}.{name}.{member}"
                        yield place
                        yield from _parameters(place, getattr(thing, member, None))
                for hint in getattr(thing, "__annotations__", {}):
                    yield f"{module.__name__}.{name}.{hint}"


def _parameters(place: str, thing: object) -> Iterator[str]:
    if callable(thing):
        with suppress(TypeError, ValueError):  # written in another language, without a signature
            for name in inspect.signature(thing).parameters:
                yield f"{place}({name})"


def extra_memory_bytes(run: Callable[[], object]) -> int:
    """How far the peak of this process grows."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def is_typed(package: str) -> bool:
    """Whether it says so (PEP 561)."""
    found = importlib.import_module(package)
    return any((Path(each) / "py.typed").exists() for each in found.__path__)


def taken(place: Place) -> int:
    """Bytes of a flood that the server is rid of, two seconds after its reader has stopped."""
    time.sleep(2)
    return place.progress()["sent"]


def waited(call: Callable[[], int]) -> str:
    """Whether a call that was told to come back in two seconds came back, and then."""
    began = time.monotonic()
    status = call()
    if status == 200 and time.monotonic() - began >= 2:
        return "waited"
    return f"{status} after {time.monotonic() - began:.1f} s"
