"""Certificates come from where a stranger says: nothing about that is trusted."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import onehttp
from onehttp.identity import (
    CredentialError,
    FetchRules,
    IdentityError,
    IdentityInfoError,
    Signer,
    TrustStore,
    Verifier,
)
from onehttp.identity.fetching import CertificateFetcher
from onehttp.identity.single_flight import SingleFlight
from servers.patience import PATIENCE_S
from servers.raw import RawServer, answering, redirecting_to, silent
from servers.sti import CLOCK, Repository

LOCAL = FetchRules(allow_http=True, allow_private=True)
CALLER, CALLED = "12155551212", "12155551213"


def refused(rules: FetchRules, url: str) -> str:
    """Why ``url`` is not fetched."""
    with pytest.raises(IdentityInfoError) as caught:
        CertificateFetcher(rules).fetch(url)
    assert caught.value.status == 436
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "file:///etc/passwd",
        "gopher://a.example/",
        "dict://a.example:11211/stat",
        "/etc/passwd",
        "",
        "https:a.example",
        "https://",
        "https://user:password@a.example/x",
        "https://a.example@127.0.0.1/x",
        "https://a.example:99999/x",
        "https://a.example/x y",
        "https://a.example/x\r\nHost: b",
        "https://a.example/x#fragment",
        "https://a.example\\@b.example/",
        "https://[::1%25eth0]/x",
        "https://a.example%2f@b/x",
    ],
)
def test_a_url_that_is_not_plainly_https_is_refused(engine: str, url: str) -> None:
    refused(FetchRules(), url)


def test_plain_http_is_refused_unless_allowed(engine: str, repository: Repository) -> None:
    url = f"{repository.url}/signer.pem"
    assert "only https" in refused(FetchRules(allow_private=True), url)
    assert repository.requests == []
    assert CertificateFetcher(LOCAL).fetch(url).startswith(b"-----BEGIN")


def test_a_private_address_is_refused_unless_allowed(engine: str, repository: Repository) -> None:
    url = f"{repository.url}/signer.pem"
    assert "not a public address" in refused(FetchRules(allow_http=True), url)
    named = url.replace("127.0.0.1", "localhost")
    assert "not a public address" in refused(FetchRules(allow_http=True), named)
    assert repository.requests == []


def test_a_redirect_is_not_followed_unless_allowed(engine: str, repository: Repository) -> None:
    with RawServer(redirecting_to(f"{repository.url}/signer.pem")) as elsewhere:
        assert "0 redirects" in refused(LOCAL, f"{elsewhere.url}/x")
        assert repository.requests == []
        rules = FetchRules(allow_http=True, allow_private=True, max_redirects=1)
        assert CertificateFetcher(rules).fetch(f"{elsewhere.url}/x")


@pytest.mark.parametrize(
    "location", ["ftp://a.example/x", "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO"]
)
def test_a_redirect_to_another_scheme_is_refused(engine: str, location: str) -> None:
    rules = FetchRules(allow_http=True, allow_private=True, max_redirects=3)
    with RawServer(redirecting_to(location)) as elsewhere:
        assert "scheme" in refused(rules, elsewhere.url)


def test_a_redirect_from_https_to_http_is_refused(
    engine: str, tls_server_context: ssl.SSLContext, ca_file: Path, repository: Repository
) -> None:
    rules = FetchRules(allow_http=True, allow_private=True, max_redirects=3, ca_file=str(ca_file))
    target = f"{repository.url}/signer.pem"
    with RawServer(redirecting_to(target), tls=tls_server_context) as secure:
        assert "https to plain http" in refused(rules, secure.url)
    assert repository.requests == []


def test_a_redirect_to_a_private_address_is_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen from the rules: the hop inside is asked for under the same restriction."""
    asked: list[str] = []

    def answer(request: onehttp.Request) -> tuple[int, str, list[tuple[str, str]]]:
        asked.append(request.options.peers)
        location = [("Location", f"{repository.url}/signer.pem")]
        return (302, "", location) if len(asked) == 1 else (200, "inside", [])

    onehttp.init(backend="httpx", handler=answer)
    try:
        rules = FetchRules(allow_http=True, max_redirects=3)
        CertificateFetcher(rules).fetch("http://public.example/x")
    finally:
        onehttp.shutdown()
    assert asked == ["public", "public"]


def test_the_wrong_host_in_the_server_certificate_is_refused(
    engine: str, wrong_name_context: ssl.SSLContext, ca_file: Path
) -> None:
    rules = FetchRules(allow_private=True, ca_file=str(ca_file))
    with RawServer(answering(b"never"), tls=wrong_name_context) as server:
        assert "code 60" in refused(rules, server.url)
        assert server.requests == []


def test_a_server_of_an_unknown_authority_is_refused(
    engine: str, tls_server_context: ssl.SSLContext
) -> None:
    with RawServer(answering(b"never"), tls=tls_server_context) as server:
        assert "code 60" in refused(FetchRules(allow_private=True), server.url)


@pytest.mark.parametrize(
    "head", ["Content-Length: 10485760\r\n", "Transfer-Encoding: chunked\r\n", ""]
)
def test_ten_megabytes_are_not_taken(engine: str, head: str) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n" if "chunked" in head else b"x" * 0x100000
    data = f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + chunk * 10
    with RawServer(answering(data)) as server:
        assert "code 63" in refused(LOCAL, server.url)


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "304 Not Modified", "204 None"])
def test_an_answer_without_a_certificate_is_refused(engine: str, status: str) -> None:
    with RawServer(answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())) as server:
        assert f"answered {status[:3]}" in refused(LOCAL, server.url)


def test_a_server_that_never_answers_is_given_up(engine: str) -> None:
    rules = FetchRules(allow_http=True, allow_private=True, timeout_s=0.05)
    with RawServer(silent) as server:
        assert "code 28" in refused(rules, server.url)


def test_the_error_names_the_server_and_not_the_query(engine: str, repository: Repository) -> None:
    text = refused(LOCAL, f"{repository.url}/none?token=secret")
    assert repository.url in text
    assert "secret" not in text


# Once, whoever asks.


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
