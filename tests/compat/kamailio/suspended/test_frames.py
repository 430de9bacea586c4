"""What goes from one process of the server to another comes out as it went in."""

from __future__ import annotations

from typing import Any

import pytest

import onehttp
from onehttp.lowlevel import Asked
from onehttp_compat.kamailio.frames import Suspension, check_can_be_carried, packed, unpacked
from onehttp_compat.modules.http_async_client.calls import AsyncJob
from onehttp_compat.modules.http_async_client.settings import AsyncSettings

DEFAULTS = AsyncSettings()
CALL: Any = {
    "json": {"a": [1, None]},
    "timeout": onehttp.Timeout(total_s=3, idle_s=1),
    "headers": [("A", "b")],
}
ASKED = Asked("api", "POST", "/x", CALL)


def job(**more: Any) -> AsyncJob:
    given: dict[str, Any] = {
        "url": "/x", "route": "r", "query_id": "1-1", "xdata": "", "is_kemi": True,
        "settings": DEFAULTS, "body": None,
    }  # fmt: skip
    return AsyncJob(**(given | more))


@pytest.mark.parametrize("token", [None, Suspension(1, -2), Suspension(1, -2, 3.5)])
@pytest.mark.parametrize(
    "more",
    [{}, {"xdata": "x", "body": b"\0"}, {"settings": AsyncSettings(timeout_ms=1)},
     {"asked": ASKED, "xdata": {"a": (1, 2.5)}}, {"asked": ASKED, "xdata": None}],
)  # fmt: skip
def test_a_query_comes_out_as_it_went_in(more: dict[str, Any], token: Suspension | None) -> None:
    made = job(**more)
    assert unpacked(packed(made, token, DEFAULTS), DEFAULTS) == (made, token)


@pytest.mark.parametrize("xdata", [lambda: None, (one for one in "x"), open])
def test_what_another_process_cannot_be_given_is_refused_before_anything_is_done(
    xdata: object,
) -> None:
    if xdata is open:
        check_can_be_carried(ASKED, xdata)  # by its name
        return
    with pytest.raises(TypeError, match="cannot be passed to another process"):
        check_can_be_carried(ASKED, xdata)
