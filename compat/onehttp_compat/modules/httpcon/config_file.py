"""The ini-like file that ``config_file`` names, with a section for each connection.

`config_lines` reads the lines. This module knows the keys, and handles sections that cannot be made
connections.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NoReturn

from onehttp import ConfigurationError
from onehttp_compat.modules.httpcon.config_lines import Option, Section, fail, read_lines
from onehttp_compat.modules.httpcon.definition import MOST_DIGITS, LegacyConnection, inherited
from onehttp_compat.parameters import INT_MAX, LegacyBugs, ModuleDefaults

_log = logging.getLogger("onehttp_compat.config_file")

_FLAGS = dict.fromkeys(("yes", "true", "enable", "enabled", "1", "on"), 1) | dict.fromkeys(
    ("no", "false", "disable", "disabled", "0", "off"), 0
)
_TLS_NAMES = ("default", "tlsv1", "sslv2", "sslv3", "tlsv1.0", "tlsv1.1", "tlsv1.2")
"""The index of each name is libcurl's number for it."""
_EXPECTED = {
    "flag": "yes or no",
    "version": "DEFAULT, TLSv1, TLSv1.0, TLSv1.1 or TLSv1.2",
    "number": "a number",
}

_KINDS = {
    "url": "text",
    "username": "text",
    "password": "text",
    "failover": "text",
    "useragent": "text",
    "client_cert": "text",
    "client_key": "text",
    "cipher_suites": "text",
    "httpproxy": "text",
    "verify_peer": "flag",
    "verify_host": "flag",
    "httpredirect": "flag",
    "tlsversion": "version",
    "timeout": "number",
    "maxdatasize": "number",
    "httpproxyport": "number",
    "authmethod": "number",
    "keepconnections": "number",
}
_SETTINGS = {"keepconnections": "keep_connections"}
_DOCUMENTED = {"keep_connections": "keepconnections", "http_follow_redirect": "httpredirect"}
"""Spellings of the module's documentation that its code refuses (B24)."""


@dataclass(slots=True)
class _SectionDraft:
    """A section that is being made a connection."""

    section: Section
    settings: dict[str, int | str | None] = field(default_factory=dict)


def parse_config_file(
    text: str,
    path: str,
    defaults: ModuleDefaults,
    legacy_bugs: LegacyBugs = "fixed",
    *,
    taken: Collection[str] = (),
) -> list[LegacyConnection]:
    """Read the connections of a file, in the order of the file.

    ``taken`` contains the names that ``httpcon`` has defined. ``faithful`` handles a duplicate name
    or a bad ``url`` as the legacy module does (B17): it logs an error, all sections above are lost,
    and a bad ``url`` leaves a connection without an address.

    Raises:
        ConfigurationError: with file, line, column, and what was expected there.

    Source: legacy http_client, ``config_file`` grammar.
    """
    drafts: list[_SectionDraft] = []
    for line in read_lines(text, path):
        if isinstance(line, Section):
            drafts.append(_SectionDraft(line))
        elif not drafts:
            fail(path, line.line, line.column, "expected a [section] before the first key")
        else:
            _set(drafts[-1], line, path, legacy_bugs)
    return _connections(drafts, path, defaults, legacy_bugs, set(taken))


def _connections(
    drafts: list[_SectionDraft],
    path: str,
    defaults: ModuleDefaults,
    legacy_bugs: LegacyBugs,
    taken: set[str],
) -> list[LegacyConnection]:
    for draft in drafts:
        if "url" not in draft.settings:
            _refuse(draft, path, "expected a key url = scheme://host...")
    made: list[LegacyConnection] = []
    # From the last to the first, as in the legacy module, because the order decides which duplicate
    # is kept.
    for draft in reversed(drafts):
        name = draft.section.name
        problem = _problem(draft, taken, legacy_bugs)
        if problem is None:
            made.append(_connection(draft, defaults))
        elif legacy_bugs == "fixed":
            _refuse(draft, path, problem)
        else:
            _log.error("%s:%d: [%s]: %s", path, draft.section.line, name, problem)
            if name not in taken:
                made.append(LegacyConnection(name=name, schema="", url="", timeout=0))
            break
        taken.add(name)
    return made[::-1]


def _problem(draft: _SectionDraft, taken: set[str], legacy_bugs: LegacyBugs) -> str | None:
    if draft.section.name in taken:
        return "this name is defined twice; remove one of the two"
    schema, mark, rest = str(draft.settings["url"]).partition("://")
    if not mark or not rest:
        return "url: expected scheme://host..."
    if legacy_bugs == "faithful":
        return None
    if schema.lower() not in ("http", "https"):
        return "url: expected http:// or https://"
    if re.match(r"[/?#:]|\s", rest):
        return "url: expected a host after '://'"
    return None


def _connection(draft: _SectionDraft, defaults: ModuleDefaults) -> LegacyConnection:
    settings = inherited(defaults) | {"httpproxy": defaults.httpproxy} | draft.settings
    schema, _, url = str(settings.pop("url")).partition("://")
    if int(settings["httpproxyport"] or 0) <= 0:
        settings["httpproxy"] = None
    plain = LegacyConnection(name=draft.section.name, schema=schema, url=url)
    return dataclasses.replace(plain, **settings)


def _set(draft: _SectionDraft, option: Option, path: str, legacy_bugs: LegacyBugs) -> None:
    key = option.key.lower()
    if key in _DOCUMENTED and legacy_bugs == "fixed":
        _log.warning("%s:%d: the key %s is spelled %s", path, option.line, key, _DOCUMENTED[key])
        key = _DOCUMENTED[key]
    kind = _KINDS.get(key)
    if kind is None:
        near = difflib.get_close_matches(key, _KINDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(_KINDS)}"
        fail(path, option.line, option.column, f"unknown key {option.key!r} ({hint})", option.key)
    value: int | str | None = option.value
    if kind != "text":
        value = _number(kind, option, path)
        if key == "verify_host" and value:
            value = 2
    elif not value and key != "url":
        value = None
    draft.settings[_SETTINGS.get(key, key)] = value


def _number(kind: str, option: Option, path: str) -> int:
    text = option.value.lower()
    if kind == "flag" and text in _FLAGS:
        return _FLAGS[text]
    if kind == "version" and text in _TLS_NAMES:
        return _TLS_NAMES.index(text)
    if kind == "number" and re.fullmatch("[0-9]+", text, re.ASCII):
        number = int(text.lstrip("0")[:MOST_DIGITS] or "0")
        if number <= INT_MAX:
            return number
    at = option.value_line, option.value_column
    return fail(path, *at, f"{option.key}: expected {_EXPECTED[kind]}", option.key)


def _refuse(draft: _SectionDraft, path: str, problem: str) -> NoReturn:
    section = draft.section
    raise ConfigurationError(
        f"[{section.name}]: {problem}",
        file=path,
        line=section.line,
        column=section.column,
        key=section.name,
    )
