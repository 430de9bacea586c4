"""Reads the bodies of routes: finds the end by the balanced braces, and records the calls of
functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from onehttp_compat.server_config.declarations import RouteArgument, RouteCall
from onehttp_compat.server_config.places import ConfigPlace
from onehttp_compat.server_config.stream import TokenStream
from onehttp_compat.server_config.tokens import Token

_KEYWORDS: Final = frozenset(
    ("if", "while", "switch", "return", "and", "or", "not", "else", "case")
)
_LONGEST_ARGUMENT: Final = 64
"""Tokens. The limit keeps a call without a closing parenthesis from collecting the rest of the
file."""


@dataclass(slots=True)
class _Open:
    """A call whose closing parenthesis was not read yet."""

    name: str
    place: ConfigPlace
    arguments: list[list[Token]] = field(default_factory=lambda: [[]])
    is_call: bool = True


def read_body(stream: TokenStream, route: str, found: list[RouteCall]) -> ConfigPlace | None:
    """Read a body up to its closing brace; the opening one was read already.

    Returns:
        The place of the closing brace. None at the end of the file, or before a statement that
        cannot be inside a body.
    """
    depth = 1
    open_calls: list[_Open] = []
    name: Token | None = None
    while (token := stream.next()).kind != "end":
        if token.kind == "mark":
            text = token.text
            if text == "{":
                depth += 1
                open_calls.clear()
            elif text == "}":
                depth -= 1
                open_calls.clear()
                if not depth:
                    return token.place
            elif text == ";":
                open_calls.clear()
            elif text == "(":
                is_call = name is not None and name.text not in _KEYWORDS
                first = name or token
                open_calls.append(_Open(first.text, first.place, is_call=is_call))
            elif text == ")" and open_calls:
                _close(open_calls, route, found)
            elif text == "," and open_calls:
                open_calls[-1].arguments.append([])
            elif open_calls:
                _add(open_calls, token)
            name = None
            continue
        if token.begins_line and token.kind == "word" and stream.begins_statement(token):
            stream.push(token)
            return None
        name = token if token.kind == "word" else None
        if open_calls:
            _add(open_calls, token)
    stream.push(token)
    return None


def _add(open_calls: list[_Open], token: Token) -> None:
    argument = open_calls[-1].arguments[-1]
    if len(argument) < _LONGEST_ARGUMENT:
        argument.append(token)


def _close(open_calls: list[_Open], route: str, found: list[RouteCall]) -> None:
    one = open_calls.pop()
    arguments = tuple(map(_argument, one.arguments))
    if arguments == (_NOTHING,):
        arguments = ()
    if one.is_call:
        found.append(RouteCall(one.place, one.name, arguments, route))
    if open_calls:
        inner = ", ".join(argument.text for argument in arguments)
        text = f"{one.name}({inner})" if one.is_call else f"({inner})"
        _add(open_calls, Token("mark", text, *one.place))


_NOTHING: Final = RouteArgument("", "other")


def _argument(tokens: list[Token]) -> RouteArgument:
    if len(tokens) == 1 and tokens[0].kind in ("string", "number"):
        return RouteArgument(tokens[0].text, tokens[0].kind)
    return RouteArgument(" ".join(written(token) for token in tokens), "other")


def written(token: Token) -> str:
    """Return a token in the notation of a configuration."""
    return f'"{token.text}"' if token.kind == "string" else token.text
