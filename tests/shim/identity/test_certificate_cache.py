"""A certificate is fetched once for all who ask, and kept for a while."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from onehttp.identity import (
    CredentialError,
    IdentityError,
    IdentityInfoError,
    Signer,
    TrustStore,
    Verifier,
)
from onehttp.identity.single_flight import SingleFlight
from servers.patience import PATIENCE_S
from servers.sti import CALLED, CALLER, CLOCK, LOCAL, Repository


@pytest.fixture
def held(repository: Repository) -> Iterator[Repository]:
    """A server that holds its answers back until ``gate.set()``."""
    repository.gate.clear()
    yield repository
    repository.gate.set()


def test_threads_that_ask_at_once_fetch_once(
    signer: Signer, verifier: Verifier, held: Repository
) -> None:
    identity = signer.sign(CALLER, CALLED)
    found: list[object] = []
    all_ask = threading.Barrier(9)

    def ask() -> None:
        all_ask.wait(PATIENCE_S)
        found.append(verifier.verify(identity, orig=CALLER, dest=CALLED))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    all_ask.wait(PATIENCE_S)
    held.asked.wait(PATIENCE_S)
    held.gate.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(found) == 8
    assert held.targets == ["GET /signer.pem"]


def test_tasks_that_ask_at_once_fetch_once(
    signer: Signer, verifier: Verifier, held: Repository
) -> None:
    identity = signer.sign(CALLER, CALLED)

    async def ask() -> object:
        return await verifier.averify(identity, orig=CALLER, dest=CALLED)

    async def all_of_them() -> list[object]:
        asking = [asyncio.ensure_future(ask()) for _ in range(8)]
        await asyncio.sleep(0)
        held.gate.set()
        return await asyncio.gather(*asking)

    assert len(asyncio.run(all_of_them())) == 8
    assert held.targets == ["GET /signer.pem"]


def test_a_task_that_gives_up_leaves_the_others_their_answer(
    signer: Signer, verifier: Verifier, held: Repository
) -> None:
    identity = signer.sign(CALLER, CALLED)

    async def ask() -> object:
        return await verifier.averify(identity, orig=CALLER, dest=CALLED)

    async def first_gives_up() -> list[object]:
        asking = [asyncio.ensure_future(ask()) for _ in range(4)]
        await asyncio.sleep(0)
        asking[0].cancel()
        asking[2].cancel()
        held.gate.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    found = asyncio.run(first_gives_up())
    assert [isinstance(one, asyncio.CancelledError) for one in found] == [True, False, True, False]


def test_a_thread_does_not_wait_for_a_task_of_its_own_loop(
    signer: Signer, verifier: Verifier, held: Repository
) -> None:
    identity = signer.sign(CALLER, CALLED)

    async def both() -> tuple[object, object]:
        task = asyncio.ensure_future(verifier.averify(identity, orig=CALLER, dest=CALLED))
        await asyncio.sleep(0)
        held.gate.set()
        blocking = verifier.verify(identity, orig=CALLER, dest=CALLED)
        return blocking, await task

    assert len(asyncio.run(both())) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 mistrusts such forks
def test_a_forked_child_does_not_wait_for_its_parents_load() -> None:
    waiting, go_on = threading.Event(), threading.Event()
    parent = os.getpid()

    def load(url: str) -> str:
        if os.getpid() == parent:
            waiting.set()
            go_on.wait(PATIENCE_S)
        return url

    kept = SingleFlight(
        load, Loader().aload, lambda _: 1.0, max_items=1, keep_s=1, keep_failures_s=1,
        clock=lambda: 0,
    )  # fmt: skip
    thread = threading.Thread(target=kept.get, args=("a",))
    thread.start()
    waiting.wait(PATIENCE_S)
    child = os.fork()
    if child == 0:
        os._exit(0 if kept.get("a") == "a" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    go_on.set()
    thread.join(PATIENCE_S)


def test_a_failure_is_remembered_for_a_while(
    engine: str, anchors: Path, signer: Signer, repository: Repository
) -> None:
    now = [float(CLOCK)]
    good = repository.files.pop("/signer.pem")
    verifier = Verifier(
        TrustStore.from_files(anchors), rules=LOCAL, keep_failures_s=10, clock=lambda: now[0]
    )
    identity = signer.sign(CALLER, CALLED)
    for _ in range(3):
        with pytest.raises(IdentityInfoError, match="answered 404"):
            verifier.verify(identity, orig=CALLER, dest=CALLED)
    assert len(repository.requests) == 1
    repository.files["/signer.pem"] = good
    now[0] += 11
    assert verifier.verify(identity, orig=CALLER, dest=CALLED)


def test_what_is_no_certificate_is_not_fetched_again_at_once(
    signer: Signer, verifier: Verifier, repository: Repository
) -> None:
    repository.put("/signer.pem", b"junk")
    for _ in range(3):
        with pytest.raises(CredentialError, match="not a certificate"):
            verifier.verify(signer.sign(CALLER, CALLED), orig=CALLER, dest=CALLED)
    assert len(repository.requests) == 1


def test_a_certificate_is_used_for_a_while_and_then_fetched_again(
    engine: str, anchors: Path, signer: Signer, repository: Repository
) -> None:
    now = [float(CLOCK)]
    verifier = Verifier(
        TrustStore.from_files(anchors), rules=LOCAL, keep_s=20, clock=lambda: now[0]
    )
    for after_s, fetches in ((0, 1), (19, 1), (21, 2)):
        now[0] = CLOCK + after_s
        verifier.verify(signer.sign(CALLER, CALLED), orig=CALLER, dest=CALLED)
        assert len(repository.requests) == fetches


class Loader:
    """Loads what it is asked for, and counts."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def __call__(self, url: str) -> str:
        self.loaded.append(url)
        if url.startswith("bad"):
            raise IdentityError(url)
        return url

    async def aload(self, url: str) -> str:
        return self(url)


def cache(loader: Loader, max_items: int = 2) -> SingleFlight[str]:
    return SingleFlight(
        loader,
        loader.aload,
        lambda value: 100.0,
        max_items=max_items,
        keep_s=1000,
        keep_failures_s=1000,
        clock=lambda: 0.0,
    )


def test_the_cache_keeps_to_its_size_and_failures_displace_nothing() -> None:
    loader = Loader()
    kept = cache(loader)
    kept.get("a")
    kept.get("b")
    for number in range(50):
        with pytest.raises(IdentityError):
            kept.get(f"bad {number}")
    kept.get("a")
    kept.get("b")
    assert [url for url in loader.loaded if not url.startswith("bad")] == ["a", "b"]
    kept.get("c")
    kept.get("a")
    assert loader.loaded[-1] == "a"


def test_a_remembered_failure_gathers_no_traceback() -> None:
    kept = cache(Loader())
    depths = []
    for _ in range(3):
        with pytest.raises(IdentityError) as caught:
            kept.get("bad")
        depths.append(len(caught.traceback))
    assert depths[1] == depths[2]


def test_a_load_that_ends_without_an_answer_is_tried_by_the_next() -> None:
    loader = Loader()

    class Interrupted(BaseException):
        pass

    def load(url: str) -> str:
        if not loader.loaded:
            loader.loaded.append(url)
            raise Interrupted
        return loader(url)

    kept = SingleFlight(
        load, loader.aload, lambda _: 1.0, max_items=1, keep_s=1, keep_failures_s=1, clock=lambda: 0
    )
    with pytest.raises(Interrupted):
        kept.get("a")
    assert kept.get("a") == "a"


def test_a_loop_that_is_closed_while_it_loads_leaves_nobody_waiting() -> None:
    loads: list[str] = []

    async def load(url: str) -> str:
        loads.append(url)
        if len(loads) == 1:
            await asyncio.Event().wait()
        return "value"

    flights = SingleFlight(
        lambda _: "value",
        load,
        lambda _: 1e9,
        max_items=1,
        keep_s=60,
        keep_failures_s=60,
        clock=lambda: 0.0,
    )

    async def leave() -> asyncio.Task[str]:
        task = asyncio.ensure_future(flights.aget("u"))
        while not loads:
            await asyncio.sleep(0)
        return task

    loop = asyncio.new_event_loop()
    left = loop.run_until_complete(leave())
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.append(asyncio.run(flights.aget("u"))))
    waiting.start()
    loop.close()
    waiting.join(PATIENCE_S)
    assert (found, len(loads)) == (["value"], 2)
    left._log_destroy_pending = False  # type: ignore[attr-defined]
