"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import trustme
from _pytest.runner import runtestprotocol
from hypothesis import settings

from golden.server.pki import write_pki
from onehttp_backends.contract import Backend, Tls, TransferOptions
from onehttp_backends.registry import load
from servers.kamailio import inside as kamailio_inside
from stand_ins import limits
from stand_ins.loops import KINDS, of_kind
from stand_ins.resolver import Resolver

pytest_plugins = ("pytester",)

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", deadline=None, derandomize=True)  # `make fuzz` seeks
settings.register_profile("fuzz", deadline=None, max_examples=250)  # a round
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "any machine"))

# The suite starts a thousand processes: what they run is compiled once, not by each of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# In the background, or under nohup, signals may be ignored: what tests start would inherit that.
for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

WATCHDOG_S = 600
"""A test that takes longer hangs, however busy the machine is: the stacks of all threads are
printed, and the run ends."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Each worker makes all tests of the suite, and nothing of them is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in ("debian", "same_python"):
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(name)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")


def pytest_collection_finish() -> None:
    """Many tests have the garbage collected: not by looking at all tests of the suite each time."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A worker reports what a test has come to, and not besides that it began and that its fixtures
    were set up and torn down without a word: those were three of five messages, each written, sent
    and read. No report that it passed needs the names it can be selected by."""
    option = item.config.option
    is_all_told = option.durations is not None or option.xmlpath or option.verbose > 0
    if not hasattr(item.config, "workerinput") or is_all_told:
        return None
    hook = item.ihook
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed or report.sections:
            if report.passed:
                report.keywords = {}
            hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture
def default_limits() -> Iterator[None]:
    """For what is about the limits that calls have unless told otherwise."""
    with limits.defaults():
        yield


@pytest.fixture
def few_objects() -> None:
    """For tests that have the garbage collected at each step: a collection looks at what they make
    themselves, and not at all that the tests before them have left."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def debian() -> None:
    """For what talks to a program from a Debian package: marks the tests that ask for it."""


@pytest.fixture(scope="session")
def same_python(debian: None) -> None:
    """For scripts in the real server: it finds what is installed for its own Python."""
    if not kamailio_inside.same_python():
        pytest.skip("NOT TESTED: the server runs another Python, which finds nothing of this one")


@pytest.fixture(autouse=True)
def _watchdog() -> Iterator[None]:
    faulthandler.dump_traceback_later(WATCHDOG_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _logs_are_left_as_found() -> Iterator[None]:
    """What is traced is kept by whoever listens: another test would find it in its way."""
    loggers = [logging.getLogger(name) for name in (None, "onehttp", "onehttp.trace")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(params=KINDS)
def each_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """`asyncio.run` makes loops of each kind."""
    with of_kind(request.param):
        yield


@pytest.fixture(params=["pycurl", "httpx"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """A fresh engine of each kind, over real sockets."""
    engine = load(request.param)()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def golden_pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates good and bad, by the names that recordings give them."""
    folder = tmp_path_factory.mktemp("pki")
    write_pki(folder)
    return folder


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    """What knows, and does not know, the names that end in ``.example``."""
    stand_in = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", stand_in)
    yield stand_in
    stand_in.let_go()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def trusting(ca_file: Path) -> TransferOptions:
    """Options that trust the test authority."""
    return TransferOptions(tls=Tls(ca_file=str(ca_file)))


def server_context(authority: trustme.CA, *names: str, alpn: str = "http/1.1") -> ssl.SSLContext:
    """A server's context with a certificate for ``names``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    context.set_alpn_protocols([alpn])
    return context


@pytest.fixture(scope="session")
def tls_server_context(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "127.0.0.1", "localhost")


@pytest.fixture(scope="session")
def h2_server_context(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "127.0.0.1", alpn="h2")


@pytest.fixture(scope="session")
def wrong_name_context(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "other.example")


@pytest.fixture
def not_measured(pytestconfig: pytest.Config) -> None:
    """For signals at random instructions: from Python 3.12 on, coverage is measured by Python under
    a lock, which a handler that begins or raises in there waits for, or leaves taken."""
    if sys.version_info >= (3, 12) and pytestconfig.pluginmanager.hasplugin("_cov"):
        pytest.skip("a signal that hits the measuring of coverage would hang it")
