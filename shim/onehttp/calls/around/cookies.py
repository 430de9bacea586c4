"""A layer that sends the cookies in the connection's jar, and stores new ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onehttp.calls.course import Course
from onehttp.cookies.jar import CookieJar
from onehttp.policies.deadline import Deadline
from onehttp_backends.contract import Request, Response

COOKIE: Final = "Cookie"


class WithCookies:
    """The course around each exchange on connections that keep cookies."""

    __slots__ = ("_jars",)

    def __init__(self, jars: Mapping[str, CookieJar]) -> None:
        self._jars = jars

    def __call__(self, request: Request, deadline: Deadline) -> Course:
        """Send ``request`` with the cookies of its connection, if that keeps any."""
        jar = self._jars.get(request.options.name)
        if jar is None:
            outcome = yield request
            assert outcome is not None
            return outcome
        now = deadline.clock.wall()
        outcome = yield _with_cookies(request, jar, now)
        assert outcome is not None
        if isinstance(outcome, Response) and b"\nset-cookie:" in outcome.head.lower():
            for headers in (*outcome.earlier_headers, outcome.headers):
                jar.note(request.url, headers.get_all("set-cookie"), now)
        return outcome


def _with_cookies(request: Request, jar: CookieJar, now: float) -> Request:
    own = [pair for pair in request.headers if pair[0].lower() == "cookie"]
    given = "; ".join(value for _, value in own)
    taken = [part.partition("=")[0].strip() for part in given.split(";")] if given else ()
    kept = jar.header(request.url, now, taken)
    if not kept:
        return request
    others = tuple(pair for pair in request.headers if pair[0].lower() != "cookie")
    return request._replace(headers=(*others, (COOKIE, f"{given}; {kept}" if given else kept)))
