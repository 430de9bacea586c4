"""Comments and positions in the file that ``config_file`` names, which was already parsed."""

from __future__ import annotations

from pathlib import Path

from onehttp_compat.convert.declared import Declarations, Key
from onehttp_compat.modules.httpcon.config_lines import (
    Comment,
    Option,
    Section,
    read_commented_lines,
)
from onehttp_compat.server_config.files import read_text


def read_comments(declared: Declarations, module: str, path: str) -> None:
    """Keep them for the document and the report."""
    waiting: list[Comment] = []
    key: Key | None = None
    for line in read_commented_lines(read_text(Path(path)), path):
        if key is None and waiting and waiting[-1].line < line.line - 1:
            declared.header += [comment.text for comment in waiting]
            waiting = []
        if isinstance(line, Comment):
            if line.is_alone or key is None:
                waiting.append(line)
            else:
                declared.comments.setdefault(key, []).append(line.text)
            continue
        key = _key(module, key, line)
        declared.places[key] = f"{path}:{line.line}"
        declared.comments.setdefault(key, []).extend(comment.text for comment in waiting)
        waiting = []
    declared.header += [comment.text for comment in waiting]


def _key(module: str, before: Key | None, line: Section | Option) -> Key:
    if isinstance(line, Section):
        return module, line.name, ""
    return module, before[1] if before else "", line.key.lower()
