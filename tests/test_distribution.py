"""What users download: everything they need, and nothing that is secret or left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = str(Path(__file__).parents[1])
_a_key = re.compile(rb"PRIVATE KEY-----\s+[\w+/:]{20}").search
LEFT_OVER = (".log", ".sqlite", ".pyc", ".jsonl.gz", ".key", ".pcap")


def contents(builder: SdistBuilder | WheelBuilder) -> dict[str, Path]:
    return {each.distribution_path: Path(each.path) for each in builder.recurse_included_files()}


@pytest.mark.parametrize("kind", [SdistBuilder, WheelBuilder])
def test_no_private_key_and_nothing_left_over(kind: type[SdistBuilder | WheelBuilder]) -> None:
    files = contents(kind(ROOT))
    assert [name for name in files if name.endswith(LEFT_OVER)] == []
    assert [name for name, path in files.items() if _a_key(path.read_bytes())] == []


def test_each_package_says_that_it_is_typed() -> None:
    packages = ("onehttp", "onehttp_backends", "onehttp_compat")
    assert {f"{name}/py.typed" for name in packages} <= contents(WheelBuilder(ROOT)).keys()


def test_what_a_clone_needs_to_be_tested_is_there() -> None:
    files = contents(SdistBuilder(ROOT))
    assert {"Makefile", "scripts/need-packages", "tests/golden/corpus/utils.jsonl"} <= files.keys()
