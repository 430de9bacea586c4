"""One ``httpcon`` (``curlcon``) value: a named connection on one line.

    name => scheme://[user[:password]@]host[:port][/path][;key=value]...

The grammar is that of the legacy module, with its oddities. ``legacy_bugs`` decides which of them
are errors. The numbers (B9) refer to the list of the module's bugs.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NoReturn

from onehttp import ConfigurationError
from onehttp_compat.parameters import (
    TLS_VERSION_LIMIT,
    LegacyBugs,
    ModuleDefaults,
    TransferSettings,
)

BLANKS = " \t\r\n"
UINT_MAX = 2**32 - 1
MOST_DIGITS = 11
"""Digits of a number that are read: one more than the largest valid number has."""
_QUOTES = "\"'"

_log = logging.getLogger("onehttp_compat.httpcon")
_is_harmless_key = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyConnection(TransferSettings):
    """A named connection as it was configured, before a server was started with it.

    Numbers are kept as written: values that the legacy module checked only in calls are not checked
    here.
    """

    name: str
    schema: str
    url: str = field(repr=False)
    """Host, port and base path: what follows ``scheme://`` and the credentials.

    It may contain credentials (those of a ``config_file`` stay here), so it is not shown.
    """
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    failover: str | None = None
    timeout: int | None = None
    """In the unit of the module. 0 means that none was given, or no limit (B39), and None the
    module's built-in timeout."""


INHERITED = tuple(setting.name for setting in dataclasses.fields(TransferSettings))
"""Settings that a connection inherits from the parameters of the module, under the same names."""


def inherited(defaults: ModuleDefaults) -> dict[str, Any]:
    """The initial values of a connection: the defaults in force where it is defined."""
    settings = {name: getattr(defaults, name) for name in INHERITED}
    if defaults.httpproxyport <= 0:
        settings["httpproxy"] = None
    return {"timeout": defaults.connection_timeout, **settings}


_FLAG = range(2)
_NUMBER = range(UINT_MAX + 1)
_TEXT = range(0)

KEYS = {
    "httpredirect": _FLAG,
    "timeout": _NUMBER,
    "useragent": _TEXT,
    "failover": _TEXT,
    "maxdatasize": _NUMBER,
    "verify_peer": _FLAG,
    "verify_host": _NUMBER,
    "tlsversion": range(TLS_VERSION_LIMIT),
    "client_cert": _TEXT,
    "client_key": _TEXT,
    "cipher_suites": _TEXT,
}
"""The numbers that each key accepts; empty if it takes text."""

CURL_SPELLINGS = {
    "verifypeer": "verify_peer",
    "verifyhost": "verify_host",
    "sslversion": "tlsversion",
    "clientcert": "client_cert",
    "clientkey": "client_key",
    "ciphersuites": "cipher_suites",
}


def parse_httpcon(
    text: str, defaults: ModuleDefaults, legacy_bugs: LegacyBugs = "fixed"
) -> LegacyConnection:
    """Parse the definition of a connection.

    ``faithful`` keeps some behaviour of the legacy module: the first ``@`` anywhere ends the
    credentials, even if it is part of the address (B9); a comma in a value hides all further keys
    (B10); unknown keys are only logged (B11); names and hosts may be empty, and any scheme is
    accepted (B42).

    Raises:
        ConfigurationError: the text does not follow the grammar. The message has the column and
            what was expected, and never quotes the credentials.

    Source: legacy http_client, ``httpcon`` grammar.
    """
    return _HttpconReader(text, defaults, legacy_bugs).connection()


def ends_credentials_elsewhere(text: str, defaults: ModuleDefaults) -> bool:
    """Whether the module ends the credentials at another ``@`` than we do (B9)."""
    reader = _HttpconReader(text, defaults, "fixed")
    rest = text.partition("://")[2]
    first = rest.find("@")
    return first >= 0 and _end_of_credentials(rest, reader.keys) != first


class _HttpconReader:
    """Reads the text from left to right; ``at`` is the offset of the next byte."""

    def __init__(self, text: str, defaults: ModuleDefaults, legacy_bugs: LegacyBugs) -> None:
        self.text = text
        self.at = 0
        self.defaults = defaults
        self.is_faithful = legacy_bugs == "faithful"
        self.label = "curlcon" if defaults.module == "curl" else "httpcon"
        spellings = CURL_SPELLINGS if defaults.module == "curl" else {}
        spelled = {setting: key for key, setting in spellings.items()}
        self.keys = {spelled.get(setting, setting): setting for setting in KEYS}

    def connection(self) -> LegacyConnection:
        self._blanks()
        name = self._until("=" + BLANKS)
        self._blanks()
        self._expect("=>", "after the name")
        # Without the arrow, or with an '@' in it, the text is not a name and may contain a
        # password.
        self.label += f" {name!r}" if "@" not in name else ""
        self._blanks()
        schema_at = self.at
        schema = self._until(":")
        self._expect("://", "after the scheme")
        username, password = self._credentials()
        url_at = self.at
        url = self._until(";")
        if not self.is_faithful:
            self._check_target(name, schema, schema_at, url, url_at)
        settings = inherited(self.defaults) | self._settings()
        plain = LegacyConnection(
            name=name, schema=schema, url=url, username=username, password=password
        )
        return dataclasses.replace(plain, **settings)

    def _credentials(self) -> tuple[str | None, str | None]:
        rest = self.text[self.at :]
        end = rest.find("@") if self.is_faithful else _end_of_credentials(rest, self.keys)
        if end < 0:
            return None, None
        user, colon, password = rest[:end].partition(":")
        self.at += end + 1
        return user, password if colon else None

    def _check_target(self, name: str, schema: str, schema_at: int, url: str, url_at: int) -> None:
        if not name:
            self._fail("expected a name before '=>'", at=0)
        if schema.lower() not in ("http", "https"):
            self._fail("expected http:// or https://", at=schema_at)
        if re.match(r"[/?#:]|\s*\Z", url):
            self._fail("expected a host", at=url_at)

    def _settings(self) -> dict[str, int | str | None]:
        """The settings. If a key is given several times, the first one counts."""
        settings: dict[str, int | str | None] = {}
        if self.at >= len(self.text) - 1:
            return settings
        self.at += 1
        if self._next() in BLANKS:
            self._fail("expected a key right after ';', without a blank")
        while True:
            self._setting(settings)
            self._blanks()
            if self._is_at_end():
                return settings
            if self._next() == ",":
                return self._tail(settings)
            self._expect(";", "between two parameters")
            self._blanks()

    def _setting(self, settings: dict[str, int | str | None]) -> None:
        key_at = self.at
        key = self._until(BLANKS + ",=;")
        if not key:
            self._fail("expected a key (is there a ';' too many?)")
        self._blanks()
        value: str | None = None
        if self._next() == "=":
            self.at += 1
            self._blanks()
            value = self._value()
        setting = self.keys.get(key)
        if setting is None:
            self._unknown_key(key, key_at)
        elif setting not in settings and (known := self._read(key, setting, value)) is not None:
            settings[setting] = known

    def _value(self) -> str:
        quote = self._next()
        if quote and quote in _QUOTES:
            start = self.at
            self.at += 1
            value = self._until(quote)
            if self._is_at_end():
                self._fail(f"expected a closing {quote}", at=start)
            self.at += 1
            return value
        value = self._until(BLANKS + ",;")
        if not value and not self._is_at_end():
            self._fail("expected a value")
        return value

    def _read(self, key: str, setting: str, value: str | None) -> int | str | None:
        """The value, converted to its type; None if the default applies."""
        numbers = KEYS[setting]
        if numbers is _TEXT:
            return value or ""
        if value is not None and re.fullmatch("[0-9]*", value, re.ASCII):
            number = int(value.lstrip("0")[:MOST_DIGITS] or "0")
            if number in numbers:
                return number
        _log.warning("%s: %s: expected %s; the default stays", self.label, key, _range(numbers))
        return None

    def _unknown_key(self, key: str, at: int) -> None:
        # After a stray '@', a part of a password can look like a key, so only plain words are
        # quoted.
        is_shown = _is_harmless_key(key) is not None and "@" not in self.text[at:]
        shown = f"unknown key {key!r}" if is_shown else "unknown key"
        near = difflib.get_close_matches(key.lower(), self.keys, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.keys)}"
        if not self.is_faithful:
            self._fail(f"{shown} ({hint})", at=at, key=key if is_shown else None)
        _log.error("%s: column %d: %s ignored (%s)", self.label, at + 1, shown, hint)

    def _tail(self, settings: dict[str, int | str | None]) -> dict[str, int | str | None]:
        if not self.is_faithful:
            self._fail("expected ';' or the end; quote a value that contains a comma")
        return settings

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _is_at_end(self) -> bool:
        return self.at >= len(self.text)

    def _blanks(self) -> None:
        while not self._is_at_end() and self.text[self.at] in BLANKS:
            self.at += 1

    def _until(self, stops: str) -> str:
        start = self.at
        while not self._is_at_end() and self.text[self.at] not in stops:
            self.at += 1
        return self.text[start : self.at]

    def _expect(self, mark: str, where: str) -> None:
        if not self.text.startswith(mark, self.at):
            self._fail(f"expected {mark!r} {where}")
        self.at += len(mark)

    def _fail(self, problem: str, *, at: int | None = None, key: str | None = None) -> NoReturn:
        column = (self.at if at is None else at) + 1
        raise ConfigurationError(problem, file=self.label, column=column, key=key)


def _end_of_credentials(rest: str, keys: Collection[str]) -> int:
    """The position of the ``@`` that ends the credentials; negative if there are none.

    The module takes the first one, even one in the path or in a parameter (B9). Passwords that
    contain ``/`` or ``;`` depend on that. So such an ``@`` counts if the text before it cannot be
    an address.
    """
    first = re.split("[/;]", rest, maxsplit=1)[0]
    end = first.rfind("@")
    if end >= 0:
        return end
    end = rest.find("@")
    if ":" not in first or end < 0 or _is_address(first):
        return -1
    is_parameter = any(re.search(rf";\s*{key}\s*=", rest[:end]) for key in keys)
    return -1 if is_parameter else end


def _is_address(text: str) -> bool:
    """Whether this is a host with a port, and not a user with the start of a password."""
    host, _, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    return is_port and ("." in host or host.lower() == "localhost" or host.startswith("["))


def _range(numbers: range) -> str:
    return "a number" if numbers is _NUMBER else f"{numbers[0]} to {numbers[-1]}"
