"""The ``Date`` header of SIP (RFC 3261, 20.17): always GMT, always these 29 characters."""

from __future__ import annotations

import datetime
import re
from email.utils import formatdate

from onehttp.identity.errors import InvalidIdentityError, check_text
from onehttp_backends.hints.keywords import explained

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_date = re.compile(
    rf"\s*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) [Gg][Mm][Tt]"
).match


@explained
def parse_date(text: str) -> int:
    """Seconds since 1970. The day of the week is not compared; what follows ``GMT`` is ignored.

    Raises:
        InvalidIdentityError: not a date of this form, or none of the calendar.
    """
    check_text("Date", text)
    match = _date(text)
    if match is None:
        raise InvalidIdentityError(
            f"Date: {text[:40]!r} is not like 'Thu, 01 Jan 1970 00:00:00 GMT'"
        )
    day, month, year, hour, minute, second = match.groups()
    try:
        when = datetime.datetime(
            *(int(year), _MONTHS.index(month) + 1, int(day)),
            *(int(hour), int(minute), int(second)),
            tzinfo=datetime.timezone.utc,
        )
    except ValueError as error:
        raise InvalidIdentityError(f"Date: {text[:40]!r}: {error}") from None
    return int(when.timestamp())


@explained
def format_date(seconds: float) -> str:
    """The header's text for a time."""
    return formatdate(int(seconds), usegmt=True)
