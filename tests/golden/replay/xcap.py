"""Runs one recorded case of ``xcap_client`` against the emulation: timer, command, SUBSCRIBE."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golden.replay.comparison import as_bytes, as_recorded, matches, wire_differences
from golden.replay.recordings import Case, Step
from golden.server.golden_server import GoldenServer
from onehttp import ConfigurationError
from onehttp.xcap import XcapStore
from onehttp_compat.modules.xcap_client.consumers import PresenceXml, Rls
from onehttp_compat.parameters import LegacyBugs
from onehttp_compat.server import LegacyServer
from onehttp_compat.xcap_client import bind_xcap
from servers.databases.sqlite import opened

Json = Any
WATCHER, DOMAIN = "watcher", "127.0.0.1"
"""Who sent the recorded subscriptions, and the domain of all addresses."""
ROUNDS = 2
ABOUT_XCAP = ("xcap_server", "xcap_root", "force_active", "integrated_xcap_server")
"""Of the parameters of the consumers, those that decide what is asked for."""
COLUMNS = ("username", "domain", "doc", "doc_type", "etag", "source", "doc_uri", "port")


@dataclass
class Seen:
    """What one step did."""

    rows: list[dict[str, Json]]
    wire: list[dict[str, Json]]
    log: list[str]
    rpc: Json = None
    documents: list[bytes] = field(default_factory=list)
    told: list[tuple[int, str, bytes]] = field(default_factory=list)


class XcapReplay:
    """One case on one fresh legacy server, with a database of its own."""

    def __init__(
        self, case: Case, server: GoldenServer, folder: Path, legacy_bugs: LegacyBugs
    ) -> None:
        self.case = case
        self.server = server
        self.path = folder / "xcap.sqlite"
        self.legacy = LegacyServer(legacy_bugs)
        self.api = bind_xcap(self.legacy)
        self.told: list[tuple[int, str, bytes]] = []
        self.api.register_xcb(1023, lambda *news: self.told.append(news))
        self.consumers: dict[str, PresenceXml | Rls] = {
            "presence_xml": PresenceXml(self.api),
            "rls": Rls(self.api),
        }
        self._serials: dict[int, int] = {}

    def differences(self) -> list[str]:
        """Every difference between the recording and this run; empty = the same."""
        self.server.drop_connections()
        self.server.reset()
        refusal = self._refusal()
        if not self.case.startup["ok"]:
            return [] if refusal else ["startup: not refused"]
        if refusal:
            return [f"startup: {refusal}"]
        return [
            f"step {number}: {one}"
            for number, step in enumerate(self.case.steps, 1)
            for one in self._compare(step, self.run(step))
        ]

    def _refusal(self) -> str | None:
        XcapStore(f"sqlite:///{self.path}").close()
        self._fill()
        try:
            self.legacy.modparam("xcap_client", "db_url", f"sqlite://{self.path}")
            for module, name, value in self.case.params:
                target = self.consumers.get(module)
                filled = self._filled(value)
                if target is not None and name in ABOUT_XCAP:
                    target.set(name, filled)
                elif module == self.case.module:
                    self.legacy.modparam(module, name, filled)
            # Rounds are made one by one below, not when a timer says so.
            self.legacy.modparam("xcap_client", "periodical_query", 0)
            self.legacy.start()
        except ConfigurationError as error:
            return str(error)
        return None

    def run(self, step: Step) -> Seen:
        """Do what the step did."""
        self.told.clear()
        rpc, documents = None, []
        with _levels() as log:
            if step.get("rpc"):
                rpc = self.legacy.rpc(
                    step["call"], [self._filled(a["value"]) for a in step["args"]]
                )
            elif step["call"] == "wait-for-poll":
                for _ in range(ROUNDS if self.case.parameter("periodical_query", 1) else 0):
                    self.legacy.xcap_client.query_update()
                log[:] = dict.fromkeys(log)
            else:
                documents = self._subscribed(**step["subscribe"])
        wire = [self._numbered(one) for one in self.server.take()]
        return Seen(self.rows(), wire, log, rpc, documents, list(self.told))

    def _subscribed(self, user: str, event: str) -> list[bytes]:
        """The consumers' part in a SUBSCRIBE: lists are the watcher's, rules the user's."""
        if event != "presence":
            return []
        presence, rls = PresenceXml, Rls
        one, other = self.consumers["presence_xml"], self.consumers["rls"]
        assert isinstance(one, presence)
        assert isinstance(other, rls)
        found = [other.service_list(WATCHER, DOMAIN), one.rules(user, DOMAIN)]
        return [document for document in found if document is not None]

    def _compare(self, step: Step, seen: Seen) -> Iterator[str]:
        expect = step["expect"]
        for name, value in (("rows", seen.rows), ("log", seen.log), ("rpc", seen.rpc)):
            if name in expect and not matches(self._filled_rows(expect[name]), value, self.server):
                yield f"{name}: recorded {expect[name]!r}, seen {value!r}"
        if "documents" in expect and expect["documents"] != seen.documents:
            yield f"documents: expected {expect['documents']}, seen {seen.documents}"
        is_poll = step["call"] == "wait-for-poll"
        # Documents are asked for at once in a poll, and told of as they come.
        as_told = sorted if is_poll else list
        if "told" in expect and as_told(expect["told"]) != as_told(seen.told):
            yield f"callbacks: expected {expect['told']}, seen {seen.told}"
        if "wire" in step:
            got = _distinct(seen.wire) if is_poll else seen.wire
            wanted = [{"connection": None, **one} for one in step["wire"]]
            wanted = sorted(wanted, key=_place) if is_poll else wanted
            for one, other in zip(wanted, got, strict=False):
                if one["connection"] is None:
                    one["connection"] = other["connection"]
            yield from wire_differences(wanted, got, self.server)

    def _fill(self) -> None:
        with opened(self.path) as database:
            for row in self.case.database:
                values = [self._filled(row[name]) for name in COLUMNS]
                values[COLUMNS.index("doc")] = as_bytes(row["doc"])
                values[COLUMNS.index("port")] = int(values[COLUMNS.index("port")])
                marks = ", ".join("?" * len(COLUMNS))
                database.execute(
                    f"INSERT INTO xcap ({', '.join(COLUMNS)}) VALUES ({marks})", values
                )

    def rows(self) -> list[dict[str, Json]]:
        """The table, as the recordings show it."""
        select = f"SELECT {', '.join(COLUMNS)} FROM xcap ORDER BY id"
        with opened(self.path) as database:
            found = database.execute(select).fetchall()
        return [
            {
                name: as_recorded(value) if name == "doc" else value
                for name, value in zip(COLUMNS, row, strict=True)
            }
            for row in found
        ]

    def _filled_rows(self, expected: Json) -> Json:
        if not isinstance(expected, list):
            return expected
        return [
            {**one, "port": int(self._filled(one["port"]))} if isinstance(one, dict) else one
            for one in expected
        ]

    def _filled(self, value: Json) -> Json:
        if isinstance(value, dict):
            return int(self.server.expand(value["int"]))
        return self.server.expand(value) if isinstance(value, str) else value

    def _numbered(self, request: dict[str, Json]) -> dict[str, Json]:
        number = self._serials.setdefault(request["connection"], len(self._serials) + 1)
        return {**request, "connection": number}


def _distinct(wire: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Each request once, in the order of target and then of arrival."""
    known: dict[tuple[str, str, str], dict[str, Json]] = {}
    for one in wire:
        known.setdefault((one["listener"], one["target"], str(one["headers"])), one)
    return sorted(known.values(), key=_place)


def _place(request: dict[str, Json]) -> tuple[str, str]:
    return request["target"], request["listener"]


@contextmanager
def _levels() -> Iterator[list[str]]:
    """The levels of what the module logs meanwhile, DEBUG left out."""
    levels: list[str] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: levels.append(record.levelname)  # type: ignore[method-assign]
    logger = logging.getLogger("onehttp_compat.xcap_client")
    logger.addHandler(handler)
    try:
        yield levels
    finally:
        logger.removeHandler(handler)
