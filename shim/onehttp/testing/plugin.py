"""The pytest plugin: fixtures for code that calls, and tests that fail when they should.

Everything else of the library is imported by the fixtures: a run that uses none pays nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from onehttp.testing.double import Double
    from onehttp.testing.policy_clock import PolicyClock
    from onehttp.testing.process_under_test import ProcessUnderTest
    from onehttp.testing.recording import Recorder

BACKENDS: Final = "onehttp_backends"
DOUBLE: Final = "onehttp_double"
_of_test: Final = pytest.StashKey["Double | None"]()
_OPTIONS: Final = ("assert_all_called", "assert_all_expected")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("onehttp").addoption(
        "--onehttp-record",
        choices=("none", "new", "all"),
        default="none",
        help="recordings of onehttp_record: replay them (none), ask the real service for what they "
        "lack (new), or for everything (all)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{DOUBLE}(assert_all_called=True, assert_all_expected=True): whether unused answers of "
        "the httpx double, and requests without one, fail the test",
    )
    config.addinivalue_line(
        "markers", f"{BACKENDS}(*names): run the test on each of these engines; none named: on all"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker(BACKENDS)
    if marker is None:
        return
    if "onehttp_engine" not in metafunc.fixturenames:
        pytest.fail(
            f"{metafunc.definition.nodeid}: the marker {BACKENDS} is for tests that take the "
            "fixture onehttp_engine",
            pytrace=False,
        )
    from onehttp_backends.registry import available

    metafunc.parametrize("onehttp_engine", marker.args or available(), indirect=True)


@pytest.fixture
def _onehttp_process() -> Iterator[ProcessUnderTest]:
    """The process that the other fixtures share; it is restored after the test."""
    from onehttp.testing.process_under_test import ProcessUnderTest

    process = ProcessUnderTest()
    yield process
    process.end()


@pytest.fixture
def onehttp_engine(request: pytest.FixtureRequest, _onehttp_process: ProcessUnderTest) -> str:
    """A fresh runtime, shut down after the test; the name of its engine (``pycurl`` unless the
    marker ``onehttp_backends`` says otherwise)."""
    name: str = getattr(request, "param", "pycurl")
    _onehttp_process.use_engine(name)
    return name


@pytest.fixture
def onehttp_double(
    request: pytest.FixtureRequest, _onehttp_process: ProcessUnderTest
) -> Iterator[Double]:
    """Answers in process; a request without one, and an answer without a request, fail the test."""
    from onehttp.testing.double import Double

    _options(request.node)
    double = Double()
    request.node.stash[_of_test] = double
    _onehttp_process.use_double(double)
    yield double
    _onehttp_process.end()
    # What queries and tasks have asked for since the test itself was looked at.
    _complain(request.node, [])


@pytest.fixture
def onehttp_record(
    request: pytest.FixtureRequest, _onehttp_process: ProcessUnderTest
) -> Iterator[Recorder]:
    """What was recorded of the real service answers: ``cassettes/MODULE/TEST.yaml`` beside the
    test, written with ``--onehttp-record``."""
    from onehttp.testing.recording import Recorder

    _options(request.node)
    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    path = request.path.parent / "cassettes" / request.path.stem / f"{name}.yaml"
    recorder = Recorder(path, request.config.getoption("--onehttp-record"))
    request.node.stash[_of_test] = recorder.double
    _onehttp_process.use_recorder(recorder)
    yield recorder
    _onehttp_process.end()
    recorder.save()
    _complain(request.node, [])


@pytest.fixture
def onehttp_clock(_onehttp_process: ProcessUnderTest) -> PolicyClock:
    """The time of retries, breakers, limits and of the double's delays; `advance` moves it."""
    from onehttp.testing.policy_clock import PolicyClock

    clock = PolicyClock()
    _onehttp_process.use_clock(clock)
    return clock


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _take_unexpected()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
    except BaseException:
        item.stash[_of_test] = None  # it has failed already: one report is enough
        raise
    _complain(item, _take_unexpected())
    return result


def _complain(item: pytest.Item, found: list[str]) -> None:
    """Fail for whatever is wrong, once."""
    options = _options(item)
    is_expected = not options.get("assert_all_expected", True)
    found = [] if is_expected else found
    double = item.stash.get(_of_test, None)
    if double is not None:
        found += [] if is_expected else map(str, double.unexpected)
        found += double.failed()
        found += double.not_used() if options.get("assert_all_called", True) else []
    if found:
        item.stash[_of_test] = None
        pytest.fail("onehttp: " + "\n".join(found), pytrace=False)


def _options(item: pytest.Item) -> Mapping[str, Any]:
    """Return the arguments of the marker."""
    marker = item.get_closest_marker(DOUBLE)
    options = {} if marker is None else marker.kwargs
    for name in options:
        if name not in _OPTIONS:
            pytest.fail(f"marker {DOUBLE}: {name}; known: {', '.join(_OPTIONS)}", pytrace=False)
    return options


def _take_unexpected() -> list[str]:
    """Return the unexpected requests to the answers of `init` that were not reported yet."""
    answers = sys.modules.get("onehttp_backends.double.answers")
    if answers is None:
        return []
    found = [str(error) for error in answers.UNEXPECTED]
    answers.UNEXPECTED.clear()
    return found
