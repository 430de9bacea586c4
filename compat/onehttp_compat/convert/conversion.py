"""The conversion: a document with everything that was declared, and a report about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from onehttp_compat.convert.adhoc import queries_keys, requests_of
from onehttp_compat.convert.connections import ConvertedConnections
from onehttp_compat.convert.declared import Declarations
from onehttp_compat.convert.document import document_of
from onehttp_compat.convert.outcomes import ConversionFinding
from onehttp_compat.convert.parameters import ParameterReport
from onehttp_compat.convert.secrets import hide_secrets
from onehttp_compat.convert.unfit import Unfit


class Converted(NamedTuple):
    """The text of a connections file, and the report, in the order of the files that were read."""

    text: str
    findings: list[ConversionFinding]


def convert(declared: Declarations, source: str, secrets: Literal["plain", "env"]) -> Converted:
    """Convert all declarations. With ``env``, passwords become references ``${env:...}``."""
    connections = ConvertedConnections(declared)
    made = requests_of(declared)
    requests = made.keys if made else None
    queries = queries_keys(declared)
    sections = {"requests": (made.module, made.keys)} if made else {}
    if queries is not None:
        sections["queries"] = ("http_async_client", queries)
    Unfit(declared, connections, sections).take_out()
    ParameterReport(declared, connections, made).tell()
    if secrets == "env":
        hide_secrets(connections.keys, {"requests": requests or {}})
    text = document_of(declared, connections, requests, queries, source)
    return Converted(text, _in_order(declared))


def _in_order(declared: Declarations) -> list[ConversionFinding]:
    """Sort by file and line."""
    files = {file: number for number, file in enumerate(declared.config.files)}

    def position(finding: ConversionFinding) -> tuple[int, int]:
        file, _, line = finding.place.rpartition(":")
        return files.get(file, len(files)), int(line) if line.isdigit() else 0

    return sorted(declared.findings, key=position)
