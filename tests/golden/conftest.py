"""Which recordings are replayed, where, and under which limits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import onehttp
from golden.replay.recordings import Case, read_corpus
from golden.server.golden_server import GoldenServer
from onehttp_compat.registry import MODULES
from stand_ins import limits
from stand_ins.legacy.sources import (
    _sources_of_tests_are_parsed_once as _sources_of_tests_are_parsed_once,
)

CORPUS = Path(__file__).resolve().parent / "corpus"
CONVERTED = frozenset({"curl", "http_client"})
BACKENDS = ("pycurl", "httpx")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("golden", "replay of recordings")
    group.addoption(
        "--corpus",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder with recordings (*.jsonl); repeatable",
    )
    group.addoption(
        "--golden-backend",
        action="append",
        choices=BACKENDS,
        help="engine to replay on; repeatable, both by default",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "golden_backend" in metafunc.fixturenames:
        backends = metafunc.config.getoption("golden_backend", None) or BACKENDS
        metafunc.parametrize("golden_backend", backends, scope="function", indirect=True)
    for name, modules in (("case", frozenset(MODULES)), ("xcap_case", frozenset({"xcap_client"}))):
        if name in metafunc.fixturenames:
            folders = metafunc.config.getoption("corpus", None) or [CORPUS]
            cases = [case for folder in folders for case in read_corpus(folder, modules)]
            metafunc.parametrize(name, cases, ids=[case.id for case in cases])
    if "declaring_case" in metafunc.fixturenames:
        folders = metafunc.config.getoption("corpus", None) or [CORPUS]
        every = [case for folder in folders for case in read_corpus(folder, CONVERTED)]
        cases = [case for case in every if _declares(case)]
        metafunc.parametrize("declaring_case", cases, ids=[case.id for case in cases])


def _declares(case: Case) -> bool:
    """The module has started with connections."""
    return bool(case.startup["ok"] and (case.definitions or case.config_file))


@pytest.fixture(autouse=True)
def _limits(request: pytest.FixtureRequest) -> Iterator[None]:
    """The defaults count for recordings that are about time, and for no other."""
    callspec = getattr(request.node, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    with limits.defaults() if case and case.is_about_time else contextlib.nullcontext():
        yield


@pytest.fixture(scope="session")
def golden_server(golden_pki: Path) -> Iterator[GoldenServer]:
    with GoldenServer(golden_pki) as server:
        yield server


@pytest.fixture
def golden_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the engine that the process runs on meanwhile: each case has its own, since
    after five connections that another case has left dead libcurl looks for no living one."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            environment.delenv(name, raising=False)
            environment.delenv(name.upper(), raising=False)
        onehttp.init(backend=request.param)
        yield request.param
        onehttp.shutdown()
