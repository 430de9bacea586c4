"""Whole configurations, one of each kind that people have: what becomes of each line of ours, what
the file of connections says then, and whether the real server takes the same configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from onehttp.connections.file.load import load_connections
from onehttp_compat.convert.conversion import Converted, convert
from onehttp_compat.convert.outcomes import exit_status
from onehttp_compat.convert.reading import read_declared
from onehttp_compat.server_config import ConfigInputs
from servers.kamailio.check import checked
from stand_ins.whole_configurations import CASES, Case

pytestmark = pytest.mark.usefixtures("default_limits")


@pytest.fixture
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    case: Case = request.param
    for name, text in case.files.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "kamailio.cfg"
    text = f"{case.text}\nrequest_route {{ exit; }}\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def rows(converted: Converted) -> tuple[str, ...]:
    return tuple(
        f"{finding.place.rpartition(':')[2]} {finding.what}".rstrip() + f": {finding.became}"
        for finding in converted.findings
        if not finding.what.startswith("loadmodule ")
    )


def missing(said: Mapping[str, Any], document: Mapping[str, Any], around: str = "") -> list[str]:
    """What of ``said`` is not in a document."""
    found: list[str] = []
    for key, value in said.items():
        there = document.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            found += missing(value, there, f"{around}{key}.")
        elif there != value:
            found.append(f"{around}{key}: {value!r}, got {there!r}")
    return found


def of_each(cases: list[Case]) -> pytest.MarkDecorator:
    pairs = [(case, case) for case in cases]
    ids = [case.title for case in cases]
    return pytest.mark.parametrize(("path", "case"), pairs, indirect=["path"], ids=ids)


@of_each(CASES)
def test_every_line_of_ours_ends_as_something(path: Path, case: Case) -> None:
    inputs = ConfigInputs(environment=case.environment, defines=case.defines)
    converted = convert(read_declared(path, inputs), path.name, "plain")
    assert sorted(rows(converted)) == sorted(case.report)
    assert exit_status(converted.findings) == case.status
    assert missing(case.said, yaml.safe_load(converted.text)) == [], converted.text
    if case.loads:
        output = path.with_name("connections.yaml")
        output.write_text(converted.text, encoding="utf-8")
        load_connections(output)


@of_each([case for case in CASES if case.is_accepted is not None])
@pytest.mark.usefixtures("debian")
def test_the_server_takes_what_we_take(path: Path, case: Case) -> None:
    names = [name if value is None else f"{name}={value}" for name, value in case.defines.items()]
    verdict = checked(path, case.environment, names)
    assert verdict.is_accepted is case.is_accepted, verdict.log.decode(errors="replace")
