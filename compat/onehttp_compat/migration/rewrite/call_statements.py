"""Writes the statements that replace a legacy call."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from textwrap import indent

from onehttp_compat.migration.rewrite.call_code import RewrittenCall
from onehttp_compat.migration.rewrite.free_names import free_name

_STEP = " " * 4


def statements(
    exchange: RewrittenCall, ksr: str, code: str | None, taken: Collection[str]
) -> Iterator[str]:
    """Return the text of each statement.

    Args:
        ksr: the script's name for ``KSR``.
        code: the variable that gets the old return code; None if it is not used.
        taken: names that the script uses already.
    """
    response, error, value = (free_name(one, taken) for one in ("response", "error", "value"))
    yield from exchange.before
    failure = exchange.failure.replace("error", error)
    tried = [f"{response} = {exchange.request}"]
    if code:
        tried.append(f"{code} = {response}.status")
    status = code or f"{response}.status"
    store = f"{ksr}.pv.sets({exchange.result}, "
    got = f"{response}{exchange.value}"
    caught = f"except onehttp.TransferError{f' as {error}' if error in failure else ''}:"
    if exchange.keeps_value:
        tried += [f"if 200 <= {status} < 500:", f"{_STEP}{store}{got})"]
        yield _try(tried, caught, f"{code} = {failure}" if code else "pass")
        return
    tried.append(f'{value} = {got} if 200 <= {status} < 500 else ""')
    failed = f'{code}, {value} = {failure}, ""' if code else f'{value} = ""'
    if not code:
        caught = "except onehttp.TransferError:"
    yield _try(tried, caught, failed)
    yield f"{store}{value})"


def _try(tried: list[str], caught: str, failed: str) -> str:
    lines = "\n".join(tried)
    return f"try:\n{indent(lines, _STEP)}\n{caught}\n{_STEP}{failed}"
