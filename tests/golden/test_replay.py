from __future__ import annotations

from pathlib import Path

import pytest

from golden.divergences.rules import verdict
from golden.replay.asynchronous import ASYNC_MODULES, AsyncReplay
from golden.replay.blocking import Replay
from golden.replay.recordings import Case
from golden.server.golden_server import GoldenServer


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
def test_the_emulation_does_what_was_recorded(
    golden_backend: str, case: Case, golden_server: GoldenServer, tmp_path: Path
) -> None:
    judged = verdict(case, golden_backend)
    kind = AsyncReplay if case.module in ASYNC_MODULES else Replay
    replay = kind(judged.case, golden_server, tmp_path, judged.legacy_bugs)
    differences = replay.differences()
    applied = ", ".join(f"{rule.bug} ({rule.why})" for rule in judged.rules) or "none"
    assert not differences, "\n".join([*differences, f"rules applied: {applied}"])
