"""Threads that run functions of others: they are used again, and end when nothing comes."""

from __future__ import annotations

import threading

import pytest

from onehttp.calls import user_function_threads
from onehttp.calls.user_function_threads import UserFunctionThreads
from servers.patience import PATIENCE_S


def test_work_that_waits_delays_no_other() -> None:
    threads, go_on, done = UserFunctionThreads(), threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        assert go_on.wait(PATIENCE_S)
        done.release()

    threads.run(wait)
    for _ in range(5):
        threads.run(done.release)
        assert done.acquire(timeout=PATIENCE_S)
    go_on.set()
    assert done.acquire(timeout=PATIENCE_S)


def test_a_thread_that_nothing_comes_for_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_function_threads, "IDLE_S", 0.001)
    threads, ran_on = UserFunctionThreads(), list[threading.Thread]()
    done = threading.Semaphore(0)

    def work() -> None:
        ran_on.append(threading.current_thread())
        done.release()

    for _ in range(200):  # some of them find one that is about to end
        threads.run(work)
        assert done.acquire(timeout=PATIENCE_S)
    for each in ran_on:
        each.join(PATIENCE_S)
        assert not each.is_alive()


def test_what_ends_a_thread_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, done, told = UserFunctionThreads(), threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: told.set())

    def stop() -> None:
        raise KeyboardInterrupt

    threads.run(stop)
    assert told.wait(PATIENCE_S)
    threads.run(done.set)
    assert done.wait(PATIENCE_S)
