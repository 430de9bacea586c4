"""What servers have done of POSTs is what callers are told; `make soak-posts` makes more."""

from __future__ import annotations

import pytest

from soak.posts import WAYS, post_all

POSTS = 240


@pytest.mark.parametrize("way", WAYS)
def test_servers_and_callers_count_the_same(way: str) -> None:
    ledger = post_all(way, POSTS, "pycurl")
    assert ledger.faults(POSTS) == []
    assert len(ledger.told) == POSTS
