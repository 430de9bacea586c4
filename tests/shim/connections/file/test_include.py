"""Files that include others."""

from __future__ import annotations

from pathlib import Path

import pytest

import onehttp
from onehttp.connections.file.load import load_connections


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"version: 1\n{text}")
    return folder / "main.yaml"


def connection(name: str, more: str = "") -> str:
    return f"connections:\n  {name}: {{url: 'http://{name}.example'{more}}}\n"


def said(path: Path) -> list[str]:
    with pytest.raises(onehttp.ConfigurationError) as caught:
        load_connections(path)
    return [str(error) for error in caught.value.errors]


def test_files_and_folders_are_included_in_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        main="include: [other.yaml, teams]\n" + connection("a"),
        other=connection("b"),
        teams__two=connection("d"),
        teams__one=connection("c"),
    )
    (tmp_path / "teams" / "notes.txt").write_text("not: [yaml")
    found = load_connections(path)
    assert list(found) == ["a", "b", "c", "d"]
    assert (found["d"].file, found["d"].line) == (str(tmp_path / "teams/two.yaml"), 3)


def test_defaults_of_an_included_file_go_over_those_it_is_included_with(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        main="include: other.yaml\ndefaults: {timeout: {total: 9, connect: 3}, max_body: 7}\n",
        other="defaults: {timeout: {total: 8}}\n" + connection("b", ", timeout: {connect: 2}"),
    )
    options = load_connections(path)["b"].options
    assert (options.total_timeout_s, options.connect_timeout_s) == (8, 2)
    assert options.max_body_bytes == 7


def test_credentials_of_the_defaults_are_replaced_whole(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        main="defaults: {auth: {type: digest, username: u, password: p}}\n"
        + connection("a", ", auth: {username: v}")
        + "  b: {url: 'http://b.example', auth: null}\n  c: {url: 'http://c.example'}\n",
    )
    found = load_connections(path)
    assert found["a"].options.auth == onehttp.Auth(username="v")
    assert found["b"].options.auth is None
    assert found["c"].options.auth is not None
    assert found["c"].options.auth.schemes is onehttp.AuthScheme.DIGEST


def test_a_missing_include_is_named_where_it_is_included(tmp_path: Path) -> None:
    path = written(tmp_path, main="include:\n  - gone.yaml\n" + connection("a"))
    assert said(path) == [f"{path}:3:5: include.0: {tmp_path}/gone.yaml does not exist"]


@pytest.mark.parametrize("loop", ["main", "other"])
def test_a_loop_of_includes_is_refused(tmp_path: Path, loop: str) -> None:
    path = written(tmp_path, main="include: other.yaml\n", other=f"include: {loop}.yaml\n")
    (message,) = said(path)
    assert message.startswith(f"{tmp_path}/other.yaml:2:10: include: a loop: ")
    assert message.endswith(f"-> {tmp_path}/{loop}.yaml; take one of them out")


def test_a_file_is_included_once(tmp_path: Path) -> None:
    path = written(tmp_path, main="include: [other.yaml, ./other.yaml]\n", other=connection("b"))
    (message,) = said(path)
    assert message.startswith(f"{path}:2:23: include.1: ")
    assert message.endswith(f"is included by {path} already")


def test_a_name_given_in_two_files_names_both_places(tmp_path: Path) -> None:
    path = written(tmp_path, main="include: other.yaml\n" + connection("a"), other=connection("a"))
    assert said(path) == [f"{tmp_path}/other.yaml:3:3: connections.a: given in {path}:4 too"]


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        main="include: [broken.yaml, other.yaml]\n" + connection("a", ", timeuot: 3"),
        broken="connections: [\n",
        other=connection("b", ", failover: aa"),
    )
    messages = said(path)
    assert [message.split(":")[0].rpartition("/")[2] for message in messages] == [
        "broken.yaml",
        "main.yaml",
        "other.yaml",
    ]
    assert 'no connection named "aa" (did you mean "a"?)' in messages[2]
