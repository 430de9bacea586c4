"""What every client is put through in the same words, once it can ``get`` and ``post``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from benchmarks.comparison.probes.kit import Place, Probes


@dataclass(frozen=True)
class Answer:
    """What a client made of an answer."""

    status: int
    body: bytes


class Calls(Protocol):
    """A client that was made, whose connections are its own."""

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Wait for an answer, whole."""

    def post(self, url: str, body: bytes) -> Answer:
        """Wait for an answer, whole."""


class AsyncCalls(Calls, Protocol):
    """One that has coroutines, too, on those connections or on others."""

    def aget(self, url: str) -> Coroutine[Any, Any, Answer]:
        """The same as `Calls.get`."""


Make = Callable[..., Calls]
"""Makes a client at its defaults, but for ``follow``, ``proxy`` and ``ca``, which all are asked
for by these names, and what is its own."""
Asked = Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]]
"""By feature: what is written, and the arguments of `Make` that stand for it. None: it is an extra
that has to be installed, and there is no way without."""


def add_behaviours(probes: Probes, make: Make, asked: Asked) -> None:
    """Put a client through all of it: at its defaults, then with what may be asked for."""
    for feature, run in BEHAVIOURS.items():
        ways = asked.get(feature, ())
        if all(arguments for _, arguments in ways) and not (ways and feature in NEED_ASKING):
            probes.add(feature, partial(_run, run, make, {}))
        for words, arguments in ways:
            probes.add(feature, partial(_run, run, make, arguments), words)


def _run(
    run: Callable[[Make, Place], Any], make: Make, arguments: Mapping[str, Any], place: Place
) -> Any:
    return run(partial(make, **arguments), place)


def silent(make: Make, place: Place) -> None:
    make().get(place.at("/silent"))


def drip(make: Make, place: Place) -> None:
    make().get(place.at("/drip"))


def flood(make: Make, place: Place) -> None:
    make().get(place.at("/flood"))


def post_once(make: Make, place: Place) -> None:
    calls = make()
    calls.post(place.at("/first"), b"1")
    calls.post(place.at("/dies"), b"2")


def injection(make: Make, place: Place) -> None:
    make().get(place.at("/injected"), {"X-Caller": "alice\r\nX-Admin: yes"})


def redirected_secret(make: Make, place: Place) -> None:
    make(follow=True).get(place.at("/redirect"), {"Authorization": "Bearer secret"})


def plain(make: Make, place: Place) -> None:
    """With an environment that would have it otherwise."""
    make().get(place.at("/plain"))


def packed(coding: str, make: Make, place: Place) -> str:
    return make().get(place.at(f"/{coding}")).body.decode("latin-1")


def cookie(make: Make, place: Place) -> None:
    """Under a name: cookies of plain addresses are another matter."""
    calls = make(proxy=place["proxy"])
    calls.get("http://shop.example.com/cookie")
    calls.get("http://shop.example.com/after")


def hostile_cookie(make: Make, place: Place) -> None:
    make(proxy=place["proxy"], follow=True).get("http://shop.co.uk/hostile-cookie")


def cached(make: Make, place: Place) -> None:
    """Twice what may be kept for a minute."""
    calls = make()
    for _ in range(2):
        calls.get(place.at("/cacheable"))


def forked(make: Make, place: Place) -> bool:
    """Whether the child got its own answer, in time."""
    calls = make()
    calls.get(place.at("/before"))
    child = os.fork()
    if not child:
        status = 1
        try:
            signal.alarm(15)
            status = calls.get(place.at("/child")).body != b"child"
        finally:
            os._exit(status)
    _, code = os.waitpid(child, 0)
    return code == 0


class InterruptedByUsError(Exception):
    """Out of a signal handler."""


def interrupted(make: Make, place: Place) -> dict[str, Any]:
    """How long it took to get out of a call that was held, and what the next one got."""

    def interrupt(_number: int, _frame: object) -> None:
        raise InterruptedByUsError

    calls = make()
    calls.get(place.at("/before"))
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    began = time.monotonic()
    came = ""
    try:
        calls.get(place.at("/held"))
    except BaseException as error:  # noqa: BLE001 - whatever it was made into
        came = _chain(error)
    waited_s = time.monotonic() - began - 0.5
    after = calls.get(place.at("/after")).body.decode()
    return {"waited_s": waited_s, "came": came, "after": after}


def _chain(error: BaseException | None) -> str:
    """The classes of an error and of what it came from."""
    names = []
    while error is not None:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return " from ".join(names)


def greenlets(make: Make, place: Place) -> list[str]:
    """Two of them, on one client."""
    import gevent
    from gevent import monkey

    monkey.patch_all()
    calls = make()
    found = [gevent.spawn(calls.get, place.at("/paired")) for _ in range(2)]
    gevent.joinall(found)
    return [each.get().body.decode() for each in found]


def http2(make: Make, place: Place) -> str:
    return make(ca=place["ca"]).get(f"{place['h2']}/protocol").body.decode()


def unverified(make: Make, place: Place) -> None:
    """To a server whose certificate nobody has signed."""
    make().get(f"{place['h2']}/protocol")


def socks(make: Make, place: Place) -> str:
    return make(proxy=place["socks"]).get(place.at("/by-socks")).body.decode()


def shown_secret(make: Make, place: Place) -> str:
    """What an error says of a call to nobody."""
    url = place["closed"].replace("http://", "http://alice:hunter2@") + "/?key=hunter2"
    try:
        make().get(url)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return f"{error} {error!r}"
    return "no error"


def sent(make: Make, place: Place) -> list[dict[str, str]]:
    """What two errors say of themselves: of a call to nobody, and of one that was not answered."""
    calls = make()
    said = []
    for url in (place["closed"], place.at("/dies")):
        try:
            calls.post(url, b"x")
        except Exception as error:  # noqa: BLE001 - whatever it is
            attribute = str(getattr(error, "sent", "")).rpartition(".")[2]
            said.append({"class": type(error).__name__, "sent": attribute})
    return said


BEHAVIOURS: Mapping[str, Callable[[Make, Place], Any]] = {
    "silent": silent,
    "drip": drip,
    "flood": flood,
    "post-once": post_once,
    "injection": injection,
    "redirected-secret": redirected_secret,
    "environment-proxy": plain,
    "netrc": plain,
    "gzip": partial(packed, "gzip"),
    "brotli": partial(packed, "br"),
    "zstd": partial(packed, "zstd"),
    "cache": cached,
    "cookies": cookie,
    "hostile-cookie": hostile_cookie,
    "fork": forked,
    "interrupt": interrupted,
    "gevent": greenlets,
    "http2": http2,
    "verified": unverified,
    "socks": socks,
    "secret-shown": shown_secret,
    "sent": sent,
}
NEED_ASKING = ("hostile-cookie",)
"""Says nothing where cookies are off: asked with the options of `cookies` where there are some."""
