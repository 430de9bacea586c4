"""The dashboard has the shape that Grafana documents, and no key that it does not know.

Source: grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

DASHBOARD = Path(__file__).parents[2] / "examples" / "grafana" / "onehttp.json"
COLUMNS = 24
BUILT_IN = {"__rate_interval", "__range", "__interval"}
_variable = re.compile(r"\$\{?(\w+)\}?")


class Part(BaseModel):
    """Knows its keys."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Source(Part):
    type: str
    uid: str


class Place(Part):
    x: Annotated[int, Field(ge=0, lt=COLUMNS)]
    y: Annotated[int, Field(ge=0)]
    w: Annotated[int, Field(ge=1, le=COLUMNS)]
    h: Annotated[int, Field(ge=1)]


class Target(Part):
    ref_id: str
    expr: str
    datasource: Source
    legend_format: str = ""
    format: Literal["time_series", "table", "heatmap"] = "time_series"
    instant: bool = False
    range: bool = True


class FieldConfig(Part):
    defaults: dict[str, Any]
    overrides: list[Any]


class Panel(Part):
    id: Annotated[int, Field(ge=1)]
    type: Literal["timeseries", "table", "stat", "gauge", "bargauge", "heatmap", "text"]
    title: str
    description: str
    datasource: Source
    grid_pos: Place
    field_config: FieldConfig
    targets: Annotated[list[Target], Field(min_length=1)]
    options: dict[str, Any]
    transformations: list[Any] = []


class DataSourceVariable(Part):
    name: str
    type: Literal["datasource"]
    query: str
    label: str


class Query(Part):
    query: str
    ref_id: str


class QueryVariable(Part):
    name: str
    type: Literal["query"]
    label: str
    datasource: Source
    query: Query
    refresh: Annotated[int, Field(ge=0, le=2)]
    include_all: bool
    multi: bool
    all_value: str
    sort: Annotated[int, Field(ge=0, le=8)]


class Variables(Part):
    list: list[Annotated[DataSourceVariable | QueryVariable, Field(discriminator="type")]]


class Dashboard(Part):
    title: str
    uid: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,40}$")]
    tags: list[str]
    timezone: Literal["browser", "utc", ""]
    schema_version: Annotated[int, Field(ge=16)]
    version: int
    refresh: str
    editable: bool
    graph_tooltip: Annotated[int, Field(ge=0, le=2)]
    time: dict[Literal["from", "to"], str]
    annotations: dict[Literal["list"], list[Any]]
    links: list[Any]
    templating: Variables
    panels: list[Panel]


@pytest.fixture(scope="module")
def told() -> Dashboard:
    return TypeAdapter(Dashboard).validate_json(DASHBOARD.read_text())


@pytest.mark.parametrize(
    "change",
    [{"panel": []}, {"panels": [{}]}, {"uid": "x" * 41}, {"schemaVersion": "39"}],
    ids=str,
)
def test_what_has_another_shape_is_found(change: dict[str, Any]) -> None:
    whole = json.loads(DASHBOARD.read_text())
    with pytest.raises(ValidationError):
        TypeAdapter(Dashboard).validate_json(json.dumps({**whole, **change}))


def test_panels_lie_beside_each_other(told: Dashboard) -> None:
    places = [panel.grid_pos for panel in told.panels]
    assert all(each.x + each.w <= COLUMNS for each in places)
    for one, other in itertools.combinations(places, 2):
        is_apart = (
            one.x + one.w <= other.x
            or other.x + other.w <= one.x
            or one.y + one.h <= other.y
            or other.y + other.h <= one.y
        )
        assert is_apart, (one, other)


def test_each_is_named_once(told: Dashboard) -> None:
    for names in (
        [str(panel.id) for panel in told.panels],
        [panel.title for panel in told.panels],
        [each.name for each in told.templating.list],
        *([target.ref_id for target in panel.targets] for panel in told.panels),
    ):
        assert len(set(names)) == len(names)


def test_every_variable_is_one_that_there_is(told: Dashboard) -> None:
    known = {each.name for each in told.templating.list} | BUILT_IN
    sources = {each.name for each in told.templating.list if each.type == "datasource"}
    for panel in told.panels:
        for target in panel.targets:
            assert set(_variable.findall(target.expr)) <= known
            for source in (panel.datasource, target.datasource):
                assert set(_variable.findall(source.uid)) <= sources
                assert source.type == "prometheus"
