"""The target of a ``Location`` header: RFC 3986, and what servers send in spite of it.

It is read as bytes. Characters that no URL may contain (blanks, control characters, non-ASCII) are
percent-encoded as they are. Nothing is decoded, since a server that sends Latin-1 expects Latin-1
back.
"""

from __future__ import annotations

import re
from typing import Final

from onehttp.urls import ascii_authority
from onehttp_backends.errors import CurlCode, RedirectError, RequestError, Sent
from onehttp_backends.rules.request_rules import check_url
from onehttp_backends.rules.url_paths import without_dot_segments

_scheme = re.compile("([A-Za-z][A-Za-z0-9+.-]*):(/*)").match
_parts = re.compile(r"([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL).fullmatch
_not_in_a_url = re.compile(rb"[^\x21-\x7e]")
_hides_a_delimiter = re.compile(r"%(?:23|2[Ff]|3[AaFf]|40|5[B-Db-d])").search
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
MOST_SLASHES: Final = 3
"""libcurl and browsers take one to three slashes before a host for two."""


def target(base: str, location: str) -> str:
    """The URL that ``location`` of a response from ``base`` leads to.

    Args:
        location: the value of the header, its bytes as Latin-1.

    Raises:
        RedirectError: code 3: it is no URL; code 1: its scheme is neither http nor https.
    """
    reference = _escaped(location.strip(" \t"))
    scheme, _, rest = base.partition("://")
    if found := _scheme(reference):
        scheme, slashes = found[1].lower(), len(found[2])
        if scheme not in _DEFAULT_PORTS:
            raise _refused(CurlCode.UNSUPPORTED_PROTOCOL, f"scheme {scheme!r}, not http or https")
        rest = reference[found.end() :]
    elif reference.startswith("//"):
        rest = reference.lstrip("/")
        slashes = len(reference) - len(rest)
    else:
        return _merged(base, reference)
    if not 1 <= slashes <= MOST_SLASHES:
        raise _refused(CurlCode.URL_MALFORMAT, "no host after its scheme")
    return _built(scheme, rest, base)


def origin(url: str) -> str:
    """``scheme://host[:port]`` in canonical form: lower case, without a default port."""
    found = check_url(url).lower()
    return found.removesuffix(_DEFAULT_PORTS[found.partition(":")[0]])


def _merged(base: str, reference: str) -> str:
    """A reference without scheme and host (RFC 3986, 5.2.2 and 5.2.3)."""
    scheme, _, rest = base.partition("://")
    whole = _parts(rest)
    named = _parts(reference)
    assert whole is not None
    assert named is not None
    authority, slash, path = whole[1].partition("/")
    path, query = slash + path, named[2]
    if named[1].startswith("/"):
        path = named[1]
    elif named[1]:
        path = f"{path.rpartition('/')[0]}/{named[1]}"
    elif query is None:
        query = whole[2]
    return _built(scheme, f"{authority}{path}{query or ''}{named[3] or ''}", base)


def _built(scheme: str, rest: str, base: str) -> str:
    parts = _parts(rest)
    assert parts is not None
    authority, slash, path = parts[1].partition("/")
    if "@" in authority:
        raise _refused(CurlCode.URL_MALFORMAT, "credentials before '@'")
    # The fragment of the request holds for where it is sent on to (RFC 9110, 10.2.2).
    fragment = parts[3] or "".join(base.partition("#")[1:])
    try:
        place = f"{scheme}://{_host(authority).removesuffix(':')}"
        check_url(place)
    except RequestError as error:
        raise _refused(error.code, error.message) from None
    return f"{place}{without_dot_segments(slash + path) or '/'}{parts[2] or ''}{fragment}"


def _host(authority: str) -> str:
    if "%" not in authority:
        return authority
    if _hides_a_delimiter(authority):  # who reads the host would read another one
        raise RequestError(CurlCode.URL_MALFORMAT, "its host is no name of a host")
    from urllib.parse import unquote_to_bytes

    try:
        return ascii_authority(unquote_to_bytes(authority).decode())
    except UnicodeDecodeError:
        raise RequestError(CurlCode.URL_MALFORMAT, "its host is no UTF-8 text") from None


def _escaped(location: str) -> str:
    raw = location.encode("latin-1", "replace")
    return _not_in_a_url.sub(lambda found: b"%%%02X" % found[0][0], raw).decode("ascii")


def _refused(code: int, reason: str) -> RedirectError:
    return RedirectError(code, f"redirect refused: {reason}", sent=Sent.YES)
