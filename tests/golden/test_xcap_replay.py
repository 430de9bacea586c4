from __future__ import annotations

from pathlib import Path

import pytest

from golden.divergences.xcap import faithful, intended
from golden.replay.recordings import Case
from golden.replay.xcap import XcapReplay
from golden.server.golden_server import GoldenServer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")]


def test_faithfully_every_document_is_lost(
    golden_backend: str, xcap_case: Case, golden_server: GoldenServer, tmp_path: Path
) -> None:
    replay = XcapReplay(faithful(xcap_case), golden_server, tmp_path, "faithful")
    assert replay.differences() == []
    assert replay.told == []


def test_fixed_the_documents_come_back(
    golden_backend: str, xcap_case: Case, golden_server: GoldenServer, tmp_path: Path
) -> None:
    expected = intended(xcap_case, golden_server)
    assert XcapReplay(expected, golden_server, tmp_path, "fixed").differences() == []
