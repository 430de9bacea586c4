"""A signal handler that makes a call, or reloads, while a store of shared limits begins."""

from __future__ import annotations

import sys
import threading

from onehttp.policies.shared import store as stores
from onehttp.policies.shared.policy import SharedPolicy
from servers.patience import PATIENCE_S
from stand_ins.injection import InstructionInjector, needs_instructions


@needs_instructions
def test_a_handler_waits_for_no_lock_of_the_thread_that_it_interrupts() -> None:
    places: set[tuple[str, str, int]] = set()
    is_done = threading.Event()

    def begin_everywhere() -> None:
        is_over = False
        number = 0
        while not is_over:
            number += 1
            policy = SharedPolicy(url="redis://127.0.0.1:9/0", namespace=f"n{number}")

            made: list[stores.SharedStore] = []

            def use(policy: SharedPolicy = policy, made: list[stores.SharedStore] = made) -> None:
                sys.settrace(None)
                made.append(store := stores.store_of(policy))
                store.flush()
                store.was_late()
                store._run_thread()

            injector = InstructionInjector(places, (stores.__file__,), use)
            with injector.in_force():
                made.append(store := stores.store_of(policy))
                store._run_thread()
            assert len({id(each) for each in made}) == 1, injector.place
            is_over = not injector.place
        is_done.set()

    # A thread, so that one that waits for itself fails the test, and does not stop it.
    threading.Thread(target=begin_everywhere, daemon=True).start()
    assert is_done.wait(PATIENCE_S)
    assert len(places) > 5
