"""``KSR.nathelper``: tests whether a message came through a NAT."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Final

from onehttp_compat.pseudo_variables.transformations.addresses import decode_alias
from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.kemi.uris import is_private
from onehttp_compat.script.routed_message import Edit
from onehttp_compat.sip.address import parse_address, split_addresses
from onehttp_compat.sip.uri import (
    TRANSPORTS,
    SipUri,
    bracketed,
    parse_uri,
    split_outside_quotes,
)

_connection_line = re.compile(rb"(?m)^[co]=.*\bIN IP[46] (\S+)")
_media_line = re.compile(rb"(?m)^m=")

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


# What each bit of fix_nated_sdp does.
SAYS_ACTIVE: Final = 1
REPLACES_CONNECTION: Final = 2
SAYS_NO_PROXY: Final = 4
REPLACES_ORIGIN: Final = 8


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
        if self._contact_to_change() is None:
            return FALSE
        host, port = self._sip.source
        self._routed.has_new_contact = True
        return self._change_contact(
            lambda uri: dataclasses.replace(uri, host=bracketed(host), port=str(port))
        )

    def fix_nated_register(self) -> int:
        self._scene.act("received address kept for the registrar")
        return TRUE

    def fix_nated_sdp(self, mode: int) -> int:
        return self.fix_nated_sdp_ip(mode, self._sip.source[0])

    def fix_nated_sdp_ip(self, mode: int, host: str) -> int:
        """Returns 2 if no address was replaced."""
        body = self._routed.body_to_edit
        kind = (self._sip.header("content-type") or "application/sdp").partition(";")[0].lower()
        if not body or not kind.strip().startswith(("application/sdp", "multipart/")):
            return FALSE
        host = host or self._sip.source[0]
        end = len(body)
        old = [
            match
            for bit, letter in ((REPLACES_CONNECTION, b"c"), (REPLACES_ORIGIN, b"o"))
            for match in _connection_line.finditer(body)
            if mode & bit and match[0].startswith(letter)
        ]
        media = [match.start() for match in _media_line.finditer(body)]
        edits = [Edit(*match.span(1), host.encode()) for match in old]
        if mode & SAYS_ACTIVE:
            edits += [Edit(at, at, b"a=direction:active\r\n") for at in [*media[1:], end] if media]
        if mode & SAYS_NO_PROXY:
            edits.append(Edit(end, end, b"a=nortpproxy:yes\r\n"))
        for match in old:
            name = b"oldmediaip6" if b"IN IP6 " in match[0] else b"oldmediaip"
            edits.append(Edit(end, end, b"a=%s:%s\r\n" % (name, match[1])))
        self._routed.edit_body(edits)
        if not old:
            return 2
        return self._scene.act(f"SDP address {host}")

    def add_rcv_param(self, place: int) -> int:
        """Add the sender to all contacts: to their headers (0), or to their URIs."""
        if self._routed.has_new_contact:
            return FALSE
        host, port = self._sip.source
        source = f"sip:{bracketed(host)}:{port}"
        routed = self._routed
        for index in routed.indices("contact"):
            text = routed.replaced.get(index, self._sip.headers[index][1])
            if text == "*":
                continue
            parts = split_outside_quotes(text, ",")
            add = _with_received_uri if place else _with_received
            routed.replaced[index] = ",".join(add(part, source) for part in parts)
        return TRUE

    def add_contact_alias(self) -> int:
        if not self._routed.indices("contact"):
            return 2
        contact = self._contact_to_change()
        if contact is None:
            return FALSE
        # A transport that is not said differs from the one it came over.
        known = contact.host.strip("[]"), contact.port_number, contact.transport.lower()
        if known == (*self._sip.source, self._sip.protocol):
            return 2
        return self._with_alias(*self._sip.source, self._sip.protocol)

    def add_contact_alias_addr(self, host: str, port: str, protocol: str) -> int:
        if not self._routed.indices("contact"):
            return 2
        is_known = port.isdigit() and protocol.lower() in TRANSPORTS
        if self._contact_to_change() is None or not is_known:
            return FALSE
        return self._with_alias(host, int(port), protocol.lower())

    def set_contact_alias(self) -> int:
        if self._contact_to_change() is None:
            return FALSE
        self._routed.has_new_contact = True
        return self._with_alias(*self._sip.source, self._sip.protocol, is_last=True)

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
        contact = self._contact_to_change()
        if contact is None:
            return FALSE
        self._world.server.pv.set(target, f"{contact};alias={bracketed(host)}~{port}~{number}")
        return TRUE

    def _with_alias(self, host: str, port: int, protocol: str, *, is_last: bool = False) -> int:
        """Add the parameter before the others, or at the very end."""
        number = TRANSPORTS.index(protocol) + 1 if protocol in TRANSPORTS else 1
        alias = f";alias={bracketed(host)}~{port}~{number}"
        if is_last:
            return self._change_contact(end=alias)
        return self._change_contact(middle=alias)

    def _change_contact(
        self,
        change: Callable[[SipUri], SipUri] = lambda uri: uri,
        *,
        middle: str = "",
        end: str = "",
    ) -> int:
        """Change the last Contact of its header, on top of earlier changes.

        Args:
            change: gives the URI another host.
            middle, end: are added after the host, and after all of the URI. A URI with them gets
                angle brackets.
        """
        index = self._routed.indices("contact")[0]
        text = self._routed.replaced.get(index, self._sip.headers[index][1])
        last = split_addresses(text)[-1]
        address = parse_address(last)
        uri = parse_uri(address.uri) if address else None
        if address is None or uri is None:
            return FALSE
        base = dataclasses.replace(uri, params="", headers="")
        rest = address.uri[len(str(base)) :]
        changed = f"{change(base)}{middle}{rest}{end}"
        written = changed if "<" in last or not (middle or end) else f"<{changed}>"
        place = text.rindex(last)
        self._routed.replaced[index] = text[:place] + last.replace(address.uri, written, 1)
        return self._scene.act(f"contact {changed}")

    def _contact_to_change(self) -> SipUri | None:
        """The Contact; None also after the functions that put another URI in its place: the server
        changes it once, until the changes are applied."""
        uri = None if self._routed.has_new_contact else self._contact()
        return uri if uri is not None and uri.host else None

    def _contact(self) -> SipUri | None:
        """The last Contact of its header, with the URI that has replaced its own."""
        text = self._sip.header("contact")
        if self._routed.has_new_contact:
            text = self._routed.replaced.get(self._routed.indices("contact")[0], text)
        parts = split_addresses(text) if text else []
        address = parse_address(parts[-1]) if parts else None
        return parse_uri(address.uri) if address else None

    def _sdp_addresses(self) -> list[str]:
        return [
            found.decode("ascii", "replace") for found in _connection_line.findall(self._sip.body)
        ]


def _with_received(contact: str, source: str) -> str:
    return f'{contact};received="{source}"'


def _with_received_uri(contact: str, source: str) -> str:
    end = contact.find(">") if "<" in contact else contact.find(";")
    end = len(contact) if end < 0 else end
    return f"{contact[:end]};received={source}{contact[end:]}"
