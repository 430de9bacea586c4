"""``onehttp migrate scan`` as it is run: for people, for machines, for a workflow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp

SCRIPT = 'import KSR\n\nKSR.http_client.query("http://h/100%", "$var(x)")\n'


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(onehttp, ["migrate", "scan", *map(str, arguments)])


def test_people_get_each_site_with_what_replaces_it(script: Path) -> None:
    done = run(script)
    assert done.exit_code == 0, done.output
    assert f"{script}:3: KSR.http_client.query" in done.stdout
    assert 'onehttp.request("GET", "http://h/100%")' in done.stdout
    assert "1 files read, 1 sites in 1 of them, 0 problems" in done.stdout


def test_machines_get_json(script: Path) -> None:
    told = json.loads(run(script, "--json").stdout)
    (site,) = told["sites"]
    assert (told["version"], site["line"], site["column"]) == (1, 3, 1)
    assert (site["module"], site["kind"]) == ("http_client", "call")


def test_code_scanners_get_sarif(script: Path) -> None:
    log = json.loads(run(script, "--sarif").stdout)
    (one,) = log["runs"]
    (result,) = one["results"]
    assert log["version"] == "2.1.0"
    assert result["ruleId"] in {rule["id"] for rule in one["tool"]["driver"]["rules"]}
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_a_workflow_gets_annotations_of_one_line_each(script: Path) -> None:
    (line,) = run(script, "--format", "github").stdout.splitlines()
    assert line.startswith(f"::warning file={script},line=3,")
    assert "100%25" in line
    assert "%0A" in line


def test_what_cannot_be_read_is_an_exit_status(script: Path) -> None:
    (script.parent / "old.py").write_text("print 'x'\n")
    done = run(script.parent)
    assert done.exit_code == 3
    assert "old.py:1: Python 2" in done.stdout
    assert "KSR.http_client.query" in done.stdout


def test_without_the_extra_the_way_to_it_is_told(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("onehttp_compat.")]:
        if "migrat" in name:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "libcst", None)
    done = run(script)
    assert done.exit_code == 1
    assert "the extra 'migrate' brings it" in done.output
