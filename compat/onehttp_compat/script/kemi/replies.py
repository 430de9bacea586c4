"""``KSR.sl``: stateless replies. ``KSR.auth``, ``KSR.maxfwd``, ``KSR.sanity``: the checks that
scripts make first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from onehttp_compat.script.kemi.functions import FALSE, TRUE, Functions, as_code
from onehttp_compat.script.routed_message import FIRST
from onehttp_compat.sip.address import parse_address, split_addresses
from onehttp_compat.sip.credentials import digests
from onehttp_compat.sip.uri import parse_uri

_NUMBER = re.compile(r"\d+").fullmatch
_CREDENTIALS: Final = ("authorization", "proxy-authorization")
_REQUIRED: Final = ("to", "from", "cseq", "call-id", "via")
MAX_FORWARDS: Final = 256
HIGHEST: Final = 70
"""The default of ``max_limit``: a request is passed on with at most this value."""
HIGHEST_NUMBER: Final = 1 << 32
_DEFAULT_CHECKS: Final = 999
_DEFAULT_URI_CHECKS: Final = 7
_OF_THE_FIRST_LINE: Final = 1 | 2 | 8 | 16 | 32
"""The checks that a message can pass even if it ends within its headers."""
_tag = re.compile(r";\s*tag\s*=", re.I)
_digest = re.compile(r"\s*Digest\s+\w+\s*=", re.I).match


class SlFunctions(Functions):
    """``KSR.sl``."""

    def send_reply(self, code: int, reason: str) -> int:
        if not self._sip.is_request or self._sip.method == "ACK" or not 100 <= code <= 699:
            return FALSE
        return self._scene.reply_with(f"{code} {reason}")

    def send_reply_mode(self, code: int, reason: str, _mode: str) -> int:
        return self.send_reply(code, reason)

    def sl_send_reply(self, code: int, reason: str) -> int:
        return self.send_reply(code, reason)

    def sl_reply_error(self) -> int:
        return self.send_reply(500, "I'm terribly sorry, server error occurred (1/SL)")

    def sl_forward_reply(self, code: str, reason: str) -> int:
        if self._sip.is_request:
            return FALSE
        return self._scene.act(f"forward reply {code} {reason}".rstrip())


class AuthFunctions(Functions):
    """``KSR.auth``, as far as it follows from the message. Whether credentials are right is
    assumed."""

    def has_credentials(self, realm: str) -> int:
        known = (said for header in _CREDENTIALS for _, said in digests(self._sip, header))
        realms = [said["realm"].lower() for said in known if "realm" in said]
        return as_code(realm.lower() in realms)

    def auth_challenge(self, _realm: str, _flags: int) -> int:
        method = self._sip.method
        if method == "ACK":
            return FALSE - 2
        is_ours = method == "REGISTER"
        reply = "401 Unauthorized" if is_ours else "407 Proxy Authentication Required"
        return self._scene.reply_with(reply)


class MaxfwdFunctions(Functions):
    """``KSR.maxfwd``."""

    def process_maxfwd(self, limit: int) -> int:
        routed = self._routed
        found = routed.indices("max-forwards")
        if not 0 <= limit < MAX_FORWARDS:
            return FALSE
        if not found:
            routed.add(f"Max-Forwards: {limit}\r\n", FIRST)
            return 2
        written = routed.replaced.get(found[0], self._sip.headers[found[0]][1])
        number = _NUMBER(written.strip())
        if number is None:
            return FALSE
        value = int(number[0])
        if value == 0:
            return FALSE
        new = str(value - 1 if value <= HIGHEST else HIGHEST)
        routed.replaced[found[0]] = new.rjust(len(written))  # written over the old number
        return TRUE

    def is_maxfwd_lt(self, limit: int) -> int:
        number = _NUMBER(self._sip.header("max-forwards") or "")
        if not 0 <= limit < MAX_FORWARDS:
            return FALSE
        if number is None:
            return FALSE if self._sip.header("max-forwards") else FALSE - 1
        return as_code(int(number[0]) < limit)


class SanityFunctions(Functions):
    """``KSR.sanity``: each bit of the argument selects a check. Some exist only for requests, so
    replies always fail them."""

    def sanity_check(self, checks: int, uri_checks: int) -> int:
        sip = self._sip
        problem = next(
            (text for bit, text in self._problems(uri_checks) if checks & bit and text is not None),
            None,
        )
        if problem and sip.is_request:
            self._scene.reply_with(problem)
        if sip.is_broken and checks & ~_OF_THE_FIRST_LINE:
            return FALSE
        return as_code(problem is None)

    def sanity_check_defaults(self) -> int:
        return self.sanity_check(_DEFAULT_CHECKS, _DEFAULT_URI_CHECKS)

    def sanity_reply(self) -> int:
        return TRUE

    def _problems(self, uri_checks: int) -> Iterator[tuple[int, str | None]]:
        """Yield the bit of each check and its problem; None if the message passes."""
        sip = self._sip
        is_reply = not sip.is_request

        def if_so(is_wrong: object, text: str) -> str | None:
            return text if is_wrong else None

        def number(name: str) -> int:
            text = sip.header(name)
            return 0 if text is None else int(text) if _NUMBER(text) else HIGHEST_NUMBER + 1

        is_bad_uri = is_reply or parse_uri(sip.uri) is None
        yield 1, if_so(is_reply, "")
        yield 2, if_so(is_bad_uri, "400 Bad Request URI")
        missing = any(sip.header(name) is None for name in _REQUIRED)
        yield 4, if_so(missing, "400 Missing Required Header in Request")
        is_other = is_reply or sip.cseq[1] != sip.method
        yield 32, if_so(is_other, "400 CSeq method does not match request method")
        sequence = sip.cseq[0]
        is_high = not _NUMBER(sequence) or int(sequence) > HIGHEST_NUMBER
        yield 64, if_so(is_high, "400 CSeq number is illegal")
        length = sip.header("content-length")
        is_other = length is not None and number("content-length") != len(sip.body)
        yield 128, if_so(is_other, "400 Content-Length mis-match")
        yield 256, if_so(number("expires") > HIGHEST_NUMBER, "400 Expires value is illegal")
        yield 512, if_so(sip.header("proxy-require"), "420 Bad Proxy Require Extension")
        uris = (is_bad_uri, "400 Bad Request URI"), (
            self._is_bad("from"), "400 Invalid From Header"), (
            self._is_bad("to"), "400 Ivalid To Header"), (
            self._is_bad("contact"), "400 Bad Contact URI")  # fmt: skip
        for bit, (is_bad, text) in enumerate(uris):
            yield 1024 if uri_checks >> bit & 1 else 0, if_so(is_bad, text)
        for name in ("from", "to"):
            is_double = len(_tag.findall(sip.header(name) or "")) > 1
            yield 4096, if_so(is_double, f"400 Many {name.title()} Tag Params")
        for name in ("authorization", "proxy-authorization"):
            said = sip.header(name)
            is_bad = said is not None and not _digest(said)
            yield 2048 | 8192, if_so(is_bad, "400 Bad Auth Header")

    def _is_bad(self, name: str) -> bool:
        """Whether the first address of a header does not parse."""
        said = self._sip.header(name)
        if said is None or (name == "contact" and said.strip() == "*"):
            return False
        address = parse_address(split_addresses(said)[0]) if said.strip() else None
        return address is None or address.parsed_uri is None
