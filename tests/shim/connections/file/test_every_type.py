"""Every key of the file with values of other types: none is taken for what it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import onehttp
from onehttp.connections.file.schema.connections import FileModel
from onehttp.connections.file.schema.explain import models_in
from servers.ports import free_port

OTHERS: list[Any] = [
    *(True, False, 0, 1, 7, -1, 1.0, 0.5, "1", "true", "", None, [], {}, [1], {"a": 1}, b"x", 1j),
    *(float("nan"), float("inf"), 10**400, "\u0663", (), object()),
]
FLAGS = {
    *(
        "verify_peer",
        "verify_host",
        "verify_status",
        "private",
        "reuse",
        "decompress",
        "retry_after",
    ),
    *("unsafe_resend", "leave_base", "cookies", "alt_svc", "asks_first"),
}


def keys(model: type[BaseModel], around: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (*around, name)
        for inner in models_in(field.annotation):
            yield from keys(inner, (*around, name))


def outcome(path: tuple[str, ...], value: object) -> str:
    """Empty: it is taken; else what is said of it."""
    document: dict[str, Any] = {"version": 1}
    if path[0] == "connections" and len(path) > 1:
        named: Any = value
        for key in reversed(path[1:]):
            named = {key: named}
        document["connections"] = {"a": {"url": f"http://127.0.0.1:{free_port()}", **named}}
    else:
        nested: Any = value
        for key in reversed(path):
            nested = {key: nested}
        document |= nested
    try:
        onehttp.init(document)
    except onehttp.ConfigurationError as error:
        return str(error)
    finally:
        onehttp.shutdown()
    return ""


@pytest.mark.parametrize("path", list(keys(FileModel)), ids=".".join)
def test_what_a_key_takes(path: tuple[str, ...]) -> None:
    taken = [value for value in OTHERS if not outcome(path, value)]
    kinds = {type(value) for value in taken}
    if path[-1] in FLAGS:
        assert kinds <= {bool}
    elif path[-1] != "redirects" and path[-2:] != ("redirects", "max"):  # true is the usual number
        assert bool not in kinds
    assert not kinds & {bytes, complex, object}
    assert not (kinds & {str} and kinds & {int, float}), "a number or a text, not both"
    assert not any(value in (float("inf"), 10**400) or value != value for value in taken)


@pytest.mark.parametrize("value", [True, False, 1.0, 1j, "1", 2, 0, None, [1], {}])
def test_the_version_is_a_number(value: object) -> None:
    assert "version: expected 1" in outcome(("version",), value)


@pytest.mark.parametrize("value", [True, 5, 1.0, [], b"x"])
def test_a_section_that_may_be_one_text(value: object) -> None:
    assert "shared: expected text or a mapping" in outcome(("shared",), value)


def test_no_url_is_none() -> None:
    assert "has no url" in outcome(("connections", "url"), None)


SETTINGS: list[tuple[str, list[Any]]] = [
    ("backend", [True, 0, None, [], b"pycurl", 1.5, object()]),
    ("queries", [True, False, 0, 1.5, "", "x", [], {}, b"", object()]),
    ("secrets", [True, False, 0, "", "x", [], (1,), b"", {"a": 1}, {"a": None}]),
    ("hooks", [True, False, 0, 1.5, "", "x", b"", (1,), [None], object()]),
    ("control", [True, 0, 1.5, [], {}, b"x", object()]),
    ("max_idle_connections", [True, -1, 1.5, "1", None, 2**31, 10**400]),
]
OF_THE_DOUBLE: list[tuple[str, list[Any]]] = [
    *((name, [True, 0, "x", [], {}]) for name in ("handler", "app", "wsgi_app")),
    ("answers", [True, 0, "x", [], b""]),
]


@pytest.mark.parametrize(("name", "values"), [*SETTINGS, *OF_THE_DOUBLE])
def test_settings_of_init(name: str, values: list[Any]) -> None:
    engine = "httpx" if name in dict(OF_THE_DOUBLE) else "pycurl"
    for value in values:
        call = {"backend": engine, name: value}
        with pytest.raises(TypeError, match=name):
            onehttp.init(**call)


@pytest.mark.parametrize("name", ["workers", "queue_length", "wait_s", "max_in_flight"])
@pytest.mark.parametrize("value", [True, "1", -1, None, [], float("nan"), float("inf"), 10**400])
def test_limits_of_queries(name: str, value: Any) -> None:
    limit: dict[str, Any] = {name: value}
    with pytest.raises(onehttp.ConfigurationError, match=name):
        onehttp.QueryLimits(**limit)
