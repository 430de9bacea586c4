"""``KSR.siputils`` and ``KSR.ipops``: tests of requests, URIs and addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.sip.address import split_addresses
from onehttp_compat.sip.message import canonical, is_header_name
from onehttp_compat.sip.uri import SipUri, params_of, parse_uri

_gmt = "%a, %d %b %Y %H:%M:%S GMT"
_phone = re.compile(r"\+?[0-9]+").fullmatch
_IP4: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}").fullmatch


class SiputilsFunctions(Functions):
    """``KSR.siputils``."""

    def is_request(self) -> int:
        return as_code(self._sip.is_request)

    def is_reply(self) -> int:
        return as_code(not self._sip.is_request)

    def has_totag(self) -> int:
        address = self._sip.address("to")
        return as_code(address is not None and address.param("tag"))

    def is_first_hop(self) -> int:
        return self.is_first_hop_mode(0)

    def is_first_hop_mode(self, _mode: int) -> int:
        sip = self._sip
        if sip.is_request:
            return as_code(len(sip.vias) == 1)
        return as_code(sip.header("record-route") is None)

    def is_user(self, name: str) -> int:
        found = re.search(r'username="([^"]*)"', self._credentials())
        return as_code(found is not None and found[1] == name)

    def is_uri(self, text: str) -> int:
        return as_code(parse_uri(text) is not None)

    def is_gruu(self) -> int:
        uri = self._routed.parsed_uri
        gruu = uri.param("gr") if uri else None
        return FALSE if gruu is None else 1 if gruu else 2

    def is_tel_number(self, text: str) -> int:
        return TRUE if _phone(text) else FALSE - 1

    def is_numeric(self, text: str) -> int:
        return TRUE if text.isascii() and text.isdigit() else FALSE - 1

    def is_alphanum(self, text: str) -> int:
        return self.is_alphanumex(text, "")

    def is_alphanumex(self, text: str, others: str) -> int:
        known = all(char.isascii() and (char.isalnum() or char in others) for char in text)
        return FALSE - 1 if not text else TRUE if known else FALSE - 2

    def options_reply(self) -> int:
        if self._sip.method != "OPTIONS" or (uri := self._routed.parsed_uri) is None or uri.user:
            return FALSE
        self._scene.reply_with("200 OK")
        return TRUE

    # ---- parameters of the request URI

    def _uri_with_params(self) -> SipUri | None:
        """Return the request URI; None if its parameters do not parse: the server's parser fails
        at the ``=;`` of a missing value."""
        uri = self._routed.parsed_uri
        return None if uri is None or "=;" in uri.params else uri

    def uri_param(self, _name: str) -> int:
        return FALSE  # called through KSR, the server's 5.6 never finds a parameter

    def uri_param_value(self, _name: str, _value: str) -> int:
        return FALSE

    def uri_param_any(self, name: str) -> int:
        uri = self._uri_with_params()
        return as_code(uri is not None and uri.param(name) is not None)

    def add_uri_param(self, param: str) -> int:
        uri = self._routed.parsed_uri
        if uri is None or not param:
            return as_code(uri is not None)
        return as_code(self._routed.rewrite(params=f"{uri.params};{param}".removeprefix(";")))

    def uri_param_rm(self, name: str) -> int:
        uri = self._uri_with_params()
        if uri is None:
            return FALSE
        if uri.param(name) is None:
            return TRUE
        kept = [one for one in uri.params.split(";") if one.partition("=")[0].lower() != name]
        return as_code(self._routed.rewrite(params=";".join(kept)))

    # ---- comparing

    def cmp_uri(self, one: str, other: str) -> int:
        first, second = parse_uri(one), parse_uri(other)
        if first is None or second is None:
            return FALSE - 1
        return as_code(_same(first, second))

    def cmp_aor(self, one: str, other: str) -> int:
        first, second = parse_uri(one), parse_uri(other)
        if first is None or second is None:
            return FALSE - 1
        return as_code(_address_of_record(first) == _address_of_record(second))

    def cmp_hdr_name(self, one: str, other: str) -> int:
        if not is_header_name(one) or not is_header_name(other):
            return FALSE - 1
        return as_code(canonical(one) == canonical(other))

    def hdr_date_check(self, seconds: int) -> int:
        import time
        from calendar import timegm

        try:
            said = timegm(time.strptime(self._sip.header("date") or "", _gmt))
        except ValueError:
            return FALSE
        return as_code(time.time() - said <= seconds)

    def _credentials(self) -> str:
        sip = self._sip
        return sip.header("proxy-authorization") or sip.header("authorization") or ""


def _address_of_record(uri: SipUri) -> tuple[str, str, str, str]:
    return uri.scheme, uri.user, uri.host.lower(), uri.port or "5060"


def _same(one: SipUri, other: SipUri) -> bool:
    """Whether two URIs are equal by the part of RFC 3261, 19.1.4 that the server implements."""
    if (one.scheme, one.user, one.password) != (other.scheme, other.user, other.password):
        return False
    if (one.host.lower(), one.port) != (other.host.lower(), other.port):
        return False
    mine, theirs = params_of(one.params), params_of(other.params)
    shared = set(mine) & set(theirs)
    alone = (set(mine) ^ set(theirs)) & {"user", "ttl", "method", "maddr", "transport"}
    return not alone and all(mine[name].lower() == theirs[name].lower() for name in shared)


class IpopsFunctions(Functions):
    """``KSR.ipops``, without the functions that query a name server."""

    def is_ip(self, text: str) -> int:
        return as_code(_ip(text))

    def is_pure_ip(self, text: str) -> int:
        return as_code(_ip(text) and not text.startswith("["))

    def is_ip4(self, text: str) -> int:
        return as_code(_ip(text) == 4)

    def is_ip6(self, text: str) -> int:
        return as_code(_ip(text) == 6 and not text.startswith("["))

    def is_ip6_reference(self, text: str) -> int:
        return as_code(_ip(text) == 6 and text.startswith("["))

    def ip_type(self, text: str) -> int:
        version = _ip(text)
        return FALSE if not version else 1 if version == 4 else 3 if text.startswith("[") else 2

    def is_ip_rfc1918(self, text: str) -> int:
        return as_code(is_private(text) and _is_in(text, _RFC_1918))

    def compare_ips(self, one: str, other: str) -> int:
        return as_code(_ip(one) and _ip(other) and _bare(one) == _bare(other))

    def compare_pure_ips(self, one: str, other: str) -> int:
        return FALSE if "[" in one + other else self.compare_ips(one, other)

    def is_in_subnet(self, address: str, networks: str) -> int:
        if not _ip(address):
            return FALSE
        return as_code(_is_in(address, networks))

    ip_is_in_subnet = is_in_subnet


def _bare(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text.strip("[]"))


def _ip(text: str) -> int:
    """Return 4 or 6; 0 if the text is not an address."""
    try:
        return _bare(text).version
    except ValueError:
        return 0


def _is_in(address: str, networks: str) -> bool:
    try:
        return any(
            _bare(address) in ipaddress.ip_network(one.strip(" []"), strict=False)
            for one in networks.split(",")
        )
    except ValueError:
        return False


_RFC_1918: Final = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"


_PRIVATE: Final = tuple(
    ipaddress.ip_network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24")
)


def is_private(host: str) -> bool:
    """Whether an address is private (RFC 1918) or of a carrier-grade NAT (RFC 6598)."""
    try:
        address = _bare(host)
    except ValueError:
        return False
    return any(address.version == 4 and address in network for network in _PRIVATE)


def first_contact(text: str | None) -> str | None:
    """Return the first address of a Contact header."""
    found = split_addresses(text or "")
    return found[0] if found else None
