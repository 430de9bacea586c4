"""The periodic update: every row asked for again on condition."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from onehttp.xcap import XcapStore
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import (
    PRES_RULES,
    XcapApi,
)
from servers.databases.sqlite import opened
from servers.patience import PATIENCE_S
from servers.xcap import XcapServer
from stand_ins.legacy.xcap_calls import PATH, RULES, loaded, row

pytestmark = pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")


def test_a_round_asks_on_condition_and_tells_of_changes(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, table: XcapStore
) -> None:
    heard: list[tuple[int, str, bytes]] = []
    api.register_xcb(PRES_RULES, lambda *news: heard.append(news))
    table.save(row(far, '"old"'))
    etag = far.store(PATH, RULES)
    for _ in range(2):
        assert legacy.xcap_client.query_update() is not None
    assert table.rows() == [row(far, etag, RULES)]
    assert heard == [(PRES_RULES, "sip:alice@a.example", RULES)]
    assert [one.headers["if-none-match"] for one in far.requests] == ['"old"', etag]


def test_a_row_without_user_is_the_domains(
    api: XcapApi, legacy: LegacyServer, far: XcapServer, table: XcapStore
) -> None:
    heard: list[str] = []
    api.register_xcb(PRES_RULES, lambda _, xid, __: heard.append(xid))
    table.save(row(far, '"old"'))
    with table._transaction() as database:
        database.exec_driver_sql("UPDATE xcap SET username = ''")
    far.store(PATH, RULES)
    legacy.xcap_client.query_update()
    assert heard == ["sip:a.example"]


def test_a_round_without_a_table_is_logged(
    api: XcapApi, legacy: LegacyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    legacy.start()
    with opened(tmp_path / "xcap.sqlite") as database:
        database.execute("DROP TABLE xcap")
    assert legacy.xcap_client.query_update() is None
    assert "no such table" in caplog.text


def test_the_server_starts_the_update_and_a_stop_ends_it(
    legacy: LegacyServer, far: XcapServer, table: XcapStore, tmp_path: Path
) -> None:
    table.save(row(far, '"old"'))
    far.store(PATH, RULES)
    api = loaded(legacy, tmp_path, periodical_query=1, query_period=1)
    told = threading.Event()
    api.register_xcb(PRES_RULES, lambda *_: told.set())
    legacy.start()
    try:
        assert told.wait(PATIENCE_S)
    finally:
        legacy.xcap_client.stop()
    assert legacy.xcap_client.updates is None


def test_a_period_of_0_is_no_update(
    legacy: LegacyServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded(legacy, tmp_path, periodical_query=1, query_period=0)
    legacy.start()
    assert legacy.xcap_client.updates is None
    assert "no periodic update" in caplog.text
