"""A token that its own thread needs while it fetches, and fetches that a handler cuts off."""

from __future__ import annotations

import contextlib

import onehttp
from onehttp.calls.auth import token_source
from servers.patience import PATIENCE_S
from stand_ins.injection import InstructionInjector, Interrupt, needs_instructions


def test_whoever_needs_the_token_that_its_own_thread_is_fetching_is_told() -> None:
    """The function itself, or a signal handler in it: it would wait for itself for ever."""
    told: list[Exception] = []

    def fetch() -> str:
        for patience_s in (None, PATIENCE_S):
            try:
                source.get(patience_s=patience_s)
            except onehttp.ReentrantCallError as error:
                told.append(error)
        return "token"

    source = onehttp.TokenSource(fetch)
    assert source.get() == "token"
    assert len(told) == 2


@needs_instructions
def test_a_handler_that_raises_anywhere_in_a_fetch_leaves_nobody_waiting() -> None:
    places: set[tuple[str, str, int]] = set()
    is_over = False
    while not is_over:
        source = onehttp.TokenSource(lambda: "token")
        injector = InstructionInjector(places, (token_source.__file__,))
        with contextlib.suppress(Interrupt), injector.in_force():
            source.get()
        is_over = not injector.place
        assert source.get(patience_s=PATIENCE_S) == "token", injector.place
    assert len(places) > 10
