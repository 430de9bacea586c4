"""``KSR.kx``: functions that return the most common pseudo-variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.pseudo_variables.reading import NULL
from onehttp_compat.script.kemi.functions import FALSE, Functions
from onehttp_compat.script.kemi.variables import crossing
from onehttp_compat.sip.address import contacts, parse_address
from onehttp_compat.sip.uri import parse_uri
from onehttp_compat.sip.value import Value

_VARIABLES: Final = {
    "au": "$au", "body": "$rb", "callid": "$ci", "duri": "$du",
    "fhost": "$fd", "furi": "$fu", "fuser": "$fU", "method": "$rm", "msgbuf": "$mb",
    "ouri": "$ou", "proto": "$pr", "rcv_sock_name": "$Rn",
    "rcvaddr_sock": "$Ras", "rcvip": "$Ri", "rcvadvip": "$RAi", "rcvport": "$Rp",
    "rcvadvport": "$RAp", "rhost": "$rd", "ruri": "$ru", "ruser": "$rU", "send_sock": "$fs",
    "send_sock_name": "$fsn", "srcaddr_sock": "$sas", "srcip": "$si", "srcport": "$sp",
    "srcuri": "$su", "thost": "$td", "turi": "$tu", "tuser": "$tU", "ua": "$ua",
}  # fmt: skip
_NUMBERS: Final = {
    "bodylen": "$bs", "conid": "$conid", "msglen": "$ml", "msgtype": "$mt", "protoid": "$prid",
    "timestamp": "$Ts",
}  # fmt: skip


class KxFunctions(Functions):
    """``KSR.kx``."""

    def find(self, name: str) -> Callable[..., Any] | None:
        own = super().find(name)
        if own is not None:
            return own
        way, _, what = name.partition("_")
        if way == "get" and what in _NUMBERS:
            return lambda: self._number(_NUMBERS[what])
        if what in _VARIABLES and way in ("get", "gete", "getw"):
            null = {"get": None, "gete": "", "getw": NULL}[way]
            return lambda: self._read(_VARIABLES[what], null)
        return None

    def get_def(self, name: str) -> Value:
        return self._world.defines.get(name, "")

    def get_status(self) -> int:
        return self._sip.status or FALSE

    def gets_status(self) -> str | None:
        return str(self._sip.status) if self._sip.status else None

    def get_body(self) -> Value:
        return self._read("$rb", None) or None

    def getw_body(self) -> Value:
        return self._read("$rb", None) or NULL

    def get_nhuri(self) -> Value:
        routed = self._routed
        is_known = self._sip.is_request and parse_uri(routed.next_hop) is not None
        return routed.next_hop if is_known else None

    def get_cturi(self) -> Value:
        routed, found = self._routed, self._routed.indices("contact")
        text = routed.replaced.get(found[0], self._sip.headers[found[0]][1]) if found else ""
        address = parse_address(next(iter(contacts(text)), ""))
        return address.uri if address else None

    def gete_cturi(self) -> Value:
        return self.get_cturi() or ""

    def getw_cturi(self) -> Value:
        return self.get_cturi() or NULL

    def get_defn(self, name: str) -> int:
        text = self._world.defines.get(name, "")
        return int(text) if text.lstrip("-").isdigit() else 0

    def ifdef(self, name: str) -> bool:
        return name in self._world.defines

    def ifndef(self, name: str) -> bool:
        return name not in self._world.defines

    def get_env(self, name: str) -> Value:
        return self._world.server.pv.get(f"$env({name})") or ""

    def get_envn(self, name: str) -> Value:
        return self._world.server.pv.get(f"$envn({name})")

    def _read(self, variable: str, null: str | None) -> Value:
        value = self._world.server.pv.get(variable)
        if value is None:
            return null
        return crossing(value)

    def _number(self, variable: str) -> int:
        value = self._world.server.pv.get(variable)
        return value if isinstance(value, int) else int(str(value)) if value else 0
