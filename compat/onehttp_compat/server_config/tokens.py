"""Tokens of the server's configuration language, and the expressions that tell them apart.

word      letters, digits and ``_``               number    12, 0x1F, 017, 101b
string    "..." with escapes, "..." "..." is one; '...' without either
variable  $name, $name(...), $(...): parentheses are counted, nothing else means anything
comment   # and // to the end of the line, /* ... */ nested
directive #!name or !!name, and what it takes
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias

from onehttp_compat.server_config.places import ConfigPlace

TokenKind: TypeAlias = Literal["word", "number", "string", "variable", "mark", "end"]

DEFINING: Final = ("define", "def", "trydefine", "trydef", "redefine", "redef")
FROM_ENVIRONMENT: Final = ("defenv", "defenvs", "trydefenv", "trydefenvs")
FROM_EXPRESSION: Final = ("defexp", "defexps")
SUBSTITUTING: Final = ("subst", "substdef", "substdefs")
BEGINNING: Final = ("ifdef", "ifndef", "ifexp")
INCLUDING: Final = ("include_file", "import_file")
_WITH_ARGUMENT: Final = "|".join(
    (*DEFINING, *FROM_ENVIRONMENT, *FROM_EXPRESSION, *SUBSTITUTING, *BEGINNING, *INCLUDING)
)

# No alternation is repeated that could match a text of megabytes.
scan: Final = re.compile(
    rf"""
    [ \t]*(?:
    (?P<word>[A-Za-z0-9_]+)
    | (?P<blank>[\r\n][ \t\r\n]*)
    | [#!]!(?:(?P<bare>else|endif)[ \t]*\r?(?:\n|\Z) | (?P<directive>{_WITH_ARGUMENT})(?=[ \t]))
    | (?P<comment>(?:\#|//)[^\n]*)
    | (?P<block>/\*)
    | (?P<string>"[^"\\]*(?:\\.[^"\\]*)*")
    | (?P<tick>'[^']*')
    | (?P<variable>\$(?:\(|[A-Za-z0-9_]+\(?)?)
    | (?P<junk>[^\t\n\r -~]+)
    | (?P<mark>.)
    )
    """,
    re.VERBOSE | re.DOTALL,
).match
"""Matches the next token after the blanks of its line. Text that the server's lexer ignores is
``junk``."""

skip_to: Final = re.compile(
    r"[#!]!(?:(?P<begin>ifdef|ifndef|ifexp)[ \t]|(?P<bare>else|endif)[ \t]*\r?(?:\n|\Z))"
).search
"""Matches the next directive that counts in an excluded part. There it counts anywhere, even in a
comment or a string."""

find_parenthesis: Final = re.compile(r"[()]").search
find_comment_mark: Final = re.compile(r"/\*|\*/").search
match_blanks: Final = re.compile(r"[ \t\r\n]*").match
match_line_rest: Final = re.compile(r"[^\n]*").match

is_boolean: Final = {
    **dict.fromkeys(("yes", "true", "on", "enable"), 1),
    **dict.fromkeys(("no", "false", "off", "disable"), 0),
}.get
"""The number of a boolean word. Only these spellings count."""

_number = re.compile(r"(0x[0-9a-fA-F]+)|([01]+)b|(0[0-7]+)|(0|[1-9][0-9]*)").fullmatch
_escape = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{1,2})|(\n)|(.))", re.DOTALL)
_escapes: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", '"': '"', "\\": "\\"}


class Token(NamedTuple):
    """A token. The text of a string is its value, with escapes and substitutions applied. A token
    from a replacement has the place of its use."""

    kind: TokenKind
    text: str
    file: str
    line: int
    column: int
    begins_line: bool = False

    @property
    def place(self) -> ConfigPlace:
        return ConfigPlace(self.file, self.line, self.column)

    def is_mark(self, text: str) -> bool:
        return self.text == text and self.kind == "mark"

    @property
    def named(self) -> str:
        """The token as messages show it."""
        return {"string": "a text", "end": "the end"}.get(self.kind, self.text)


def number_of(word: str) -> int | None:
    """The number that a word represents: decimal, hexadecimal, octal, or binary with a ``b`` at the
    end."""
    found = _number(word)
    if found is None:
        return None
    base = {1: 16, 2: 2, 3: 8, 4: 10}[found.lastindex or 4]
    return int(found[found.lastindex or 4], base)


def unescaped(inner: str) -> str:
    """Return the text of a string in double quotes, with escapes resolved. Unknown escapes stay."""
    return _escape.sub(_unescaped, inner) if "\\" in inner else inner


def _unescaped(match: re.Match[str]) -> str:
    octal, hexadecimal, line_end, other = match.groups()
    if octal or hexadecimal:
        byte = bytes([int(octal, 8) & 0xFF if octal else int(hexadecimal, 16)])
        return byte.decode("utf-8", "surrogateescape")
    if line_end:
        return ""
    return _escapes.get(other, match[0])
