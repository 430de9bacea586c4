"""Where the queues of tests are."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "queues.db"
    monkeypatch.setenv("ONEHTTP_QUEUES", f"sqlite://{path}")
    return path
