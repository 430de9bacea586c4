"""Names that other libraries have: each is no attribute here, and says what it is called."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import onehttp
from onehttp.connections.file.schema.connections import ConnectionModel
from onehttp.hints.names import (
    OF_ASYNC_STREAM_CONTEXT,
    OF_CONNECTION,
    OF_JAR,
    OF_MODULE,
    OF_STREAM,
    OF_STREAM_CONTEXT,
)
from onehttp.hints.settings import OF_INIT, OF_KEYS, OF_TIMEOUT
from onehttp.streams.contexts import AsyncStreamContext, StreamContext
from onehttp_backends.hints.elsewhere import OF_HEADERS, OF_RESPONSE
from onehttp_backends.registry import load

ROOT = Path(__file__).parents[2]
ANSWERS = {"GET https://api.example/x": (200, "fine")}
API = {"version": 1, "connections": {"api": {"url": "https://api.example"}}}
OWNERS: list[tuple[Any, Mapping[str, str]]] = [
    (onehttp.Response, OF_RESPONSE),
    (onehttp.Headers, OF_HEADERS),
    (onehttp.StreamedResponse, OF_STREAM),
    (onehttp.AsyncStreamedResponse, OF_STREAM),
    (onehttp.Connection, OF_CONNECTION),
    (onehttp.CookieJar, OF_JAR),
    (StreamContext, OF_STREAM_CONTEXT),
    (AsyncStreamContext, OF_ASYNC_STREAM_CONTEXT),
]
TABLES = [OF_MODULE, OF_INIT, OF_TIMEOUT, *(table for _, table in OWNERS)]


@pytest.fixture(autouse=True)
def _process_is_left_as_found() -> Iterator[None]:
    yield
    onehttp.shutdown()


def value(owner: Any) -> Any:
    """One of this class."""
    onehttp.init(API, backend="httpx", answers=ANSWERS)
    if owner is onehttp.Connection:
        return onehttp.connection("api")
    if owner is onehttp.CookieJar:
        return onehttp.CookieJar()
    response = onehttp.request("GET", "https://api.example/x")
    if owner in {onehttp.Response, onehttp.Headers}:
        return response if owner is onehttp.Response else response.headers
    return owner.__new__(owner)


@pytest.mark.parametrize(("owner", "table"), OWNERS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_foreign_attribute_of_a_value_suggests_ours(
    owner: type, table: Mapping[str, str]
) -> None:
    made = value(owner)
    for name, hint in table.items():
        with pytest.raises(AttributeError, match=re.escape(f"no attribute {name!r}: {hint}")):
            getattr(made, name)
        assert not hasattr(made, name)
    assert not table.keys() & set(dir(made))
    with pytest.raises(AttributeError):
        made.no_such_name


def test_a_stream_keeps_its_own_names() -> None:
    for name in ("read", "iter_bytes", "iter_lines", "iter_text", "close"):
        assert callable(getattr(onehttp.StreamedResponse, name))
        assert callable(getattr(onehttp.AsyncStreamedResponse, name))
        assert name in dir(value(onehttp.StreamedResponse))


def test_a_stream_that_is_opened_the_other_way_says_how() -> None:
    onehttp.init(API, backend="httpx", answers=ANSWERS)
    stream: Any = onehttp.stream("GET", "https://api.example/x")
    astream: Any = onehttp.astream("GET", "https://api.example/x")

    async def opened() -> None:
        async with stream:
            pass

    with pytest.raises(AttributeError, match=r"in a coroutine take astream\(\)"):
        asyncio.run(opened())
    with pytest.raises(AttributeError, match=r"in a thread take stream\(\)"), astream:
        pass


def test_no_look_up_is_dearer_for_it() -> None:
    for owner, _ in OWNERS:
        assert not hasattr(owner, "__getattr__")
        assert "__getattribute__" not in {
            name for each in owner.__mro__[:-1] for name in vars(each)
        }


@pytest.mark.parametrize("name", OF_MODULE)
def test_a_foreign_name_of_the_module_suggests_ours(name: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(f"{name!r}: {OF_MODULE[name]}")):
        getattr(onehttp, name)


@pytest.mark.parametrize("name", OF_MODULE)
def test_a_foreign_name_in_an_import_suggests_ours(name: str) -> None:
    with pytest.raises(ImportError, match=re.escape(f"{name!r} from 'onehttp': {OF_MODULE[name]}")):
        exec(f"from onehttp import {name}", {})
    assert not hasattr(onehttp, name)


def test_a_name_that_nobody_has_is_imported_in_pythons_own_words() -> None:
    with pytest.raises(ImportError, match="cannot import name 'qwzx' from 'onehttp' "):
        exec("from onehttp import qwzx", {})
    exec("from onehttp import testing, lowlevel", {})


@pytest.mark.parametrize("keyword", OF_INIT)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "again"])
def test_a_foreign_keyword_of_init_suggests_ours(keyword: str, is_first: bool) -> None:
    if not is_first:
        onehttp.init()
    given: Any = {keyword: 3}
    with pytest.raises(TypeError, match=re.escape(f"{keyword!r}: {OF_INIT[keyword]}")):
        onehttp.init(**given)
    with pytest.raises(TypeError, match="unexpected keyword argument 'qwzx'; known: source"):
        onehttp.init(qwzx=1)  # type: ignore[call-arg]


def test_a_backend_made_by_hand_says_it_too() -> None:
    backend = load("pycurl")()
    given: Any = {"timeout": 3, "backend": backend}
    with (
        contextlib.closing(backend),
        pytest.raises(TypeError, match="'timeout': `timeout:` of a named connection"),
    ):
        onehttp.init(**given)


@pytest.mark.parametrize("keyword", OF_TIMEOUT)
def test_a_foreign_keyword_of_timeout_suggests_ours(keyword: str) -> None:
    given: Any = {keyword: 3}
    with pytest.raises(TypeError, match=re.escape(f"{keyword!r}: {OF_TIMEOUT[keyword]}")):
        onehttp.Timeout(**given)


def test_timeout_takes_its_own_arguments() -> None:
    assert onehttp.Timeout(1, 2, idle_s=3) == onehttp.Timeout(total_s=1, connect_s=2, idle_s=3)
    assert repr(onehttp.Timeout(1)) == "Timeout(total_s=1, connect_s=None, idle_s=None)"
    with pytest.raises(AttributeError):
        onehttp.Timeout().total_s = 1  # type: ignore[misc]


def test_several_time_limits_as_a_tuple_are_told_of_a_timeout() -> None:
    onehttp.init(backend="httpx", answers=ANSWERS)
    with pytest.raises(onehttp.RequestTypeError, match=r"got tuple; onehttp.Timeout\("):
        onehttp.request("GET", "https://api.example/x", timeout=(1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("key", OF_KEYS)
def test_a_foreign_key_of_a_connection_suggests_ours(key: str) -> None:
    assert OF_KEYS[key].partition(":")[0] in ConnectionModel.model_fields
    source = {"version": 1, "connections": {"api": {key: "x"}}}
    with pytest.raises(onehttp.ConfigurationError) as caught:
        onehttp.init(source)
    assert f"connections.api.{key}: unknown key; it is `{OF_KEYS[key]}` here" in str(caught.value)


def test_every_suggested_name_exists() -> None:
    said = "\n".join(hint for table in TABLES for hint in table.values())
    names = set(re.findall(r"\bonehttp\.(\w+)", said))
    assert {name for name in names if not hasattr(onehttp, name)} == set()
    assert {page for page in re.findall(r"docs/[\w-]+\.md", said) if not (ROOT / page).exists()} \
        == set()  # fmt: skip
    keys = set(re.findall(r"`(\w+):", said))
    assert keys <= ConnectionModel.model_fields.keys() | {"defaults"}
