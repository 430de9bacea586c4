"""Checks that the values of a row fit its columns."""

from __future__ import annotations

from typing import Any, Final

from onehttp.xcap.errors import RowRefusedError
from onehttp.xcap.store.rows import StoredDocument

_WIDTHS: Final = {"username": 64, "domain": 64, "etag": 128, "doc_uri": 255}


def values_of(document: StoredDocument) -> dict[str, Any]:
    """Return the values of a row's columns.

    Raises:
        RowRefusedError: a value is too long.
    """
    values = {name: getattr(document, name) for name in StoredDocument.__slots__}
    check_widths(values)
    return values


def check_widths(values: dict[str, Any]) -> None:
    """Raise RowRefusedError if a value does not fit its column."""
    for name, width in _WIDTHS.items():
        if len(values.get(name, "")) > width:
            raise RowRefusedError(
                f"{name}: {len(values[name])} characters, but the column holds {width}: "
                f"{values[name][:40]!r}..."
            )
