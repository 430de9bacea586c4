"""Routing logic for the real server: makes the recorded query, and notes what its callbacks see."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import KSR as REAL  # the server's own

import onehttp_compat
from golden.replay.comparison import as_recorded
from onehttp_compat import kamailio
from onehttp_compat.server import default_server
from servers.kamailio.readiness import tell_ready

KSR = kamailio.setup(REAL)
FOLDER = Path(os.environ["TEST_FOLDER"])
Json = Any


def mod_init() -> Script:
    return Script()


class Script(kamailio.Script):
    def child_init(self, rank: int) -> int:
        return super().child_init(rank) or tell_ready(rank)

    def ksr_request_route(self, message: Any) -> int:
        if KSR.is_OPTIONS():
            counters = json.dumps(dict(default_server().counters))
            KSR.hdr.append_to_reply(f"X-Answer: {counters}\r\n")
            KSR.sl.send_reply(200, "OK")
        elif KSR.tm.t_check_trans() != 0 and not KSR.is_ACK():
            self.ask(json.loads((FOLDER / "step").read_text()))
        return 1

    def ask(self, step: Json) -> None:
        """What the request route of the recordings does."""
        has_transaction = step.get("transaction", True)
        if has_transaction:
            KSR.tm.t_newtran()
        if step.get("early_reply"):
            KSR.tm.t_reply(200, "early")
        if step.get("set_avp"):
            KSR.pv.sets("$avp(carried)", "from request")
        settings_rc = [set_one(key, value) for key, _, value in step.get("settings", [])]
        code = called(step, "CALLBACK")
        pvs = {name: read(name) for name in step.get("main_pvs", [])}
        note("outcomes", {"rc": code, "pvs": pvs, "settings_rc": settings_rc})
        if code != 0:
            reply = KSR.tm.t_reply if has_transaction else KSR.sl.send_reply
            reply(*((500, "query failed") if code < 0 else (202, "queued")))

    def CALLBACK(self, *arguments: Any) -> int:
        step = json.loads((FOLDER / "step").read_text())
        seen: Json = {"pvs": {name: read(name) for name in step["names"]}}
        if "then" in step:
            second = step["then"]
            for key, _, value in second["settings"]:
                set_one(key, value)
            seen["then"] = called(second, "SECOND")
        note("callbacks", {**seen, "arguments": arguments[1:]})
        code = step.get("reply", 200)
        if "then" not in step and code is not None and not arguments[1:]:
            KSR.tm.t_reply(code, "resumed")
        return 1

    def SECOND(self, *arguments: Any) -> int:
        step = json.loads((FOLDER / "step").read_text())
        pvs = {name: read(name) for name in step["second_names"]}
        note("second", {"pvs": pvs, "arguments": arguments[1:]})
        KSR.tm.t_reply(200, "done twice")
        return 1


def called(step: Json, callback: str) -> int:
    arguments = [callback if one == "@CALLBACK@" else one for one in step["arguments"]]
    module, _, function = step["call"].rpartition(".")
    if not module:
        return onehttp_compat.call_function(function, *arguments)
    code: int = getattr(getattr(KSR, module), function)(*arguments)
    return code


def set_one(key: str, value: Json) -> int:
    if key.endswith("()"):
        return onehttp_compat.call_function(key[:-2], value)
    write = KSR.pv.seti if isinstance(value, int) else KSR.pv.sets
    return 1 if write(f"$http_req({key})", value) else -1


def read(name: str) -> Json:
    try:
        return as_recorded(KSR.pv.get(name))
    except UnicodeDecodeError:
        return as_recorded(default_server().pv.get(name))


def note(what: str, noted: Json) -> None:
    with (FOLDER / what).open("a") as file:
        file.write(json.dumps(noted) + "\n")
