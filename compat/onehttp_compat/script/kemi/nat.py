"""``KSR.nathelper``: tests whether a message came through a NAT."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Final

from onehttp_compat.pseudo_variables.transformations.addresses import decode_alias
from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.kemi.uris import is_private
from onehttp_compat.sip.address import parse_address
from onehttp_compat.sip.uri import TRANSPORTS, SipUri, bracketed, parse_uri

_connection_line = re.compile(rb"(?m)^[co]=.*\bIN IP[46] (\S+)")

# The bits of the argument of nat_uac_test.
CONTACT_IS_PRIVATE: Final = 1
CAME_FROM_ELSEWHERE: Final = 2
VIA_IS_PRIVATE: Final = 4
SDP_IS_PRIVATE: Final = 8
PORT_DIFFERS: Final = 16
SOURCE_IS_PRIVATE: Final = 32
OVER_WEBSOCKET: Final = 64
CONTACT_PORT_DIFFERS: Final = 128
SDP_ADDRESS_DIFFERS: Final = 256


class NathelperFunctions(Functions):
    """``KSR.nathelper``."""

    def nat_uac_test(self, tests: int) -> int:
        sip = self._sip
        source, port = sip.source
        via, contact = sip.top_via, self._contact()
        found: dict[int, Callable[[], bool]] = {
            CONTACT_IS_PRIVATE: lambda: contact is not None and is_private(contact.host),
            CAME_FROM_ELSEWHERE: lambda: via is not None and via.host.strip("[]") != source,
            VIA_IS_PRIVATE: lambda: via is not None and is_private(via.host),
            SDP_IS_PRIVATE: lambda: any(map(is_private, self._sdp_addresses())),
            PORT_DIFFERS: lambda: via is not None and (via.port or 5060) != port,
            SOURCE_IS_PRIVATE: lambda: is_private(source),
            OVER_WEBSOCKET: lambda: sip.protocol in ("ws", "wss"),
            CONTACT_PORT_DIFFERS: lambda: contact is not None and contact.port_number != port,
            SDP_ADDRESS_DIFFERS: lambda: any(one != source for one in self._sdp_addresses()),
        }
        return as_code(any(test() for bit, test in found.items() if tests & bit))

    def is_rfc1918(self, host: str) -> int:
        return as_code(is_private(host))

    def fix_nated_contact(self) -> int:
        contact = self._contact()
        index = self._routed.indices("contact")
        if contact is None or not index or contact.param("alias") is not None:
            return FALSE
        host, port = self._sip.source
        fixed = dataclasses.replace(contact, host=bracketed(host), port=str(port))
        text = self._sip.headers[index[0]][1]
        address = parse_address(text)
        assert address is not None
        self._routed.replaced[index[0]] = text.replace(address.uri, str(fixed), 1)
        self._scene.act(f"contact {fixed}")
        return TRUE

    def fix_nated_register(self) -> int:
        self._scene.act("received address kept for the registrar")
        return TRUE

    def fix_nated_sdp(self, mode: int) -> int:
        return self.fix_nated_sdp_ip(mode, self._sip.source[0])

    def fix_nated_sdp_ip(self, _mode: int, host: str) -> int:
        body = self._routed.body if self._routed.body is not None else self._sip.body
        if not body:
            return FALSE
        self._routed.body = _connection_line.sub(
            lambda match: match[0].replace(match[1], host.encode()), body
        )
        return self._scene.act(f"SDP address {host}")

    def add_rcv_param(self, _place: int) -> int:
        return TRUE if self._routed.indices("contact") else FALSE

    def add_contact_alias(self) -> int:
        contact = self._contact()
        if contact is None:
            return 2
        if (contact.host.strip("[]"), contact.port_number) == self._sip.source:
            return 2
        return self._with_alias(contact, *self._sip.source, self._sip.protocol)

    def add_contact_alias_addr(self, host: str, port: str, protocol: str) -> int:
        contact = self._contact()
        if contact is None or not port.isdigit() or protocol.lower() not in TRANSPORTS:
            return FALSE
        return self._with_alias(contact, host, int(port), protocol.lower())

    def set_contact_alias(self) -> int:
        contact = self._contact()
        if contact is None:
            return FALSE
        code = self._with_alias(contact, *self._sip.source, self._sip.protocol)
        if code > 0:
            self._routed.apply()
        return code

    def set_contact_alias_trim(self) -> int:
        return self.set_contact_alias()

    def handle_ruri_alias(self) -> int:
        return self.handle_ruri_alias_mode(0)

    def handle_ruri_alias_mode(self, _mode: int) -> int:
        uri = self._routed.parsed_uri
        if uri is None:
            return FALSE
        if uri.param("alias") is None:
            return 2
        target = decode_alias(f";alias={uri.param('alias')}")
        if not target:
            return FALSE
        if target.startswith("sip:") and ":" not in target.removeprefix("sip:"):
            return FALSE
        rest = [one for one in uri.params.split(";") if not one.lower().startswith("alias=")]
        self._routed.rewrite(params=";".join(rest))
        self._routed.dst_uri = target
        self._scene.act(f"destination {target}")
        return TRUE

    def set_alias_to_pv(self, target: str) -> int:
        host, port = self._sip.source
        number = TRANSPORTS.index(self._sip.protocol) + 1
        contact = self._contact()
        if contact is None:
            return FALSE
        self._world.server.pv.set(target, f"{contact};alias={bracketed(host)}~{port}~{number}")
        return TRUE

    def _with_alias(self, contact: SipUri, host: str, port: int, protocol: str) -> int:
        number = TRANSPORTS.index(protocol) + 1 if protocol in TRANSPORTS else 1
        alias = f"alias={bracketed(host)}~{port}~{number}"
        fixed = dataclasses.replace(contact, params=f"{contact.params};{alias}".removeprefix(";"))
        index = self._routed.indices("contact")[0]
        text = self._sip.headers[index][1]
        address = parse_address(text)
        assert address is not None
        name = f"{address.name} " if address.name else ""
        params = f";{address.params}" if address.params else ""
        self._routed.replaced[index] = f"{name}<{fixed}>{params}"
        return self._scene.act(f"contact {fixed}")

    def _contact(self) -> SipUri | None:
        text = self._sip.header("contact")
        address = parse_address(text) if text else None
        return parse_uri(address.uri) if address else None

    def _sdp_addresses(self) -> list[str]:
        return [
            found.decode("ascii", "replace") for found in _connection_line.findall(self._sip.body)
        ]
