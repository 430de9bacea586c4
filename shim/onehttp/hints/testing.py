"""Names in the plugins of other libraries, and the names in this one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ANSWER: Final = "the answer is given with the route: .get(url, status=, json=, text=, error=, ...)"
_MANY: Final = "one after the other: answers=[...]; from a function: handler="
_ADD: Final = "it is .get(url, ...), .post(url, ...), .add(method, url, ...)"
_ALL: Final = "`calls` has all, each with `request` and `response`"

OF_DOUBLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "add_response": _ADD,
        "add_exception": f"{_ADD} with error=",
        "add_callback": f"{_ADD} with handler=",
        "respond": _ADD,
        "request": _ADD,
        "route": _ADD,
        "options": "it is .add('OPTIONS', url, ...)",
        "get_request": "it is calls.last.request, or that of the route",
        "get_requests": _ALL,
        "reset": "each test has a double of its own; unexpected.clear() forgets some of it",
        "assert_all_called": "it is so unless the marker onehttp_double(assert_all_called=False)",
        "pass_through": "the real engine is the fixture onehttp_engine",
    }
)
OF_ROUTE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mock": _ANSWER,
        "respond": _ANSWER,
        "return_value": _ANSWER,
        "side_effect": _MANY,
        "pass_through": "the real engine is the fixture onehttp_engine",
        "called_once": "it is assert_called_once(), or call_count == 1",
        "call_args": "it is calls.last.request",
        "assert_any_call": "look for it in `calls`",
        "requests": _ALL,
    }
)
OF_CALLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "call_count": "it is len(calls); a route has call_count, too",
        "called": "it is bool(calls); a route has called, too",
        "assert_called": "routes have it: route.assert_called()",
        "assert_called_once": "routes have it: route.assert_called_once()",
        "assert_not_called": "routes have it: route.assert_not_called()",
        "reset": "each test has a double of its own",
    }
)
OF_CALL: Final[Mapping[str, str]] = MappingProxyType(
    {name: f"it is request.{name}" for name in ("method", "url", "path", "body")}
    | {"content": "it is request.body", "has_response": "it is `response is not None`"}
)
OF_REQUEST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "content": "it is `body`",
        "data": "it is `body`",
        "read": "it is `body`",
        "query": "it is `params`",
        "args": "it is `params`",
        "form": "route.assert_called_with(form=...) compares it; `text` is how it goes out",
        "cookies": "they are headers['Cookie']",
    }
)
OF_CLOCK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tick": "it is advance(seconds)",
        "move_to": "it is advance(seconds)",
        "shift": "it is advance(seconds)",
        "sleep": "it is advance(seconds)",
    }
)
