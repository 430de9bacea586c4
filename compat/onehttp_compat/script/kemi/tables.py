"""``KSR.htable``, ``KSR.mqueue``, and the counters of ``KSR.statistics`` and ``KSR.cfgutils``."""

from __future__ import annotations

import contextlib
import random
import threading
import uuid
from typing import Final

from onehttp_compat.pseudo_variables.transformations.strings import core_hash
from onehttp_compat.pv import Variable
from onehttp_compat.script.kemi.functions import FALSE, NOTHING_TO_DO, TRUE, Functions, as_code
from onehttp_compat.sip.value import Value

NULL: Final = "<null>"
NO_NUMBER: Final = -255
"""The result of counting something that is not a number."""
DEFAULT_PROBABILITY: Final = 10
"""The default probability of ``rand_event``, in per cent."""


_REMOVING: Final = ("re", "sw")
"""The ways of matching that items can be removed by."""


class HtableFunctions(Functions):
    """``KSR.htable``."""

    def sht_get(self, table: str, key: str) -> Value:
        return self._world.tables.get(table, key)

    def sht_gete(self, table: str, key: str) -> Value:
        value = self.sht_get(table, key)
        return "" if value is None else value

    def sht_getw(self, table: str, key: str) -> Value:
        value = self.sht_get(table, key)
        return NULL if value is None else value

    def sht_is_null(self, table: str, key: str) -> int:
        tables = self._world.tables
        if not tables.has(table):
            return 2
        if tables.has_initial(table):
            return -2
        return TRUE if tables.get(table, key) is None else FALSE

    def sht_sets(self, table: str, key: str, value: str) -> int:
        return as_code(self._world.tables.set(table, key, value))

    def sht_seti(self, table: str, key: str, value: int) -> int:
        return as_code(self._world.tables.set(table, key, value))

    def sht_setex(self, table: str, key: str, seconds: int) -> int:
        self._world.tables.expire_in(table, key, seconds)
        return as_code(self._world.tables.has(table))

    def sht_setxs(self, table: str, key: str, value: str, seconds: int) -> int:
        return self._set_for(table, key, value, seconds)

    def sht_setxi(self, table: str, key: str, value: int, seconds: int) -> int:
        return NOTHING_TO_DO if self._set_for(table, key, value, seconds) > 0 else FALSE

    def sht_inc(self, table: str, key: str) -> int:
        return self._add(table, key, 1)

    def sht_dec(self, table: str, key: str) -> int:
        return self._add(table, key, -1)

    def sht_rm(self, table: str, key: str) -> int:
        return self._remove(table, [key])

    def sht_reset(self, table: str) -> int:
        self._world.tables.clear(table)
        return NOTHING_TO_DO if self._world.tables.has(table) else FALSE

    def sht_rm_name(self, table: str, kind: str, name: str) -> int:
        return self._remove_matching(table, kind, name, is_value=False)

    def sht_rm_name_re(self, table: str, pattern: str) -> int:
        return self._remove_matching(table, "re", pattern, is_value=False)

    def sht_rm_value(self, table: str, kind: str, value: str) -> int:
        return self._remove_matching(table, kind, value, is_value=True)

    def sht_rm_value_re(self, table: str, pattern: str) -> int:
        return self._remove_matching(table, "re", pattern, is_value=True)

    def sht_match_name(self, table: str, kind: str, name: str) -> int:
        return as_code(self._world.tables.matching(table, kind, name, is_value=False))

    def sht_match_str_value(self, table: str, kind: str, value: str) -> int:
        return as_code(self._world.tables.matching(table, kind, value, is_value=True))

    def sht_lock(self, table: str, key: str) -> int:
        self._world.tables.lock_for(table, key).acquire()
        return TRUE

    def sht_unlock(self, table: str, key: str) -> int:
        return _release(self._world.tables.lock_for(table, key))

    # ---- iterators

    def sht_iterator_start(self, iterator: str, table: str) -> int:
        return as_code(self._world.tables.start(iterator, table))

    def sht_iterator_next(self, iterator: str) -> int:
        return as_code(self._world.tables.next(iterator))

    def sht_iterator_end(self, iterator: str) -> int:
        return as_code(self._world.tables.end(iterator))

    def sht_iterator_rm(self, iterator: str) -> int:
        table, key = self._world.tables.at(iterator)
        return FALSE if key is None else self._remove(table, [key])

    def sht_iterator_sets(self, iterator: str, value: str) -> int:
        return self._set_at(iterator, value)

    def sht_iterator_seti(self, iterator: str, value: int) -> int:
        return self._set_at(iterator, value)

    def sht_iterator_setex(self, iterator: str, seconds: int) -> int:
        table, key = self._world.tables.at(iterator)
        return as_code(key is not None and self._world.tables.expire_in(table, key, seconds))

    # ----

    def _set_at(self, iterator: str, value: Value) -> int:
        table, key = self._world.tables.at(iterator)
        return as_code(key is not None and self._world.tables.set(table, key, value))

    def _set_for(self, table: str, key: str, value: Value, seconds: int) -> int:
        tables = self._world.tables
        with tables.held():
            return as_code(tables.set(table, key, value) and tables.expire_in(table, key, seconds))

    def _add(self, table: str, key: str, step: int) -> int:
        value = self._world.tables.add(table, key, step)
        return NO_NUMBER if value is None else value

    def _remove(self, table: str, keys: list[str]) -> int:
        for key in keys:
            self._world.tables.remove(table, key)
        return as_code(self._world.tables.has(table))

    def _remove_matching(self, table: str, kind: str, wanted: str, *, is_value: bool) -> int:
        if kind not in _REMOVING:
            return FALSE
        keys = self._world.tables.matching(table, kind, wanted, is_value=is_value)
        return self._remove(table, keys)


class StatisticsFunctions(Functions):
    """``KSR.statistics``."""

    def update_stat(self, name: str, step: int) -> int:
        world = self._world
        with world.changing:
            world.counters[name] = world.counters.get(name, 0) + step
        return TRUE

    def reset_stat(self, name: str) -> int:
        self._world.counters[name] = 0
        return TRUE


class UuidFunctions(Functions):
    """``KSR.uuid``."""

    def get(self) -> str:
        return str(uuid.uuid4())

    rget = get

    def tget(self) -> str:
        return str(uuid.uuid1())


class CfgutilsFunctions(Functions):
    """``KSR.cfgutils``: named locks, random events."""

    def lock(self, name: str) -> int:
        self._lock(name).acquire()
        return TRUE

    def trylock(self, name: str) -> int:
        return as_code(self._lock(name).acquire(blocking=False))

    def unlock(self, name: str) -> int:
        return _release(self._lock(name))

    def rand_set_prob(self, percent: int) -> int:
        self._world.counters["rand_prob"] = percent
        return TRUE

    def rand_get_prob(self) -> int:
        return self._world.counters.get("rand_prob", DEFAULT_PROBABILITY)

    def rand_reset_prob(self) -> int:
        self._world.counters["rand_prob"] = DEFAULT_PROBABILITY
        return TRUE

    def rand_event(self) -> int:
        return as_code(random.randrange(100) < self.rand_get_prob())

    def check_route_exists(self, name: str) -> int:
        """Return -1, because the function knows only routes of kamailio.cfg, and a script that runs
        alone has none."""
        return FALSE

    def route_if_exists(self, name: str) -> int:
        return self.check_route_exists(name)

    def core_hash(self, one: str, other: str, size: int) -> int:
        value = core_hash(one.encode(), other.encode())
        bits = max(1, size) % 32  # as the processor shifts
        return (value & ((1 << bits) - 1)) + 1

    def _lock(self, name: str) -> threading.RLock:
        with self._world.changing:
            return self._world.locks.setdefault(name, threading.RLock())


class MqueueFunctions(Functions):
    """``KSR.mqueue``. The process keeps the item that was fetched last: ``$mqk``, ``$mqv``."""

    def mq_add(self, queue: str, key: str, value: str) -> int:
        return as_code(self._world.queues.add(queue, key, value))

    def mq_fetch(self, queue: str) -> int:
        if not self._world.queues.has(queue):
            return FALSE
        item = self._world.queues.take(queue)
        self._keep(queue, item)
        return FALSE - 1 if item is None else TRUE

    def mq_pv_free(self, queue: str) -> int:
        self._keep(queue, None)
        return TRUE

    def mq_size(self, queue: str) -> int:
        queues = self._world.queues
        return queues.size(queue) if queues.has(queue) else FALSE

    def mqk_get(self, queue: str) -> Value:
        return self._last(queue, "mqk")

    def mqv_get(self, queue: str) -> Value:
        return self._last(queue, "mqv")

    # All variants return null for null.
    mqk_gete = mqk_getw = mqk_get
    mqv_gete = mqv_getw = mqv_get

    def _last(self, queue: str, kind: str) -> Value:
        return self._world.server.pv.process.variables.get(Variable(kind, queue))

    def _keep(self, queue: str, item: tuple[str, str] | None) -> None:
        kept = self._world.server.pv.process.variables
        for kind, text in zip(("mqk", "mqv"), item or (None, None), strict=True):
            kept[Variable(kind, queue)] = text


def _release(lock: threading.RLock) -> int:
    with contextlib.suppress(RuntimeError):  # this thread does not hold it
        lock.release()
    return TRUE
