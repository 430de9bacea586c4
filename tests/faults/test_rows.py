"""Each row of the matrix of faults has a test, or a reason."""

from __future__ import annotations

import re
from pathlib import Path

from faults.report.rows import ENGINE_ONLY, NOT_TESTED, NOTES, row_of, rows

TESTS = Path(__file__).parent


def test_the_matrix_is_whole() -> None:
    found = rows()
    assert [row.number for row in found] == list(range(1, 101))
    assert sum(row.is_hard for row in found) == 20


def test_each_row_has_a_test_or_a_reason() -> None:
    tested = {
        row_of(name)
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert {row.number for row in rows()} - tested == set(NOT_TESTED)


def test_reasons_are_few_and_of_no_hard_row() -> None:
    assert len(NOT_TESTED) <= 6
    assert not any(row.is_hard for row in rows() if row.number in NOT_TESTED)
    assert set(ENGINE_ONLY) | set(NOTES) <= {row.number for row in rows()}
