"""Routing logic for the real server: does what a recording says, within one SIP request a step."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing.connection import Client, Connection
from typing import Any

import KSR as REAL  # the server's own

import onehttp
import onehttp_compat
from onehttp_compat import kamailio
from onehttp_compat.kamailio.server_process import leave_server_process
from onehttp_compat.server import default_server
from servers.kamailio.readiness import tell_ready
from stand_ins import limits

Json = Any


def mod_init() -> Script:
    return Script()


class Script:
    def __init__(self) -> None:
        self.link: Connection | None = None
        self.ksr: Any = REAL

    def child_init(self, rank: int) -> int:
        return tell_ready(rank)

    def often(self, message: Any, event: str = "") -> int:
        return 1

    def ksr_request_route(self, message: Any) -> int:
        """Do as the link says until it says no more."""
        link = self.link = self.link or Client(os.environ["TEST_LINK"], "AF_UNIX")
        while (order := link.recv()) is not None:
            name, *arguments = order
            function: Callable[..., Json] = getattr(self, f"do_{name}")
            try:
                link.send((function(*arguments), None))
            except Exception as error:  # noqa: BLE001 - it is the test's
                kinds = [kind.__name__ for kind in type(error).__mro__]
                link.send((None, (kinds, str(error))))
        REAL.hdr.append_to_reply("X-Answer: done\r\n")
        REAL.sl.send_reply(200, "OK")
        return 1

    def do_start(self, parameters: list[tuple[str, str, Json]], is_about_time: bool) -> None:
        """Be a server that was just started, with these parameters."""
        leave_server_process()
        onehttp.shutdown()
        limits._set(is_generous=not is_about_time)
        self.ksr = kamailio.setup(REAL, modparams=parameters, is_asynchronous=False)
        default_server().start()

    def do_set(self, name: str, value: Json) -> None:
        default_server().pv.set(name, value)

    def do_get(self, name: str) -> Json:
        """What a script reads; where it can read nothing but text, the bytes."""
        try:
            return self.ksr.pv.get(name)
        except UnicodeDecodeError:
            return default_server().pv.get(name)

    def do_check_writable(self, name: str) -> None:
        default_server().pv.writable(name)

    def do_counters(self) -> dict[str, int]:
        return dict(default_server().counters)

    def do_rpc(self, name: str, arguments: list[Json]) -> Json:
        return default_server().rpc(name, arguments)

    def do_kemi(self, module: str, function: str, arguments: list[Json]) -> int:
        code: int = getattr(getattr(self.ksr, module), function)(*arguments)
        return code

    def do_call(self, name: str, arguments: list[Json]) -> int:
        return onehttp_compat.call_function(name, *arguments)
