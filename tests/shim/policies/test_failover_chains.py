"""Failover at load: chains, loops, unknown names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.connections.file.load import load_connections
from onehttp.errors import ConfigurationError
from onehttp.policies import failover


def test_a_chain_goes_depth_first_and_names_nobody_twice() -> None:
    failovers = {"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ()}
    assert failover.chain("a", failovers.__getitem__) == ("a", "b", "d", "c")


@given(
    st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=8, max_size=8).map(
        lambda graph: {str(i): tuple(map(str, edges)) for i, edges in enumerate(graph)}
    )
)
def test_without_faults_every_chain_ends_and_with_a_loop_there_is_a_fault(
    failovers: dict[str, tuple[str, ...]],
) -> None:
    def reaches_itself(name: str) -> bool:
        seen, todo = set(), list(failovers[name])
        while todo:
            link = todo.pop()
            if link not in seen:
                seen.add(link)
                todo += failovers[link]
        return name in seen

    has_loop = any(map(reaches_itself, failovers))
    assert bool(list(failover.faults(failovers))) == has_loop
    for name in failovers:
        assert failover.chain(name, lambda link: failovers.get(link, ()))[0] == name


def loaded_error(tmp_path: Path, text: str) -> str:
    path = tmp_path / "connections.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_connections(path)
    return str(caught.value).replace(str(path), "connections.yaml")


def test_an_unknown_name_is_refused_with_its_place_and_the_nearest_name(tmp_path: Path) -> None:
    error = loaded_error(
        tmp_path,
        "version: 1\n"
        "connections:\n"
        "  api: {url: http://a.example, failover: backpu}\n"
        "  backup: {url: http://b.example}\n",
    )
    assert error == (
        "connections.yaml:3:42: connections.api.failover.0: "
        'no connection named "backpu" (did you mean "backup"?)'
    )


def test_a_loop_is_refused_and_shown_whole(tmp_path: Path) -> None:
    error = loaded_error(
        tmp_path,
        "version: 1\n"
        "connections:\n"
        "  a: {url: http://a.example, failover: [b]}\n"
        "  b: {url: http://b.example, failover: [c]}\n"
        "  c: {url: http://c.example, failover: [a, d]}\n"
        "  d: {url: http://d.example, failover: d}\n",
    )
    assert error.splitlines() == [
        "connections.yaml:5:41: connections.c.failover.0: "
        "a loop: a -> b -> c -> a; take one of them out",
        "connections.yaml:6:40: connections.d.failover.0: a loop: d -> d; take one of them out",
    ]
