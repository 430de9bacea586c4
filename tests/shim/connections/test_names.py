"""``names``: how names become addresses, said once for the whole process."""

from __future__ import annotations

from pathlib import Path

import pytest

import onehttp
from onehttp.runtime import Runtime
from onehttp_backends.optional.naming import NameLimits

CONNECTIONS = "connections: {a: {url: 'http://a.example'}}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "connections.yaml"


def limits_in_force() -> NameLimits:
    """Those that the engine of this process goes by."""
    runtime = onehttp.api.process.runtime
    assert isinstance(runtime, Runtime)
    limits = runtime.backend.names.limits  # type: ignore[attr-defined]
    assert isinstance(limits, NameLimits)
    return limits


def test_a_process_without_a_file_has_the_defaults() -> None:
    onehttp.init()
    assert limits_in_force() == NameLimits()


def test_the_limits_of_the_file_are_those_of_the_engine_and_follow_a_reload(path: Path) -> None:
    path.write_text(f"version: 1\nnames: {{cache_s: 5, stale_s: 0, in_flight: 7}}\n{CONNECTIONS}")
    onehttp.init(path)
    assert limits_in_force() == NameLimits(cache_s=5, stale_s=0, in_flight=7)
    path.write_text(f"version: 1\nnames: {{cache_s: 6, stale_s: 0}}\n{CONNECTIONS}")
    diff = onehttp.reload()
    assert limits_in_force() == NameLimits(cache_s=6, stale_s=0)
    assert diff.names == ("cache_s", "in_flight")
    assert diff.is_change
    assert str(diff) == "revision 2: names (cache_s, in_flight); 1 unchanged"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("{cache_s: 0.5}", "names.cache_s"),
        ("{stale_s: -1}", "names.stale_s"),
        ("{stale_s: .inf}", "names.stale_s"),
        ("{in_flight: 0}", "names.in_flight"),
        ("{in_flight: 1.5}", "names.in_flight"),
        ("{cache: 5}", "names.cache"),
        ("5", "names"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(path: Path, written: str, key: str) -> None:
    path.write_text(f"version: 1\nnames: {written}\n{CONNECTIONS}")
    with pytest.raises(onehttp.ConfigurationError) as caught:
        onehttp.init(path)
    assert (caught.value.key, caught.value.line) == (key, 2)


def test_an_included_file_has_no_say(path: Path) -> None:
    other = path.with_name("other.yaml")
    other.write_text(f"version: 1\nnames: {{cache_s: 5}}\n{CONNECTIONS}")
    path.write_text("version: 1\ninclude: other.yaml\n")
    with pytest.raises(
        onehttp.ConfigurationError, match="the file that includes this one"
    ) as caught:
        onehttp.init(path)
    assert (caught.value.file, caught.value.line, caught.value.key) == (str(other), 2, "names")
