"""What was measured of clients, as tables: each beside the floor, and where onehttp is first."""

from __future__ import annotations

from benchmarks.peers.measuring import Figure, Found
from benchmarks.peers.programs import CALL, WIDTHS, at_once

OURS = "onehttp"
FLOOR = "bare"
_NAMES = {
    (FLOOR, CALL): "**bare reused easy handle**",
    (FLOOR, "set anew"): "easy handle, reset and set for each call",
    (OURS, CALL): "**`onehttp.request`**",
    (OURS, "named"): "**named connection**",
    (OURS, "url alone"): "`onehttp.request(url)`, no header",
    (OURS, "headers, timeout"): "`onehttp.request`, header and timeout",
}
AT_MOST = {
    (CALL, "primp"): 0.95,
    (CALL, "wreq"): 0.65,
    (CALL, "pyreqwest"): 0.75,
    (at_once(64), "wreq"): 0.85,
    (at_once(64), "pyreqwest"): 0.50,
    (at_once(64), "aiohttp"): 0.30,
    (at_once(512), "wreq"): 0.90,
}
"""What onehttp may cost over a peer."""


def tables(found: Found) -> str:
    """All of them, as Markdown."""
    cases = [at_once(width) for width in WIDTHS]
    blocking = {key: each for key, each in found.items() if key[1] not in cases}
    parts = [_beside_floor("one call, blocking, one header", blocking, found[FLOOR, CALL])]
    for case in cases:
        crowd = {key: each for key, each in found.items() if key[1] == case}
        parts.append(_beside_floor(f"asyncio, {case}", crowd, found[FLOOR, case]))
    return "\n\n".join([*parts, _where_first(found)])


def _beside_floor(what: str, found: Found, floor: Figure) -> str:
    lines = [f"| {what} | us, median (range) | over the floor |", "|---|---|---|"]
    lines.extend(
        f"| {_name(client, case)} | {figure} | {figure.median / floor.median:.2f} |"
        for (client, case), figure in sorted(found.items(), key=lambda each: each[1].median)
    )
    return "\n".join(lines)


def _name(client: str, case: str) -> str:
    if (client, case) in _NAMES:
        return _NAMES[client, case]
    if client == FLOOR:
        return "raw CurlMulti, no asyncio"
    if client.startswith(OURS):
        how = client.removeprefix(OURS)
        return f"**{_NAMES.get((OURS, case), '`onehttp.arequest`').strip('*')}{how}**"
    return client


def _where_first(found: Found) -> str:
    lines = [
        "| onehttp beside | case | ratio | at most | reached | first |",
        "|---|---|---|---|---|---|",
    ]
    for (client, case), figure in found.items():
        if client.startswith((OURS, FLOOR)):
            continue
        ratio = found[OURS, case].median / figure.median
        limit = AT_MOST.get((case, client))
        reached = "" if limit is None else "yes" if ratio <= limit else "**no**"
        first = "yes" if ratio < 1 else "**no**"
        lines.append(f"| {client} | {case} | {ratio:.2f} | {limit or ''} | {reached} | {first} |")
    return "\n".join(lines)
