"""The recordings as values: one case an object, one file a module (see ``corpus/README.md``)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

Step = dict[str, Any]
Json = Any

ARGUMENT_NAMES: dict[str, dict[int, tuple[str, ...]]] = {
    "http_query": {
        2: ("url", "result"),
        3: ("url", "body", "result"),
        4: ("url", "body", "headers", "result"),
    },
    "http_client_get": {4: ("url", "body", "headers", "result")},
    "http_client_request": {5: ("method", "url", "body", "headers", "result")},
    "http_connect": {
        3: ("connection", "path", "result"),
        5: ("connection", "path", "content_type", "body", "result"),
    },
    "http_get_redirect": {2: ("connection", "result")},
}
"""Legacy function -> number of arguments -> what each is."""

_SAME_ARGUMENTS = {
    **dict.fromkeys(("curl_http_query", "http_client_query", "query"), "http_query"),
    **dict.fromkeys(("query_post", "query_post_hdrs"), "http_query"),
    **dict.fromkeys(("get_hdrs",), "http_client_get"),
    **dict.fromkeys(
        ("http_client_request_v2pk", "query_request", "query_request_v2pk"), "http_client_request"
    ),
    **dict.fromkeys(("curl_connect", "curl_connect_post", "http_connect_raw"), "http_connect"),
}


@dataclass(frozen=True)
class Case:
    """One recording."""

    id: str
    corpus: Path
    module: str
    revision: str
    interface: str
    params: list[list[Json]]
    config_file: str | None
    startup: dict[str, Json]
    steps: list[Step]
    attempted: list[Step] = field(default_factory=list)
    unstable_values: dict[str, list[Json]] = field(default_factory=dict)
    server_globals: dict[str, Json] = field(default_factory=dict)
    is_unstable: bool = False
    database: list[dict[str, Json]] = field(default_factory=list)

    @cached_property
    def definitions(self) -> list[str]:
        """Texts of the ``httpcon`` and ``curlcon`` parameters."""
        return [value for _, name, value in self.params if name in ("httpcon", "curlcon")]

    @cached_property
    def calls(self) -> list[dict[str, str]]:
        """The legacy calls, arguments by name, values of PV-strings as written."""
        return [named_arguments(step) for step in self.steps if not step.get("rpc")]

    @cached_property
    def is_about_time(self) -> bool:
        """Some call of it waits, or something names a time limit."""
        text = json.dumps([self.params, self.config_file, self.steps])
        return any(word in text for word in ("imeout", "imed out", '"seconds"'))

    def parameter(self, name: str, default: Json = None) -> Json:
        """The last value given to a module parameter."""
        values = [value for _, known, value in self.params if known == name]
        return values[-1] if values else default

    def __repr__(self) -> str:
        return f"<Case {self.id}>"


def is_given_up(step: Step) -> bool:
    """Whether the time of a call of the step ran out."""
    expect = step["expect"]
    counted = any(name.endswith(".timeouts") for name in expect.get("counters", {}))
    return counted or expect.get("rc") in (-1, 28)


def named_arguments(step: Step) -> dict[str, str]:
    """The text arguments of a call by name, variables replaced by what the step gave them.

    Empty for calls of an unknown shape. Bytes appear as Latin-1.
    """
    function = step["call"].rpartition(".")[2]
    shapes = ARGUMENT_NAMES[_SAME_ARGUMENTS.get(function, function)] if _is_known(function) else {}
    names = shapes.get(len(step["args"]), ())
    variables: dict[str, str] = {}
    for name, text in step.get("before", []):
        variables[name] = evaluated(text, variables.__getitem__)
    return {
        name: _expanded(argument, variables if "." not in step["call"] else {})
        for name, argument in zip(names, step["args"], strict=False)
        if isinstance(argument["value"], str)
    }


_DECODERS: Mapping[str, Callable[[str], bytes]] = {
    "hexa": bytes.fromhex,
    "base64": base64.b64decode,
}
_transformation = re.compile(r"=\$\((\w+\(\w+\))\{s\.decode\.(\w+)\}\)").fullmatch


def evaluated(text: str, variable: Callable[[str], str]) -> str:
    """The value a step gives a variable: the text, or the script expression after a ``=``."""
    if not text.startswith("="):
        return text
    expression = _transformation(text)
    if expression is None:
        raise ValueError(f"the recording uses an expression this harness does not know: {text}")
    return _DECODERS[expression[2]](variable(f"${expression[1]}")).decode("latin-1")


def _expanded(argument: dict[str, str], variables: Mapping[str, str]) -> str:
    text = argument["value"]
    if argument["kind"] == "str":
        for name, value in variables.items():
            text = text.replace(name, value)
    return text


def _is_known(function: str) -> bool:
    return function in ARGUMENT_NAMES or function in _SAME_ARGUMENTS


def read_corpus(folder: Path, modules: frozenset[str]) -> Iterator[Case]:
    """The cases of every ``*.jsonl`` in ``folder`` that are about one of ``modules``."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            raw = json.loads(line)
            if raw["module"] in modules:
                yield _case(raw, path)


def _case(raw: dict[str, Json], path: Path) -> Case:
    return Case(
        id=raw["id"],
        corpus=path,
        module=raw["module"],
        revision=raw["revision"],
        interface=raw["interface"],
        params=raw["params"],
        config_file=raw["config_file"],
        startup=raw["startup"],
        steps=raw["steps"],
        attempted=raw.get("attempted", []),
        unstable_values=raw.get("unstable_values") or {},
        server_globals=raw.get("globals", {}),
        is_unstable=raw.get("unstable", False),
        database=raw.get("database", []),
    )
