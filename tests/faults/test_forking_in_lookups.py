"""Row 68: processes forked in the middle of lookups, with a real name server of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from stand_ins.lookups_in_process import succeeds

WORK = [
    "pass",
    "backend.close()",
    "gc.collect()",
    "is_served()",
    "is_served('filed.example')",
    "get('dead0.example', total_timeout_s=0.1)",
    "os.execv(sys.executable, [sys.executable, '-c', ''])",
]


@pytest.mark.parametrize("work", WORK)
def test_68_a_child_forked_in_the_middle_of_lookups_ends_normally(
    tmp_path: Path, work: str
) -> None:
    out = succeeds(
        f"""
        is_served()
        transfers, ended = dead(3)
        def work():
            {work}
            assert len(os.listdir("/proc/self/task")) <= 2
        assert child(work) == 0
        is_served()
        backend.limit_names(NameLimits())
        is_served()
        assert ended.empty()
        assert backend.stats().in_flight == 3
        """,
        tmp_path,
    )
    assert "child:" not in out


def test_68_children_and_theirs_look_names_up_while_their_parents_do(tmp_path: Path) -> None:
    """glibc hands the stack of a parent's thread on, and with it the socket of its lookup."""
    succeeds(
        """
        is_served()
        transfers, ended = dead(10)
        def look_up():
            # A lookup whose answer another process has taken is repeated after 30 s.
            outcome = get("good.example", total_timeout_s=25)
            assert isinstance(outcome, Response), outcome
        def look_up_and_fork():
            look_up()
            for _ in range(3):
                assert child(look_up, os._exit) == 0
        for _ in range(5):
            assert child(look_up_and_fork, os._exit) == 0
        assert ended.empty()
        """,
        tmp_path,
    )


def test_68_libcurl_has_no_thread_that_a_fork_could_miss(tmp_path: Path) -> None:
    succeeds(
        """
        is_served()
        transfers, ended = dead(3)
        def moved(peer):
            peer.request()
            location = f"Location: http://next.example:{server.port}/".encode()
            head = b"HTTP/1.1 302 Found\\r\\nContent-Length: 0\\r\\n"
            peer.send(head + location + b"\\r\\n\\r\\n")
        names.zone["next.example"] = names.zone["proxy.example"] = ["127.0.0.1"]
        with RawServer(moved) as start:
            outcome = get("127.0.0.1", start.port, max_redirects=2)
            assert isinstance(outcome, Response) and outcome.redirect_count == 1, outcome
        proxy = Proxy(url=f"http://proxy.example:{server.port}")
        assert isinstance(get("far.example", proxy=proxy), Response)
        assert isinstance(get("both.example", total_timeout_s=0.1), TimeoutError)
        transfers[0].cancel()
        ended.get(timeout=PATIENCE_S)
        backend.close()
        def others():
            mine = {thread.native_id for thread in threading.enumerate()}
            return {int(task) for task in os.listdir("/proc/self/task")} - mine
        # What is left looks up dead0 to dead2 and both.example, in getaddrinfo. Who has ended may
        # be listed by the kernel for a moment more.
        end = time.monotonic() + PATIENCE_S
        while len(others()) > 4 and time.monotonic() < end:
            os.sched_yield()
        assert len(others()) == 4
        """,
        tmp_path,
    )
