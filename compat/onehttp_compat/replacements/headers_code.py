"""Header blobs as the pairs that ``onehttp`` takes, in code."""

from __future__ import annotations

from typing import Final

from onehttp_compat.replacements.call_site import Given, code_of
from onehttp_compat.wire.header_blob import HeaderBlobError, parse_blob

MAX_LINE: Final = 60
"""So long may a call be in one line; it is shown indented in a window of 80 columns."""
FORM = ("Content-Type", "application/x-www-form-urlencoded")
"""What libcurl says of a body that nobody says anything of."""


def headers_code(blob: Given | None, has_body: bool) -> str:
    """A list of pairs, for ``headers=``; empty where there is nothing to say."""
    if blob is None or blob.is_left_out:
        return code_of([FORM]).replace("'", '"') if has_body else ""
    if not isinstance(blob.literal, str):
        return f'[tuple(line.split(": ", 1)) for line in ({blob.code}).split("\\r\\n") if line]'
    try:
        pairs_given = list(parse_blob(blob.literal))
    except HeaderBlobError:
        return ""
    names = {name.lower() for name, _ in pairs_given}
    if has_body and "content-type" not in names:
        pairs_given.append(FORM)
    return list_code(pairs_given)


def list_code(pairs: list[tuple[str, str]]) -> str:
    """Pairs as a list in code; empty for none."""
    inside = ", ".join(f"({code_of(name)}, {code_of(value)})" for name, value in pairs)
    return f"[{inside}]" if pairs else ""


def call_code(function: str, *positional: str, **keywords: str) -> str:
    """A call; keywords without a value are left out. Long ones have a line for each argument."""
    given = [*positional, *(f"{name}={value}" for name, value in keywords.items() if value)]
    line = f"{function}({', '.join(given)})"
    if len(line) <= MAX_LINE:
        return line
    return "\n".join([f"{function}(", *(f"    {one}," for one in given), ")"])
