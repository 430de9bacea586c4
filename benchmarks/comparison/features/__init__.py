"""The rows of the page: what is asked, and who judges the answer, by what really came."""

from __future__ import annotations

from typing import Final

from benchmarks.comparison.features import calls, operating, protocols, testing, trouble, trust
from benchmarks.comparison.features.feature import Feature

SECTIONS: Final[dict[str, tuple[Feature, ...]]] = {
    "When something goes wrong": trouble.FEATURES,
    "What others must not get": trust.FEATURES,
    "Making calls": calls.FEATURES,
    "Protocols": protocols.FEATURES,
    "Many calls, many servers": operating.FEATURES,
    "Tests": testing.FEATURES,
}
FEATURES: Final = {each.name: each for group in SECTIONS.values() for each in group}
