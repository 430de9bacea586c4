"""Workers of the suite that are forked when all tests are collected (`--forked-workers N`).

pytest-xdist starts workers that collect all tests each, a tenth of what the suite costs in CPU.
Here one process collects, forks, and shows what its children report. As there, each worker begins
with a part of the tests in their order, so fixtures of a module or a session are set up by few
workers; a worker that has nothing left takes half of what the worker with the most has left.
"""

from __future__ import annotations

import atexit
import fcntl
import mmap
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from tempfile import TemporaryFile
from typing import IO, Any, Final, NoReturn

import pytest
from _pytest.capture import CaptureManager

NONE: Final = -1
PARENT: Final = "parent of forked workers"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--forked-workers",
        type=int,
        default=0,
        metavar="N",
        help="run the tests in N processes, forked from one that has collected them",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.forked_workers and not config.option.usepdb:
        if config.pluginmanager.hasplugin("_cov"):
            raise pytest.UsageError("--forked-workers measures no coverage: use -n with --cov")
        if config.getoption("dist", "no") != "no":
            raise pytest.UsageError("either --forked-workers or -n")
        config.pluginmanager.register(Parent(config.option.forked_workers), PARENT)


class Shares:
    """The tests that each worker has still to run, in memory that all processes share.

    `running` has the test that each worker runs, or `NONE`.
    """

    def __init__(self, tests: int, workers: int, lock: IO[bytes]) -> None:
        self._workers = range(workers)
        self._lock = lock
        memory = memoryview(mmap.mmap(-1, 4 * 4 * workers)).cast("i")
        self._begin, self._end, self._following, self.running = (
            memory[at * workers : (at + 1) * workers] for at in range(4)
        )
        for worker in self._workers:
            self._begin[worker] = tests * worker // workers
            self._end[worker] = tests * (worker + 1) // workers
            self._following[worker] = self.running[worker] = NONE

    def advance(self, worker: int) -> tuple[int, int]:
        """The test that a worker is to run, and the one after it, which tells what is to be torn
        down between them; `NONE` where there is none left."""
        with self._locked():
            if self._following[worker] == NONE:
                self._following[worker] = self._take(worker)
            self.running[worker] = self._following[worker]
            self._following[worker] = self._take(worker)
            return self.running[worker], self._following[worker]

    def _take(self, worker: int) -> int:
        if not self._left(worker):
            richest = max(self._workers, key=self._left)
            half = (self._left(richest) + 1) // 2
            self._end[worker] = self._end[richest]
            self._end[richest] -= half
            self._begin[worker] = self._end[richest]
        if not self._left(worker):
            return NONE
        self._begin[worker] += 1
        return self._begin[worker] - 1

    def drop(self) -> None:
        """No worker is to begin another test."""
        with self._locked():
            for worker in self._workers:
                self._end[worker] = self._begin[worker]
                self._following[worker] = NONE

    def _left(self, worker: int) -> int:
        return self._end[worker] - self._begin[worker]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.lockf(self._lock, fcntl.LOCK_EX)  # the kernel takes it from a process that ends
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)


@dataclass
class Worker:
    number: int
    pid: int
    reports: Connection
    end: int
    """A descriptor of the process: a test may leave children that keep the pipe open."""


class Parent:
    """Forks workers, and reports what they report."""

    def __init__(self, workers: int) -> None:
        self._count = workers
        self._workers: dict[int, Worker] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or session.config.option.collectonly or not session.items:
            return None  # said by pytest's own
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all
        self._session = session
        with TemporaryFile() as lock:
            self._shares = Shares(len(session.items), self._count, lock)
            self._run()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def _run(self) -> None:
        try:
            for number in range(self._count):
                self._fork(number)
            while self._workers:
                self._hear()
        except BaseException:
            for worker in self._workers.values():
                os.kill(worker.pid, signal.SIGINT)
                worker.reports.close()
            for worker in self._workers.values():
                os.waitpid(worker.pid, 0)
            raise

    def _hear(self) -> None:
        workers = list(self._workers.values())
        ready = wait([*(each.reports for each in workers), *(each.end for each in workers)])
        for worker in workers:
            if worker.reports in ready or worker.end in ready:
                self._read(worker)
            if worker.end in ready:
                del self._workers[worker.number]
                if self._has_died(worker):
                    self._fork(worker.number)
        if self._session.shouldfail or self._session.shouldstop:
            self._shares.drop()

    def _fork(self, number: int) -> None:
        reports, link = Pipe(duplex=False)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            # Who reports to a parent that was killed is to fail, and not to wait for a reader.
            for each in (reports, *(other.reports for other in self._workers.values())):
                each.close()
            Child(self._session, self._shares, number, link).run()
        link.close()
        self._workers[number] = Worker(number, pid, reports, os.pidfd_open(pid))

    def _read(self, worker: Worker) -> None:
        while worker.reports.poll():
            try:
                name, arguments = worker.reports.recv()
            except (EOFError, OSError):  # it has ended, maybe in the middle of a report
                return
            self._report(name, arguments)

    def _report(self, name: str, arguments: dict[str, Any]) -> None:
        config = self._session.config
        if name == "pytest_runtest_logreport":
            report = config.hook.pytest_report_from_serializable(config=config, data=arguments)
            config.hook.pytest_runtest_logreport(report=report)
        elif name == "pytest_warning_recorded":
            config.hook.pytest_warning_recorded.call_historic(kwargs=arguments)
        else:
            getattr(config.hook, name)(**arguments)

    def _has_died(self, worker: Worker) -> bool:
        """Whether the process ended in the middle of its tests: the one that it ran has failed."""
        status = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        os.close(worker.end)
        worker.reports.close()
        at = self._shares.running[worker.number]
        if at == NONE:
            if status:
                raise RuntimeError(f"a worker ended with {status} after its tests")
            return False
        self._shares.running[worker.number] = NONE
        item = self._session.items[at]
        text = f"the worker ended with {status} while it ran this test"
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
        item.ihook.pytest_runtest_logreport(report=report)
        return True


class Child:
    """Runs tests, and sends what it would report."""

    def __init__(
        self, session: pytest.Session, shares: Shares, number: int, link: Connection
    ) -> None:
        self._session = session
        self._shares = shares
        self._number = number
        self._link = link

    def run(self) -> NoReturn:
        """Run tests until there are none left, and end the process."""
        status = 1
        try:
            self._begin()
            with suppress(KeyboardInterrupt, BrokenPipeError):  # the parent ends
                self._run()
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it as well
            config = self._session.config
            config.hook.pytest_sessionfinish(session=self._session, exitstatus=0)
            config._ensure_unconfigure()
            atexit._run_exitfuncs()
            status = 0
        except BaseException:  # noqa: BLE001 - printed, and the status says it
            traceback.print_exc()
        finally:
            os._exit(status)

    def _begin(self) -> None:
        config = self._session.config
        config.workerinput = {  # type: ignore[attr-defined]  # as plugins know a worker of xdist
            "workerid": f"gw{self._number}",
            "workercount": config.option.forked_workers,
            "testrunuid": str(os.getppid()),
        }
        plugins = config.pluginmanager
        capture = plugins.getplugin("capturemanager")
        assert isinstance(capture, CaptureManager)
        # The files that take what tests print have one position for all that inherit them.
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture()
        plugins.unregister(name=PARENT)
        plugins.unregister(name="terminalreporter")
        plugins.register(self)

    def _run(self) -> None:
        items, shares = self._session.items, self._shares
        while not (self._session.shouldfail or self._session.shouldstop):
            at, following = shares.advance(self._number)
            if at == NONE:
                break
            next_item = None if following == NONE else items[following]
            items[at].config.hook.pytest_runtest_protocol(item=items[at], nextitem=next_item)
        shares.running[self._number] = NONE

    def _send(self, name: str, arguments: dict[str, Any]) -> None:
        self._link.send((name, arguments))

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._send("pytest_runtest_logstart", {"nodeid": nodeid, "location": location})

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self._send("pytest_runtest_logfinish", {"nodeid": nodeid, "location": location})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        config = self._session.config
        data = config.hook.pytest_report_to_serializable(config=config, report=report)
        self._send("pytest_runtest_logreport", data)

    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        told = warning_message
        is_builtin = told.category.__module__ == "builtins"
        text = str(told.message) if is_builtin else f"{told.category.__name__}: {told.message}"
        category = told.category if is_builtin else UserWarning
        message = warnings.WarningMessage(text, category, told.filename, told.lineno)
        arguments = {"warning_message": message, "when": when, "nodeid": nodeid}
        self._send("pytest_warning_recorded", {**arguments, "location": location})
