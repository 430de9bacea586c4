"""The Call-ID that spans are given in scripts."""

from __future__ import annotations

import pytest

from onehttp_compat import call_id
from onehttp_compat.pv import Value
from onehttp_compat.server import LegacyServer


@pytest.mark.parametrize(
    ("value", "told"), [(b"a84b4c76", "a84b4c76"), ("x", "x"), (b"\xff", "\ufffd"), (None, None)]
)
def test_call_id_is_that_of_the_message_in_progress(
    legacy: LegacyServer, value: Value, told: str | None
) -> None:
    assert call_id() is None
    legacy.pv.register("ci", lambda _: value)
    assert call_id() == told
