"""When a suspended transaction ends by itself, whichever process and route has set its timer."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onehttp_compat.kamailio.frames import Suspension, signed32
from onehttp_compat.kamailio.shared.page import SharedPage
from onehttp_compat.kamailio.timers import EARLIER_S, FR_TIMER_S, LIFETIMES_S, TransactionTimers
from onehttp_compat.server_config import read_server_config

HERE = (7, 8)
NOW = 1000.0


class Process:
    """A process of the server, at work on a message that may have a transaction."""

    def __init__(self, page: SharedPage, lines: str, folder: Path) -> None:
        self.values: dict[str, Any] = {"$mi": 1}
        self.is_request_route = True
        done = types.SimpleNamespace(
            t_set_fr=lambda fr_inv, fr: 1 if fr >= 0 else -1,
            t_reset_fr=lambda: 1,
            t_set_max_lifetime=lambda noninv, inv: 1,
            t_is_request_route=lambda: 1 if self.is_request_route else -1,
        )
        self.tm: Any = done
        pv = types.SimpleNamespace(get=self.values.get)
        self.timers = TransactionTimers(types.SimpleNamespace(pv=pv, tmx=done), page)
        self.timers.watch(self.tm)
        config = folder / "kamailio.cfg"
        config.write_text(lines)
        self.timers.configure(read_server_config(config))

    def begins_transaction(self) -> None:
        self.values |= {"$T(id_index)": HERE[0], "$T(id_label)": HERE[1]}


def set_before_its_transaction(one: Process, other: Process) -> None:
    one.tm.t_set_fr(0, 5000)
    one.begins_transaction()


def set_for_its_transaction(one: Process, other: Process) -> None:
    one.begins_transaction()
    one.tm.t_set_fr(9000, 5000)


def set_for_both(one: Process, other: Process) -> None:
    one.tm.t_set_fr(0, 9000)
    one.begins_transaction()
    one.tm.t_set_fr(0, 5000)


def set_for_another_message(one: Process, other: Process) -> None:
    one.tm.t_set_fr(0, 90_000)
    one.values["$mi"] = 2
    one.begins_transaction()


def set_in_another_process(one: Process, other: Process) -> None:
    other.tm.t_set_fr(0, 90_000)
    one.begins_transaction()


def perhaps_set_in_another_process(one: Process, other: Process) -> None:
    other.tm.t_set_fr(0, 90_000)
    one.begins_transaction()
    one.is_request_route = False


def refused(one: Process, other: Process) -> None:
    one.begins_transaction()
    one.tm.t_set_fr(0, 9000)
    one.tm.t_set_fr(0, -1)


def set_back(one: Process, other: Process) -> None:
    set_for_its_transaction(one, other)
    one.tm.t_reset_fr()


def only_the_other_timer_set(one: Process, other: Process) -> None:
    one.begins_transaction()
    one.tm.t_set_fr(5000, 0)


@pytest.mark.parametrize(
    ("lines", "happens", "timer_s"),
    [
        ("", lambda *_: None, FR_TIMER_S),
        ('modparam("tm", "fr_timer", 2000)', lambda *_: None, 2),
        ('modparam("tm|tmx", "fr_timer", 2000)', lambda *_: None, 2),
        ('modparam("tm", "fr_inv_timer", 2000)', lambda *_: None, FR_TIMER_S),
        ('modparam("tm", "fr_timer", UNKNOWN)', lambda *_: None, math.inf),
        ('modparam("tm", "fr_timer_avp", "$avp(i:25)")', lambda *_: None, math.inf),
        ("", set_before_its_transaction, 5),
        ("", set_for_its_transaction, 5),
        ("", set_for_both, 5),
        ("", set_for_another_message, FR_TIMER_S),
        ("", set_in_another_process, FR_TIMER_S),
        ("", perhaps_set_in_another_process, 90),
        ("", set_back, FR_TIMER_S),
        ("", refused, 9),
        ("", only_the_other_timer_set, FR_TIMER_S),
    ],
)
def test_the_end_of_a_suspended_transaction(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: str,
    happens: Callable[[Process, Process], None],
    timer_s: float,
) -> None:
    page = SharedPage()
    one, other = Process(page, lines, tmp_path), Process(page, lines, tmp_path)
    monkeypatch.setattr("onehttp_compat.kamailio.timers.time.monotonic", lambda: NOW)
    happens(one, other)
    assert one.timers.end(*HERE) == NOW + timer_s - EARLIER_S


def test_without_a_configuration_no_end_is_known() -> None:
    pv = types.SimpleNamespace(get={}.get)
    timers = TransactionTimers(types.SimpleNamespace(pv=pv), SharedPage())
    assert timers.end(*HERE) == math.inf


INV, NONINV = (f'modparam("tm", "{name}", {{}})' for name in LIFETIMES_S)


@pytest.mark.parametrize(
    ("lines", "lifetime_s"),
    [
        ("", 180),
        (INV.format(60_000), 60),
        (INV.format(10_000), 32),
        (NONINV.format(200_000), 200),
        (INV.format(60_000) + "\n" + NONINV.format(2000), 60),
        (INV.format("UNKNOWN"), math.inf),
        (INV.format(0), math.inf),
    ],
)
def test_no_transaction_lives_longer_than_its_lifetime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, lifetime_s: float
) -> None:
    now = NOW
    monkeypatch.setattr("onehttp_compat.kamailio.timers.time.monotonic", lambda: now)
    page = SharedPage()
    one, other = Process(page, lines, tmp_path), Process(page, lines, tmp_path)
    one.begins_transaction()
    latest = NOW + lifetime_s - EARLIER_S
    assert one.timers.ends(*HERE) == (NOW + FR_TIMER_S - EARLIER_S, latest)
    now += 31  # of a chain, whose queries have been answered, the last one by another process
    other.timers.continued = Suspension(HERE[0], signed32(HERE[1]), now, latest)
    assert other.timers.ends(*HERE) == (min(now + FR_TIMER_S - EARLIER_S, latest), latest)
    another = HERE[0], HERE[1] - 1
    assert other.timers.ends(*another)[1] == now + lifetime_s - EARLIER_S


def test_a_lifetime_that_a_script_sets_is_not_known(tmp_path: Path) -> None:
    page = SharedPage()
    one, other = Process(page, "", tmp_path), Process(page, "", tmp_path)
    assert one.tm.t_set_max_lifetime(0, 600_000) == 1
    assert other.timers.ends(*HERE)[1] == math.inf
