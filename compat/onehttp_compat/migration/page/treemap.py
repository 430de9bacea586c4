"""A treemap: rectangles whose areas are proportional to weights, and which are almost squares.

Squarified, after Bruls, Huizing and van Wijk, *Squarified Treemaps*, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 100.0, 40.0
"""The size of the whole, in the units of `Tile`. The page stretches it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The position of a rectangle, in percent of the whole."""

    left: float
    top: float
    width: float
    height: float


def treemap(weights: Sequence[int]) -> list[Tile]:
    """Return a tile for each weight. Weights must be positive and in descending order."""
    left, top, width, height = 0.0, 0.0, WIDTH, HEIGHT
    scale = WIDTH * HEIGHT / (sum(weights) or 1)
    areas = [weight * scale for weight in weights]
    tiles: list[Tile] = []
    while areas:
        short = min(width, height)
        count = 1
        while count < len(areas) and _worst(areas[: count + 1], short) <= _worst(
            areas[:count], short
        ):
            count += 1
        row, areas = areas[:count], areas[count:]
        depth = sum(row) / short
        along = 0.0
        for area in row:
            length = area / depth
            if width >= height:
                tiles.append(_tile(left, top + along, depth, length))
            else:
                tiles.append(_tile(left + along, top, length, depth))
            along += length
        if width >= height:
            left, width = left + depth, width - depth
        else:
            top, height = top + depth, height - depth
    return tiles


def _worst(row: Sequence[float], short: float) -> float:
    """The worst ratio of the sides of a rectangle in a row."""
    total = sum(row)
    return max(short**2 * max(row) / total**2, total**2 / (short**2 * min(row)))


def _tile(left: float, top: float, width: float, height: float) -> Tile:
    across, down = 100 / WIDTH, 100 / HEIGHT
    return Tile(
        *(round(one, 3) for one in (left * across, top * down, width * across, height * down))
    )
