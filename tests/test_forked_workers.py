"""Workers that are forked when all tests are collected: each test is run and reported once."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import pytest

from forked_workers import NONE, Shares
from servers.patience import PATIENCE_S, until

WORKERS: Final = ("-p", "no:asyncio", "-p", "no:cacheprovider", "-p", "forked_workers")
TESTS: Final = """
import os, pytest, signal, warnings
from pathlib import Path

@pytest.fixture(scope="session", autouse=True)
def session():
    with Path("sessions").open("a") as file: file.write("b")
    yield
    with Path("sessions").open("a") as file: file.write("e")

@pytest.fixture
def does_not_end():
    yield
    raise ValueError("at the end")

def test_passes(): pass
def test_fails(): print("said by one that fails"); assert 0
def test_skips(): pytest.skip("why")
def test_warns(): warnings.warn("of a worker")
def test_before_an_end_that_fails(does_not_end): pass
@pytest.mark.xfail
def test_is_known_to_fail(): assert 0
"""


@pytest.fixture(autouse=True)
def _plugin_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def lock() -> Iterator[IO[bytes]]:
    with TemporaryFile() as file:
        yield file


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(*WORKERS, "--forked-workers=2", *arguments)


def test_what_is_reported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = run(pytester)
    result.assert_outcomes(passed=3, failed=1, skipped=1, errors=1, xfailed=1, warnings=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines_random(
        ["said by one that fails", "*UserWarning: of a worker", "*ValueError: at the end"]
    )
    told = (pytester.path / "sessions").read_text()
    assert told.count("b") == told.count("e") > 0


def test_workers_run_side_by_side(pytester: pytest.Pytester) -> None:
    """The first and the third test wait for each other."""
    pytester.makepyfile(
        "from pathlib import Path\n"
        "from servers.patience import until\n"
        "def meet(mine, other):\n"
        "    Path(mine).touch()\n"
        "    until(Path(other).exists)\n"
        "def test_0(): meet('0', '2')\n"
        "def test_1(): pass\n"
        "def test_2(): meet('2', '0')\n"
        "def test_3(): pass\n"
    )
    run(pytester).assert_outcomes(passed=4)


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_test_that_ends_its_worker_has_failed(pytester: pytest.Pytester, end: str) -> None:
    tests = "".join(f"def test_{at}(): pass\n" for at in range(9))
    pytester.makepyfile(f"import os, signal\ndef test_of_the_end(): {end}\n{tests}")
    result = run(pytester)
    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["*the worker ended with * while it ran this test"])


def test_no_test_begins_after_the_first_that_failed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("".join(f"def test_{at}(): assert 0\n" for at in range(100)))
    result = run(pytester, "-x")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert 1 <= result.parseoutcomes()["failed"] < 100


def test_an_error_while_tests_are_collected(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("raise ValueError")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, pytest.ExitCode.INTERRUPTED), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_workers_and_their_fixtures_end_with_the_parent(
    pytester: pytest.Pytester, number: int, status: int
) -> None:
    pytester.makepyfile(
        f"{TESTS}from servers.patience import until\n"
        "def test_waits():\n"
        "    parent = os.getppid()\n"
        "    Path('waits').touch()\n"
        "    until(lambda: os.getppid() != parent)\n"
    )
    command = [sys.executable, "-m", "pytest", *WORKERS, "--forked-workers=2", "-k", "waits"]
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL) as parent:
        until((pytester.path / "waits").exists)
        parent.send_signal(number)
        assert parent.wait(PATIENCE_S) == status
    until(lambda: sorted((pytester.path / "sessions").read_text()) == ["b", "e"])


def test_two_kinds_of_workers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = run(pytester, "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*either --forked-workers or -n"])


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_one_worker_that_is_quick_takes_the_shares_of_all(workers: int, lock: IO[bytes]) -> None:
    shares = Shares(20, workers, lock)
    begun = [shares.advance(worker) for worker in range(workers)]
    run_by_the_first = iter(lambda: shares.advance(0)[0], NONE)
    # Each of the others keeps the test that it runs, and the one that it was told follows.
    assert sorted([*itertools.chain(*begun[1:]), begun[0][0], *run_by_the_first]) == [*range(20)]
    assert shares.advance(0) == (NONE, NONE)


def test_a_worker_that_ends_holds_up_no_other(lock: IO[bytes]) -> None:
    shares = Shares(4, 2, lock)
    pid = os.fork()
    if not pid:
        with shares._locked():
            os._exit(0)
    os.waitpid(pid, 0)
    assert shares.advance(1) == (2, 3)
