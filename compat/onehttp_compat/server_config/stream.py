"""A stream of tokens with lookahead, which knows the words that only begin statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from onehttp_compat.server_config.tokens import Token

ROUTES: Final = frozenset(
    (
        *("route", "request_route", "reply_route", "onreply_route", "failure_route"),
        *("branch_route", "onsend_route", "error_route", "event_route", "local_route"),
        *("startup_route", "timer_route", "main_route"),
    )
)
SETTING_PARAMETERS: Final = frozenset(("modparam", "modparamx"))
LOADING: Final = frozenset(("loadmodule", "loadmodulex", "loadpath", "mpath"))
STATEMENTS: Final = ROUTES | SETTING_PARAMETERS | LOADING


class TokenStream:
    """The tokens of a lexer. Tokens can be put back."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self._tokens = tokens
        self._back: list[Token] = []
        self._end: Token | None = None

    def next(self) -> Token:
        """Return the next token. At the end, the last one is returned again and again."""
        if self._back:
            return self._back.pop()
        if self._end is not None:
            return self._end
        token = next(self._tokens)
        if token.kind == "end":
            self._end = token
        return token

    def peek(self) -> Token:
        """Return the next token without removing it."""
        token = self.next()
        self.push(token)
        return token

    def push(self, *tokens: Token) -> None:
        """Put tokens back, so that they are returned next."""
        self._back.extend(reversed(tokens))

    def begins_statement(self, word: Token) -> bool:
        """Whether a word that was just read begins a statement that cannot stand inside a route."""
        if word.text not in STATEMENTS:
            return False
        if word.text not in ROUTES:
            return True
        return (self.peek().text in ("[", "{") and word.text != "route") or (
            word.text == "route" and self.peek().is_mark("[")
        )
