"""What a worker of the suite reports of its tests: what went wrong or was said, nothing else."""

from __future__ import annotations

import pytest

import conftest

TESTS = """
import pytest

@pytest.fixture
def is_not_there():
    raise ValueError

@pytest.fixture
def does_not_end():
    yield
    raise ValueError

@pytest.fixture
def prints():
    yield
    print("said")

def test_of_nothing(): pass
def test_fails(): assert 0
def test_skips(): pytest.skip("why")
def test_without_its_fixture(is_not_there): pass
def test_before_an_end_that_fails(does_not_end): pass
def test_with_a_word(prints): pass

@pytest.mark.skip(reason="why")
def test_is_skipped(): pass
"""


class Worker:
    """The hook of this suite, and what it asks its process."""

    pytest_runtest_protocol = staticmethod(conftest.pytest_runtest_protocol)

    def __init__(self) -> None:
        self.reported: set[tuple[str, str, str]] = set()

    def pytest_configure(self, config: pytest.Config) -> None:
        config.workerinput = {}  # type: ignore[attr-defined]  # as a worker has

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("::test_")[2]
        self.reported.add((name, report.when, report.outcome))


USUAL = {
    ("of_nothing", "call", "passed"),
    ("fails", "call", "failed"),
    ("skips", "call", "skipped"),
    ("without_its_fixture", "setup", "failed"),
    ("before_an_end_that_fails", "call", "passed"),
    ("before_an_end_that_fails", "teardown", "failed"),
    ("with_a_word", "call", "passed"),
    ("with_a_word", "teardown", "passed"),
    ("is_skipped", "setup", "skipped"),
}


@pytest.mark.parametrize("asked", [(), ("--durations=1",), ("--junitxml=report.xml",)])
def test_what_a_worker_reports(pytester: pytest.Pytester, asked: tuple[str, ...]) -> None:
    pytester.makepyfile(TESTS)
    worker = Worker()
    pytester.inline_run("-p", "no:xdist", "-p", "no:asyncio", *asked, plugins=[worker])
    assert worker.reported >= USUAL
    without_word = {(when, outcome) for _, when, outcome in worker.reported - USUAL}
    assert without_word == ({("setup", "passed"), ("teardown", "passed")} if asked else set())
