"""The client of the server for shared limits: one thread in each process.

Theory of operation
-------------------
1. *One thread and one connection for each server and process.* An attempt puts an `Enter` into a
   queue and waits for it as for any turn (in a thread, in a task, by callback), at most for the
   budget. Only the thread waits for connecting and for timeouts of the socket. Messages that
   arrive in the meantime are sent in one round trip.
2. *Unreachable.* After an error, or `LATE` late answers in a row, the server counts as away: no
   call waits for it, and the thread tries again with growing pauses. (Several calls that wait for
   one round trip count as one late answer.) It is back when it answers a probe, which writes as a
   call does, within the budget. Both changes are logged once.
3. *No message is lost while the server is there.* A `Leave` is repeated until the server has
   confirmed it, and counts once however often it arrives. An `Enter` whose caller has given up, or
   that was cut off, is followed by a `Leave` without a verdict. If a key holds a foreign value,
   the server counts as away for that connection only.
4. *Leases* of all held permits are renewed after each third of their duration.
5. *A forked child* starts anew with its first call. The thread ends when no connection needs it.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import queue
import re
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from onehttp.policies.shared import scripts
from onehttp.policies.shared.connecting import connected
from onehttp.policies.shared.gate import Enter, Gate, GateAnswer, Leave
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.secret_values import shown_url

if TYPE_CHECKING:
    from onehttp.policies.shared.policy import SharedPolicy

logger = logging.getLogger("onehttp")
Message: TypeAlias = "Enter | Leave | threading.Event"
"""An event is set when all messages before it are done."""
FIRST_CONNECT_S: Final = 0.5
FIRST_BACKOFF_S: Final = 0.05
LONGEST_BACKOFF_S: Final = 5.0
STEADY_S: Final = 10.0
"""A server that was reachable for this long before it went away is tried again soon."""
LOOK_S: Final = 5.0
"""The interval at which the thread checks whether it is still needed."""
LATE: Final = 3
MOST_AT_ONCE: Final = 256
_is_of_keys: Final = re.compile(
    r"WRONGTYPE|is not an integer|number expected|attempt to (?:compare|perform)"
).search
"""Matches the errors of a server if a key holds a foreign value."""


class SharedStore:
    """See the module. Any thread may use it."""

    def __init__(self, policy: SharedPolicy) -> None:
        self.policy = policy
        self.gates: weakref.WeakSet[Gate] = weakref.WeakSet()
        self._starting = reentrant_lock()  # guards _thread; handlers make calls, too
        self.forget()

    def forget(self) -> None:
        """Start anew: in a forked child, thread, connection and permits belong to the parent."""
        self.is_there = False
        """Whether its last answer was in time."""
        self._is_away = False
        self._late = 0
        self._late_at = 0.0
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()  # put: also in a finalizer
        self._thread: threading.Thread | None = None
        self._is_settled = threading.Event()
        self._held: dict[str, Gate] = {}  # the rest is the thread's
        self._owed: list[Leave] = []
        self._renew_at = 0.0
        self._prefix = os.urandom(8).hex()
        self._numbers = itertools.count()

    def connect(self) -> None:
        """Start the thread, and wait for its first connection, so that the first call has it."""
        import redis  # noqa: F401 - here, and not on the thread while a call waits

        self._run_thread()
        self._is_settled.wait(FIRST_CONNECT_S)

    def enter(self, gate: Gate, patience_s: float | None) -> Enter:
        """Make an `Enter`, to `ask` and to wait for."""
        return Enter(gate, f"{self._prefix}.{next(self._numbers)}", patience_s)

    def ask(self, enter: Enter) -> bool:
        """Ask the server; False if it is away."""
        if self._is_away:
            return False
        self._queue.put(enter)
        self._run_thread()
        return True

    def was_late(self) -> None:
        """Note that a call has waited for the whole budget. Calls of one round trip count once."""
        now = time.monotonic()
        if now - self._late_at < self.policy.budget_s:
            return
        self._late_at = now
        self._late += 1
        if self._late >= LATE and self.is_there:
            budget_ms = self.policy.budget_s * 1000
            self._went(f"{LATE} answers in a row took longer than {budget_ms:g} ms")
            self._queue.put(threading.Event())  # for the thread to notice

    def leave(self, leave: Leave) -> None:
        """Note the end of an attempt."""
        self._queue.put(leave)
        self._run_thread()

    def flush(self) -> None:
        """Wait until all earlier messages are done, as long as the server is there."""
        if self.is_there:
            done = threading.Event()
            self._queue.put(done)
            done.wait(FIRST_CONNECT_S)

    def _run_thread(self) -> None:
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="onehttp-shared", daemon=True)
                self._thread = thread  # first: a signal handler that makes a call needs no other
                try:
                    thread.start()
                except BaseException as error:
                    if thread.ident is None:
                        self._thread = None
                    # No more threads, or the process ends: calls wait for the budget and continue.
                    if not isinstance(error, RuntimeError):
                        raise

    def _run(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        away_since: float | None = None
        while not self._has_ended():
            began = time.monotonic()
            client = None
            try:
                client = connected(self.policy, self._prefix)
                self._came()
                away_since = None
                began = time.monotonic()
                self._serve(client)
            except Exception as error:  # noqa: BLE001 - the client has many errors; it is logged
                self._went(f"{type(error).__name__}: {error}")
                if time.monotonic() - began > STEADY_S:
                    backoff_s = FIRST_BACKOFF_S
                away_since = began if away_since is None else away_since
                if time.monotonic() - away_since > self.policy.lease_s:  # all leases have ended
                    self._held.clear()
                    self._owed.clear()
                self._wait_for(backoff_s)
                backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
            finally:
                if client is not None:
                    client.close()

    def _has_ended(self) -> bool:
        with self._starting:
            if self.gates or self._held or not self._queue.empty():
                return False
            self._thread = None
            self.is_there = False
            return True

    def _serve(self, client: Any) -> None:
        enter = client.script_load(scripts.ENTER)
        leave = client.script_load(scripts.LEAVE)
        self._renew_at = 0.0
        while self.gates or self._held or not self._queue.empty():
            messages, events = self._next()
            if messages:
                self._exchange(client, enter, leave, messages)
            for event in events:
                event.set()
            del messages  # or their gates would never go
            if self._is_away:
                raise TimeoutError("slow")
            if time.monotonic() >= self._renew_at:
                self._renew(client)

    def _next(self) -> tuple[list[Enter | Leave], list[threading.Event]]:
        """Return the messages to send. Waits for them until leases have to be renewed."""
        messages: list[Enter | Leave] = list(self._owed)
        self._owed.clear()
        events = []
        wait_s = min(max(self._renew_at - time.monotonic(), 0.0), LOOK_S)
        try:
            message = self._queue.get(timeout=0.0 if messages else wait_s)
            while True:
                if isinstance(message, threading.Event):
                    events.append(message)
                else:
                    messages.append(message)
                if len(messages) >= MOST_AT_ONCE:
                    break
                message = self._queue.get_nowait()
        except queue.Empty:
            pass
        return messages, events

    def _exchange(self, client: Any, enter: str, leave: str, messages: list[Enter | Leave]) -> None:
        pipe = client.pipeline(transaction=False)
        for each in messages:
            if isinstance(each, Leave):
                arguments = each.gate.leave_arguments(*each[1:])
                pipe.evalsha(leave, 4, *each.gate.keys, *arguments)
            else:
                arguments = each.gate.enter_arguments(each.token, each.patience_s)
                pipe.evalsha(enter, 4, *each.gate.keys, *arguments)
        try:
            replies = pipe.execute(raise_on_error=False)
        except BaseException:  # even if it ends this thread, no call may wait for an answer then
            for each in messages:
                self._unanswered(each)
            raise
        problem: Exception | None = None
        for each, reply in zip(messages, replies, strict=True):
            if isinstance(reply, Exception):
                if _is_of_keys(str(reply)):
                    self._spoiled(each, reply)
                else:
                    problem = reply
                    self._unanswered(each)
                continue
            each.gate.spoiled(None)
            if isinstance(each, Leave):
                self._held.pop(each.token, None)
                each.gate.tell(reply)
            else:
                self._answered(each, GateAnswer(reply[0], reply[1] / 1e6, reply[2]))
        if problem is not None:
            raise problem

    def _answered(self, enter: Enter, answer: GateAnswer) -> None:
        is_in = answer.what == scripts.ADMITTED
        if is_in:
            self._held[enter.token] = enter.gate
        if enter.settle(answer):
            self._late = 0
        elif is_in:
            self._owed.append(Leave(enter.gate, enter.token, 0, scripts.NOTHING))

    def _unanswered(self, message: Enter | Leave) -> None:
        if isinstance(message, Leave):
            self._owed.append(message)
            return
        self._owed.append(Leave(message.gate, message.token, 0, scripts.NOTHING))
        message.settle(None)

    def _spoiled(self, message: Enter | Leave, error: Exception) -> None:
        message.gate.spoiled(error)
        if isinstance(message, Leave):
            self._held.pop(message.token, None)  # its lease ends, if there is one
        else:
            message.settle(None)

    def _renew(self, client: Any) -> None:
        self._renew_at = time.monotonic() + self.policy.lease_s / 3
        tokens: dict[Gate, list[str]] = {}
        for token, gate in self._held.items():
            tokens.setdefault(gate, []).append(token)
        for gate, held in tokens.items():
            lease_us = self.policy.lease_s * 1e6
            try:
                client.eval(scripts.RENEW, 4, *gate.keys, lease_us, *held)
            except Exception as error:
                if not _is_of_keys(str(error)):
                    raise
                gate.spoiled(error)

    def _wait_for(self, seconds: float) -> None:
        """Wait while the server is away, and settle calls that came before they could know that."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            try:
                message = self._queue.get(timeout=left_s)
            except queue.Empty:
                return
            if isinstance(message, Enter):
                message.settle(None)
            elif isinstance(message, Leave):
                self._owed.append(message)
            else:
                message.set()

    def _came(self) -> None:
        if self._is_away:
            logger.warning("shared limits: %s answers again; all processes count together",
                           shown_url(self.policy.url))  # fmt: skip
        self._late = 0
        self.is_there, self._is_away = True, False
        self._is_settled.set()

    def _went(self, reason: str) -> None:
        with self._starting:
            was_away, self._is_away, self.is_there = self._is_away, True, False
        if not was_away:
            what = (
                "calls are refused" if self.policy.on_failure == "refuse" else "each counts alone"
            )
            logger.warning("shared limits: %s is away (%s); %s until it is back",
                           shown_url(self.policy.url), reason, what)  # fmt: skip
        if not self._is_settled.is_set():  # its lock is not for handlers, which may come here
            self._is_settled.set()


_stores: weakref.WeakValueDictionary[SharedPolicy, SharedStore] = weakref.WeakValueDictionary()
_making = reentrant_lock()  # a signal handler may reload


def store_of(policy: SharedPolicy) -> SharedStore:
    """Return the store of this process for a policy."""
    with _making:
        store = _stores.get(policy)
        if store is None:
            store = _stores.setdefault(policy, SharedStore(policy))
    return store


def _after_fork_in_child() -> None:
    for store in list(_stores.values()):
        store.forget()


def _at_exit() -> None:
    for store in list(_stores.values()):
        store.flush()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
