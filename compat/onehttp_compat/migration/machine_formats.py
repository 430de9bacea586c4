"""Formats of a scan for other programs: SARIF 2.1.0, and annotations of GitHub workflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

import onehttp
from onehttp_compat.migration.scanning import Scan
from onehttp_compat.migration.sites import Site

_RULES: Final = {
    "call": "A legacy call",
    "reference": "A legacy function that is called by a variable",
    "past the engine": "Another HTTP client in a script of the server",
    "configuration": "A legacy call of the server's configuration",
    "seen only": "A legacy call that was seen running only",
}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(scan: Scan) -> dict[str, Any]:
    """Return a SARIF log of one run. Paths inside the working directory are relative to it."""
    rules = [{"id": _rule(kind), "shortDescription": {"text": text}}
             for kind, text in _RULES.items()]  # fmt: skip
    driver = {"name": "onehttp migrate", "version": onehttp.__version__, "rules": rules}
    notes = [
        {"level": "error", "message": {"text": str(problem)}} for problem in scan.problems
    ]  # fmt: skip
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "results": [_result(site) for site in scan.sites],
                "invocations": [
                    {
                        "executionSuccessful": not scan.problems,
                        "toolExecutionNotifications": notes,
                    }
                ],
            }
        ],
    }


def github(scan: Scan) -> Iterator[str]:
    """Return lines that a GitHub workflow shows next to the code."""
    for site in scan.sites:
        place = f"file={_property(site.path)},line={site.line},endLine={site.end_line}"
        yield f"::warning {place},col={site.column},title=onehttp::{_data(message(site))}"
    for problem in scan.problems:
        place = f"file={_property(problem.path)},line={problem.line or 1}"
        yield f"::error {place},title=onehttp::{_data(problem.text)}"


def message(site: Site) -> str:
    """Describe one site in a sentence, with the code that replaces it."""
    note = f" ({site.note})" if site.note else ""
    return f"{site.name} is {_RULES[site.kind].lower()}{note}; use\n{site.replacement}"


def _result(site: Site) -> dict[str, Any]:
    region = {"startLine": site.line, "startColumn": site.column, "endLine": site.end_line}
    uri = PurePath(site.path).as_posix()
    location = {"artifactLocation": {"uri": uri}, "region": region}
    return {
        "ruleId": _rule(site.kind),
        "level": "warning",
        "message": {"text": message(site)},
        "locations": [{"physicalLocation": location}],
    }


def _rule(kind: str) -> str:
    return f"onehttp/{kind.replace(' ', '-')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
