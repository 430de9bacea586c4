"""The ways to make a call by the public API, as one function: what a test says of all of them."""

from __future__ import annotations

import asyncio
from typing import Any

import onehttp
from servers.patience import PATIENCE_S

WAYS_TO_CALL = ("request", "arequest", "submit", "named", "named task", "named query")
"""On a URL, and on the connection ``api``."""


def call(way: str, url: str, method: str = "GET", path: str = "/x", **given: Any) -> Any:
    """The response of a call on ``url``, or on the connection ``api``, whose URL it is.

    Raises:
        OnehttpError: what the call ended with.
    """
    given.setdefault("timeout", PATIENCE_S)
    owner: Any = onehttp
    if way.startswith("named"):
        owner = onehttp.connection("api")
    else:
        path = f"{url}{path}"
    if way in ("request", "named"):
        return owner.request(method, path, **given)
    if way in ("arequest", "named task"):

        async def awaited() -> Any:
            return await owner.arequest(method, path, **given)

        return asyncio.run(awaited())
    result = owner.submit(method, path, **given).result(PATIENCE_S)
    if result.error is not None:
        raise result.error
    return result.response


def can_await(way: str) -> bool:
    """Whether a coroutine function can be used on the way."""
    return way in ("arequest", "named task")
