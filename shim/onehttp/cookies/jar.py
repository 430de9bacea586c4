"""The cookies of one connection, in memory (RFC 6265bis, 5.7 and 5.8)."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from onehttp.cookies.parsing import SetCookie, parsed
from onehttp.cookies.suffixes import is_public_suffix
from onehttp_backends.forks import reentrant_lock
from onehttp_backends.rules.url_paths import asked_url
from onehttp_backends.secret_values import not_pickled

MOST_PER_DOMAIN: Final = 50
MOST: Final = 3000
MOST_PER_ANSWER: Final = 50
"""libcurl's limit, too: a head has room for thousands, each of which may push another out."""
MOST_SENT: Final = 150
MOST_SENT_BYTES: Final = 8190
"""Servers refuse heads that are much larger, and then every call would fail."""
_hexadecimal = re.compile(r"0x[0-9a-f]*", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie that is kept."""

    name: str
    value: str = field(repr=False)
    domain: str
    is_host_only: bool
    """Sent to the host that set it, and to none below."""
    path: str
    is_secure: bool
    """Sent by https alone."""
    expires: float | None
    """Seconds since 1970; None: it goes with the jar."""
    number: int = field(repr=False)
    """In order of creation."""

    def is_over(self, now: float) -> bool:
        """Whether it has expired; ``now`` is in seconds since 1970."""
        return self.expires is not None and self.expires <= now


class CookieJar:
    """The cookies of one connection. Any thread may use it; a forked child has a copy.

    It is never written to disk, and its repr shows names only.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bool, str, str], Cookie] = {}
        """By domain, whether for it alone, path, name; the least recently sent first."""
        self._numbers = itertools.count()
        self._changing = reentrant_lock()
        """Guards what is kept. Reentrant: a signal handler may make a call with cookies, too. What
        it finds then is whole after each statement, and what is iterated over is a copy."""

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Cookie]:
        with self._changing:
            return iter(list(self._kept.values()))

    def __contains__(self, name: object) -> bool:
        """Whether it has a cookie of this name, or this very `Cookie`."""
        return any(name in (each.name, each) for each in self)

    def __getitem__(self, name: str) -> str:
        """The value of the cookie of this name.

        Raises:
            KeyError: there is none.
            LookupError: there are several, of different domains or paths: iterate over the jar.
        """
        found = [each for each in self if each.name == name]
        if not found:
            raise KeyError(name)
        if len(found) > 1:
            places = ", ".join(sorted(f"{each.domain}{each.path}" for each in found))
            raise LookupError(
                f"several cookies are named {name!r} ({places}): iterate over the jar"
            )
        return found[0].value

    def get(self, name: str, default: str | None = None) -> str | None:
        """As ``jar[name]``, but ``default`` where there is none."""
        try:
            return self[name]
        except KeyError:
            return default

    def __repr__(self) -> str:
        return f"<CookieJar {len(self)} cookies>"

    def __reduce__(self) -> tuple[object, ...]:
        not_pickled(self)

    def clear(self) -> None:
        """Remove all cookies."""
        with self._changing:
            self._kept.clear()

    def note(self, url: str, headers: Iterable[str], now: float) -> None:
        """Keep the cookies in the ``Set-Cookie`` headers of a response from ``url``, as far as
        allowed."""
        host, path, is_https = _place(url)
        for header in itertools.islice(headers, MOST_PER_ANSWER):
            asked = parsed(header, now)
            if asked is not None and (cookie := self._made(asked, host, path, is_https)):
                self._keep(cookie, now, is_https)

    def header(self, url: str, now: float, taken: Iterable[str] = ()) -> str:
        """The ``Cookie`` header for a request to ``url``, without the names in ``taken``; may be
        empty."""
        host, path, is_https = _place(url)
        names = frozenset(taken)
        with self._changing:
            found = [
                (key, cookie)
                for key, cookie in list(self._kept.items())
                if (is_https or not cookie.is_secure)
                and (cookie.domain == host if cookie.is_host_only else _is_in(host, cookie.domain))
                and _is_below(path, cookie.path)
                and cookie.name not in names
                and not cookie.is_over(now)
            ]
            found.sort(key=lambda each: (-len(each[1].path), each[1].number))
            sent: list[str] = []
            size = 0
            for key, cookie in found[:MOST_SENT]:
                text = f"{cookie.name}={cookie.value}" if cookie.name else cookie.value
                size += len(text.encode()) + 2
                if size > MOST_SENT_BYTES:
                    break
                sent.append(text)
                if (moved := self._kept.pop(key, None)) is not None:
                    self._kept[key] = moved
        return "; ".join(sent)

    def _made(self, asked: SetCookie, host: str, path: str, is_https: bool) -> Cookie | None:
        """The cookie that ``asked`` is, where a server at ``host`` may ask for it."""
        domain = asked.domain
        if not domain.isascii():
            return None
        if domain and (_is_address(host) or is_public_suffix(domain)):
            if domain != host:
                return None
            domain = ""
        if domain and not _is_in(host, domain):
            return None
        if asked.is_secure and not is_https:
            return None
        cookie = Cookie(
            name=asked.name,
            value=asked.value,
            domain=domain or host,
            is_host_only=not domain,
            path=asked.path or _default_path(path),
            is_secure=asked.is_secure,
            expires=asked.expires,
            number=next(self._numbers),
        )
        return cookie if _keeps_its_promise(cookie, asked) else None

    def _keep(self, cookie: Cookie, now: float, is_https: bool) -> None:
        key = (cookie.domain, cookie.is_host_only, cookie.path, cookie.name)
        with self._changing:
            if not is_https and self._hides_secure(cookie):
                return
            before = self._kept.pop(key, None)
            if cookie.is_over(now):
                return
            if before is not None and not before.is_over(now):
                cookie = dataclasses.replace(cookie, number=before.number)
            self._kept[key] = cookie
            if len(self._kept) > MOST_PER_DOMAIN:
                self._make_room(cookie.domain, now)

    def _hides_secure(self, cookie: Cookie) -> bool:
        """Whether it would be sent instead of one that came by https. The lock is held."""
        return any(
            other.is_secure
            and other.name == cookie.name
            and (_is_in(other.domain, cookie.domain) or _is_in(cookie.domain, other.domain))
            and _is_below(cookie.path, other.path)
            for other in list(self._kept.values())
        )

    def _make_room(self, domain: str, now: float) -> None:
        """Let go of those that are over, then of the least recently sent. The lock is held."""
        kept = list(self._kept.items())
        gone = [key for key, each in kept if each.is_over(now)]
        left = [(key, each) for key, each in kept if not each.is_over(now)]
        of_domain = [(key, each) for key, each in left if key[0] == domain]
        of_domain.sort(key=lambda kept: kept[1].is_secure)
        gone += [key for key, _ in of_domain[: max(0, len(of_domain) - MOST_PER_DOMAIN)]]
        for key in gone:
            self._kept.pop(key, None)
        for key in list(self._kept)[: max(0, len(self._kept) - MOST)]:
            self._kept.pop(key, None)


def _keeps_its_promise(cookie: Cookie, asked: SetCookie) -> bool:
    """Whether it is what the prefix of its name says (5.7, steps 20 and 21)."""
    name = cookie.name.lower()
    if not name:
        # A server would read such a value as the name and the value of another cookie.
        return "=" not in cookie.value and not cookie.value.lower().startswith(
            ("__secure-", "__host-")
        )
    if name.startswith("__secure-"):
        return cookie.is_secure
    if name.startswith("__host-"):
        return cookie.is_secure and cookie.is_host_only and asked.path == "/"
    return True


def _place(url: str) -> tuple[str, str, bool]:
    """Host, path as it is asked for, and whether it is https."""
    from urllib.parse import urlsplit

    parts = urlsplit(asked_url(url))
    host = (parts.hostname or "").removesuffix(".")
    return host, parts.path or "/", parts.scheme == "https"


def _is_in(host: str, domain: str) -> bool:
    return host == domain or (host.endswith(f".{domain}") and not _is_address(host))


def _is_below(path: str, above: str) -> bool:
    return path == above or (
        path.startswith(above) and (above.endswith("/") or path[len(above)] == "/")
    )


def _default_path(path: str) -> str:
    return path[: path.rfind("/")] or "/"


def _is_address(host: str) -> bool:
    """Whether it is an address in any notation that a resolver reads: a name ends in no number."""
    last = host.rpartition(".")[2]
    return ":" in host or last.isdigit() or bool(_hexadecimal(last))
