"""A URL is judged alike whether or not it, its origin, or what it begins with was seen before."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from onehttp_backends.contract import Request
from onehttp_backends.errors import RequestError
from onehttp_backends.rules import at_sight
from onehttp_backends.rules.at_sight import LONGEST_KNOWN, NONE_YET
from onehttp_backends.rules.request_rules import check_request

KNOWN = ("http://a", "http://a:80", "https://a", "https://[::1]:8", "http://a.example")
BEGINNINGS = st.sampled_from([*KNOWN, *(origin[:-1] for origin in KNOWN), "HTTP://a", "http:/", ""])
RESTS = st.text(st.sampled_from("/?#@:[]8a %\\\x00\x1f\x7f\xa0\xe9\u2028\U0001f600"), max_size=8)


def forget() -> None:
    at_sight._last = NONE_YET


def judged(url: str) -> str | tuple[int, str]:
    try:
        return check_request(Request("GET", url))
    except RequestError as error:
        return error.code, str(error)


@given(beginning=BEGINNINGS, rest=RESTS)
@example(beginning="http://a", rest="8/")
@example(beginning="http://a", rest="8")
@example(beginning="http://a", rest="@b/")
@example(beginning="http://a", rest="?/ ")
@example(beginning="http://a", rest="/\xe9")
@example(beginning="", rest="\0")
@example(beginning="", rest="/")
def test_a_known_origin_changes_no_judgement(beginning: str, rest: str) -> None:
    url = beginning + rest
    forget()
    first = judged(url)
    assert judged(url) == first
    forget()
    for origin in KNOWN:
        for rest_of_known in ("/", "", "?", "#a", "?/"):
            assert judged(origin + rest_of_known) == origin
    assert judged(url) == first


def test_none_is_kept_that_is_long() -> None:
    forget()
    check_request(Request("GET", f"http://a/{'a' * LONGEST_KNOWN}"))
    assert at_sight._last == NONE_YET
    check_request(Request("GET", "http://a/"))
    check_request(Request("GET", f"http://a/{'a' * LONGEST_KNOWN}"))
    assert at_sight._last[0] == "http://a/"
