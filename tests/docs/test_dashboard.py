"""The dashboard asks for metrics that there are, in queries that Prometheus can read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from onehttp.observe.families import Families

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "examples" / "grafana" / "onehttp.json"
PAGE = ROOT / "docs" / "observability.md"
_name = re.compile(r"onehttp_\w+")


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def exposed() -> set[str]:
    """The names of all series."""
    registry = CollectorRegistry()
    Families(registry)
    return set(registry._names_to_collectors)


def test_every_query_is_for_metrics_that_there_are() -> None:
    asked = {name for query in queries() for name in _name.findall(query)}
    assert asked
    assert asked - exposed() == set()


def test_the_page_names_every_metric() -> None:
    told = PAGE.read_text()
    registry = CollectorRegistry()
    Families(registry)
    names = {family.name for family in registry.collect()}
    shown = [name for name in names if name not in told]
    # ``onehttp_connections_open``, ``_opened_total``: written short in its table.
    assert {name for name in shown if not name.startswith("onehttp_connections_")} == set()


def test_panels_are_numbered_and_do_not_lie_upon_each_other() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()}
    assert len(places) == len(panels())


@pytest.mark.usefixtures("debian")
def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    filled = [
        query.replace("$__rate_interval", "5m")
        .replace("$__range", "1h")
        .replace("$connection", "x")
        for query in queries()
    ]
    rules = [{"record": f"dashboard:{n}", "expr": query} for n, query in enumerate(filled)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
