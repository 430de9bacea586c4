"""Writes YAML with comments: nested mappings, one key per line, short ones in braces."""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator, Mapping, Set
from typing import Any, Final, TypeAlias

import yaml

KeyPath: TypeAlias = tuple[str, ...]
WIDTH: Final = 100


def yaml_with_comments(
    document: Mapping[str, Any], comments: Mapping[KeyPath, list[str]], header: list[str]
) -> str:
    """Write ``document`` as YAML. Each of ``comments`` stands above the key at its path."""
    above = {path[:depth] for path in comments for depth in range(len(path))}
    lines = [*(f"# {line}".rstrip() for line in header), *_mapping(document, comments, above, ())]
    return "\n".join(lines) + "\n"


def _mapping(
    mapping: Mapping[str, Any],
    comments: Mapping[KeyPath, list[str]],
    above: Set[KeyPath],
    path: KeyPath,
) -> Iterator[str]:
    """
    Args:
        above: paths with comments further inside, which need a line for each key.
    """
    indent = "  " * len(path)
    for key, value in mapping.items():
        here = (*path, key)
        for comment in comments.get(here, ()):
            yield f"{indent}# {comment}".rstrip()
        line = f"{indent}{_key(key)}: "
        short = _inline(value)
        is_short = len(path) != 0 and len(line) + len(short) <= WIDTH
        if not isinstance(value, dict) or not value or (_is_leaf(value) and is_short
                                                        and here not in above):  # fmt: skip
            yield line + short
        else:
            yield line.rstrip()
            yield from _mapping(value, comments, above, here)


def _is_leaf(value: dict[str, Any]) -> bool:
    return not any(isinstance(item, dict) for item in value.values())


@functools.lru_cache(maxsize=1024)
def _key(key: str) -> str:
    return _inline(key)


def _inline(value: Any) -> str:
    if isinstance(value, (bool, int)):
        return str(value).lower()
    text: str = yaml.dump(
        value,
        Dumper=_ConnectionsDumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=2**30,
    )
    return text.removesuffix("...\n").rstrip("\n")


class _ConnectionsDumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # written in C where PyYAML has it
    """Bytes that are not UTF-8 arrive as surrogate escapes. YAML gets them in base64."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    raw = text.encode("utf-8", "surrogateescape")
    try:
        raw.decode()
    except UnicodeDecodeError:
        encoded = base64.b64encode(raw).decode("ascii")
        return dumper.represent_scalar("tag:yaml.org,2002:binary", encoded, style='"')
    return dumper.represent_str(text)


_ConnectionsDumper.add_representer(str, _text)
