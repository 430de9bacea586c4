"""The timer that ends a suspended transaction without an answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.kamailio.shared.page import SharedPage
from onehttp_compat.server_config import ServerConfig

FR_TIMER_S: Final = 30.0
"""The default of ``fr_timer``, in seconds."""
TICK_S: Final = 1 / 16
"""Seconds by which the server's timers may be early."""


class TransactionTimers:
    """Knows until when a suspended transaction lives.

    ``tm`` (5.6) ends every suspended request by ``fr_timer``, never by ``fr_inv_timer``. A script
    may change it for one transaction (``KSR.tm.t_set_fr``), also before it makes the transaction.
    """

    def __init__(self, ksr: Any, page: SharedPage) -> None:
        self._get: Callable[[str], object] = ksr.pv.get
        self._is_request_route: Callable[[], int] = lambda: ksr.tmx.t_is_request_route()
        self._page = page
        self._changed_for: object = None
        """The transaction for which this process has called ``t_set_fr`` last, or the number of the
        message that had no transaction then."""
        self._changed_to_s = math.inf
        self.fr_timer_s = math.inf
        """That of other transactions; infinite if it is unknown."""

    def configure(self, config: ServerConfig) -> None:
        """Read the parameters of ``tm``."""
        self.fr_timer_s = FR_TIMER_S
        for line in config.modparams():
            if line.is_about("tm") and line.name == "fr_timer":
                self.fr_timer_s = line.value / 1000 if isinstance(line.value, int) else math.inf
        if any(line.is_about("tm") and line.name == "fr_timer_avp" for line in config.modparams()):
            self.fr_timer_s = math.inf  # each transaction may have a timer of its own

    def watch(self, tm: Any) -> None:
        """Learn of the calls of ``KSR.tm.t_set_fr`` and ``t_reset_fr``."""
        set_fr, reset_fr = getattr(tm, "t_set_fr", None), getattr(tm, "t_reset_fr", None)
        if set_fr is None or reset_fr is None:
            return

        def t_set_fr(*given: int) -> int:
            done: int = set_fr(*given)
            _, fr_timer = given
            if done > 0 and fr_timer:  # 0 changes nothing
                self._changed(fr_timer / 1000)
            return done

        def t_reset_fr() -> object:
            done = reset_fr()
            self._changed(self.fr_timer_s)
            return done

        tm.t_set_fr, tm.t_reset_fr = t_set_fr, t_reset_fr

    def end(self, index: int, label: int) -> float:
        """Return when a transaction that is suspended now will have ended, on the clock
        ``time.monotonic``.

        Another process may have changed its timer, unless it is still in its request route. Then
        this returns the latest time that is possible.
        """
        timer_s = self.fr_timer_s
        if self._page.longest_timer_s():  # some script sets timers of its own
            timer_s = self._timer_s(index, label)
        return time.monotonic() + timer_s - TICK_S

    def _timer_s(self, index: int, label: int) -> float:
        changed_for = self._changed_for
        if changed_for == (index, label):
            return self._changed_to_s
        if isinstance(changed_for, int) and changed_for == self._get("$mi"):
            return self._changed_to_s
        longest_s = self._page.longest_timer_s()
        if longest_s > self.fr_timer_s and self._is_request_route() > 0:
            return self.fr_timer_s
        return max(longest_s, self.fr_timer_s)

    def _changed(self, timer_s: float) -> None:
        index, label = self._get("$T(id_index)"), self._get("$T(id_label)")
        self._changed_for = self._get("$mi") if index is None else (index, label)
        self._changed_to_s = timer_s
        self._page.note_timer(timer_s)
