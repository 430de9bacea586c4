"""The timers that end a suspended transaction without an answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.kamailio.frames import Suspension, signed32
from onehttp_compat.kamailio.shared.page import SharedPage
from onehttp_compat.server_config import ServerConfig

FR_TIMER_S: Final = 30.0
"""The default of ``fr_timer``, in seconds."""
LIFETIMES_S: Final = {"max_inv_lifetime": 180.0, "max_noninv_lifetime": 32.0}
"""The defaults of these parameters, in seconds: whatever timers a transaction has, it ends then."""
EARLIER_S: Final = 2 / 16
"""How much earlier than by our clock, counted from the suspension, the server may end it: it counts
in sixteenths of a second, a begun one in full, and from when the transaction was made, which a
route that suspends it has done a while before. An answer in that time is taken for late; one that
came later than the end would be kept by the server for 90 s."""


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
        self.lifetime_s = math.inf
        """The longest life of any transaction; infinite if it is unknown."""
        self.continued: Suspension | None = None
        """The suspension that this process is continuing."""

    def configure(self, config: ServerConfig) -> None:
        """Read the parameters of ``tm``."""
        self.fr_timer_s = FR_TIMER_S
        for line in config.modparams():
            if line.is_about("tm") and line.name == "fr_timer":
                self.fr_timer_s = line.value / 1000 if isinstance(line.value, int) else math.inf
        if any(line.is_about("tm") and line.name == "fr_timer_avp" for line in config.modparams()):
            self.fr_timer_s = math.inf  # each transaction may have a timer of its own

        given = LIFETIMES_S | {
            line.name: line.value / 1000 if isinstance(line.value, int) and line.value else math.inf
            for line in config.modparams()
            if line.is_about("tm") and line.name in LIFETIMES_S
        }
        # That of INVITE, unless other requests live longer: which one it is would be one more
        # question for each query.
        self.lifetime_s = max(given.values())

    def watch(self, tm: Any) -> None:
        """Learn of the calls of ``KSR.tm.t_set_fr``, ``t_reset_fr`` and ``t_set_max_lifetime``."""
        set_lifetime = getattr(tm, "t_set_max_lifetime", None)
        if set_lifetime is not None:

            def t_set_max_lifetime(*given: int) -> object:
                self._page.note_own_lifetimes()
                return set_lifetime(*given)

            tm.t_set_max_lifetime = t_set_max_lifetime
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

    def ends(self, index: int, label: int) -> tuple[float, float]:
        """Return the two ends of `Suspension` for a transaction that is suspended now."""
        continued = self.continued
        if continued and (continued.index, continued.label) == (index, signed32(label)):
            latest = continued.latest  # it has lived since then
        elif self._page.has_own_lifetimes():
            latest = math.inf
        else:
            latest = time.monotonic() + self.lifetime_s - EARLIER_S
        return min(self.end(index, label), latest), latest

    def end(self, index: int, label: int) -> float:
        """Return when its timer will have ended a transaction that is suspended now, on the clock
        ``time.monotonic``.

        Another process may have changed its timer, unless it is still in its request route. Then
        this returns the latest time that is possible.
        """
        timer_s = self.fr_timer_s
        if self._page.longest_timer_s():  # some script sets timers of its own
            timer_s = self._timer_s(index, label)
        return time.monotonic() + timer_s - EARLIER_S

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
