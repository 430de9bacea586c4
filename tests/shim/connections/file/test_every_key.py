"""Every key of the file, wrong in turn: named with its place, and nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import onehttp
from onehttp.connections.file.schema.connections import ConnectionModel
from onehttp.connections.file.schema.explain import models_in
from servers.ports import free_port


def keys(model: type[BaseModel], around: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every key of a connection, those of its sections included."""
    for name, field in model.model_fields.items():
        yield (*around, name)
        for inner in models_in(field.annotation):
            yield from keys(inner, (*around, name))


@pytest.mark.parametrize("path", list(keys(ConnectionModel)), ids=".".join)
@pytest.mark.parametrize("wrong", ["[[[]]]", "{no such key: {}}", "'no such thing'"])
def test_a_wrong_value_is_named_and_changes_nothing(
    tmp_path: Path, path: tuple[str, ...], wrong: str
) -> None:
    takes_text = wrong.startswith("'") and is_text(path)
    value = wrong
    if value.startswith("{") and path == ("params",):
        value = "{a: {}}"
    if value.startswith("{") and path == ("headers",):
        value = "{a: []}"
    file = tmp_path / "connections.yaml"
    file.write_text("version: 1\nconnections:\n  a: {url: 'http://a.example'}\n")
    onehttp.init(file)
    before = onehttp.connections()
    nested = value
    for key in reversed(path):
        nested = f"{{{key}: {nested}}}"
    file.write_text(f"version: 1\nconnections:\n  a: {nested}\n  b: {{url: 'http://b.example'}}\n")
    with pytest.raises(onehttp.ConfigurationError) as caught:
        onehttp.reload()
    assert onehttp.connections() is before
    key = f"connections.a.{'.'.join(path)}"
    found = [error for error in caught.value.errors if str(error.key).startswith(key)]
    assert bool(found) is not takes_text
    assert all(error.line == 3 and error.column and error.file == str(file) for error in found)


@pytest.mark.parametrize("path", list(keys(ConnectionModel)), ids=".".join)
@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 10**30])
def test_a_huge_number_is_refused_or_works(path: tuple[str, ...], number: int) -> None:
    nested: object = number
    for key in reversed(path):
        nested = {key: nested}
    assert isinstance(nested, dict)
    if path[:-1] == ("low_speed",):
        nested["low_speed"] = {"bytes_per_second": 1, "seconds": 1, **nested["low_speed"]}
    url = f"http://127.0.0.1:{free_port()}"
    try:
        onehttp.init(connections={"a": {"url": url, **nested}})
    except onehttp.ConfigurationError:
        return
    with pytest.raises(onehttp.TransferError):
        onehttp.connection("a").get("/")


def is_text(path: tuple[str, ...]) -> bool:
    """Whether any text will do."""
    return path in {
        ("content_type",),
        ("socket",),
        ("user_agent",),
        ("auth", "username"),
        ("auth", "password"),
        ("auth", "token"),  # the section is told of: its type is another
        ("tls", "key_password"),
        ("proxy", "username"),
        ("proxy", "password"),
        ("proxy", "ca_file"),  # the section is told of: it has no url
    }
