from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.errors import ConfigurationError
from onehttp_compat.modules.httpcon.definition import LegacyConnection, parse_httpcon
from onehttp_compat.parameters import LegacyBugs, ModuleDefaults

MODES: tuple[LegacyBugs, ...] = ("fixed", "faithful")
DEFAULTS = ModuleDefaults(useragent="ua")


def fixed(text: str, defaults: ModuleDefaults = DEFAULTS) -> LegacyConnection:
    return parse_httpcon(text, defaults, "fixed")


def faithful(text: str, defaults: ModuleDefaults = DEFAULTS) -> LegacyConnection:
    return parse_httpcon(text, defaults, "faithful")


def refusal(text: str, mode: LegacyBugs = "fixed") -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        parse_httpcon(text, DEFAULTS, mode)
    return caught.value


def test_the_shortest_definition_is_name_scheme_and_host() -> None:
    made = fixed("a=>http://h")
    assert (made.name, made.schema, made.url) == ("a", "http", "h")
    assert (made.username, made.password, made.failover) == (None, None, None)


def test_blanks_around_the_name_and_the_arrow_do_not_count() -> None:
    made = fixed("  a \t =>  https://h:8443/base")
    assert (made.name, made.schema, made.url) == ("a", "https", "h:8443/base")


def test_a_name_may_hold_anything_but_blanks_and_the_equals_sign() -> None:
    assert fixed("a-b.c/1=>http://h").name == "a-b.c/1"


def test_blanks_after_the_url_stay_in_it() -> None:
    assert fixed("a=>http://h/echo ").url == "h/echo "
    assert fixed("a=>http://h ;timeout=1").url == "h "


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("a=>http://u:p@h", "u", "p"),
        ("a=>http://u@h", "u", None),
        ("a=>http://u:@h", "u", ""),
        ("a=>http://:p@h", "", "p"),
        ("a=>http://u:p:q@h", "u", "p:q"),
        ("a=>http://u:p%40q@h", "u", "p%40q"),
    ],
)
def test_credentials_are_read_as_they_stand(text: str, user: str, password: str | None) -> None:
    for made in (fixed(text), faithful(text)):
        assert (made.username, made.password, made.url) == (user, password, "h")


def test_b9_an_at_sign_after_the_authority_belongs_to_the_path() -> None:
    made = fixed("a=>http://h/echo?x@y;useragent=me@home")
    assert (made.username, made.url, made.useragent) == (None, "h/echo?x@y", "me@home")


def test_b9_faithful_takes_the_first_at_sign_for_the_end_of_the_credentials() -> None:
    made = faithful("a=>http://h/p;useragent=me@x")
    assert (made.username, made.password, made.url) == ("h/p;useragent=me", None, "x")
    two = faithful("a=>http://u:p@ss@h")
    assert (two.username, two.password, two.url) == ("u", "p", "ss@h")


def test_every_key_of_http_client_is_read_in_its_type() -> None:
    made = fixed(
        "a=>https://h;httpredirect=1;timeout=7;useragent=me;failover=b;maxdatasize=10;"
        "verify_peer=0;verify_host=0;tlsversion=7;client_cert=/c;client_key=/k;"
        'cipher_suites="A,B"'
    )
    assert (made.httpredirect, made.timeout, made.useragent, made.failover) == (1, 7, "me", "b")
    assert (made.maxdatasize, made.verify_peer, made.verify_host) == (10, 0, 0)
    assert (made.tlsversion, made.client_cert, made.client_key) == (7, "/c", "/k")
    assert made.cipher_suites == "A,B"


def test_curl_has_its_own_spellings() -> None:
    defaults = ModuleDefaults(module="curl")
    made = fixed("a=>https://h;verifypeer=0;verifyhost=0;sslversion=6;clientcert=/c", defaults)
    assert (made.verify_peer, made.verify_host) == (0, 0)
    assert (made.tlsversion, made.client_cert) == (6, "/c")
    with pytest.raises(ConfigurationError, match="did you mean 'verifypeer'"):
        fixed("a=>https://h;verify_peer=0", defaults)


def test_what_is_not_given_comes_from_the_defaults_of_that_moment() -> None:
    defaults = ModuleDefaults(
        connection_timeout=9, useragent="early", maxdatasize=5, httpredirect=3, authmethod=1
    )
    made = fixed("a=>http://h", defaults)
    assert (made.timeout, made.useragent, made.maxdatasize) == (9, "early", 5)
    assert (made.httpredirect, made.authmethod) == (3, 1)


def test_a_proxy_without_port_is_not_inherited() -> None:
    assert fixed("a=>http://h", ModuleDefaults(httpproxy="p")).httpproxy is None
    with_port = fixed("a=>http://h", ModuleDefaults(httpproxy="p", httpproxyport=3128))
    assert (with_port.httpproxy, with_port.httpproxyport) == ("p", 3128)


def test_the_first_value_of_a_repeated_key_counts() -> None:
    assert fixed("a=>http://h;timeout=3;timeout=9").timeout == 3


def test_a_bad_value_leaves_the_default_and_a_later_good_one_counts() -> None:
    assert fixed("a=>http://h;timeout=soon").timeout is None
    assert fixed("a=>http://h;httpredirect=2;verify_peer=2;tlsversion=8").verify_peer == 1
    assert fixed("a=>http://h;timeout=-1;timeout=5").timeout == 5


def test_an_empty_value_at_the_end_is_zero_or_empty_text() -> None:
    assert fixed("a=>http://h;timeout=").timeout == 0
    assert fixed("a=>http://h;useragent=").useragent == ""
    assert fixed("a=>http://h;useragent").useragent == ""
    assert fixed("a=>http://h;timeout").timeout is None


@pytest.mark.parametrize(
    ("tail", "useragent"),
    [
        (";useragent = x", "x"),
        (";useragent=x ", "x"),
        (";timeout=1 ; useragent=x", "x"),
        (";useragent='two words'", "two words"),
        (';useragent="it\'s; a, b"', "it's; a, b"),
        (";", "ua"),
    ],
)
def test_blanks_and_quotes_where_the_grammar_allows_them(tail: str, useragent: str) -> None:
    for made in (fixed("a=>http://h" + tail), faithful("a=>http://h" + tail)):
        assert made.useragent == useragent


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "=>"),
        ("   ", 4, "=>"),
        ("a", 2, "=>"),
        ("a http://h", 3, "=>"),
        ("a=http://h", 2, "=>"),
        ("a=>h:80", 5, "://"),
        ("a=>http:h", 8, "://"),
        ("a=>http", 8, "://"),
        ("a=>http://h;timeout=2;", 23, "key"),
        ("a=>http://h; timeout=2", 13, "blank"),
        ("a=>http://h;timeout=;useragent=x", 21, "value"),
        ("a=>http://h;useragent=two words", 27, "';'"),
        ("a=>http://h;useragent='open", 23, "closing '"),
        ("a=>http://h;;timeout=2", 13, "key"),
    ],
)
def test_a_fault_of_the_grammar_names_its_column(text: str, column: int, expected: str) -> None:
    for mode in MODES:
        error = refusal(text, mode)
        assert error.column == column
        assert expected in str(error)


def test_b10_a_comma_in_a_value_is_an_error_where_faithful_loses_the_rest() -> None:
    text = "a=>http://h;useragent=x,y;timeout=9"
    assert refusal(text).column == 24
    made = faithful(text)
    assert (made.useragent, made.timeout) == ("x", None)


def test_b11_an_unknown_key_is_named_with_a_suggestion() -> None:
    error = refusal("a=>http://h;TIMEOUT=6")
    assert error.column == 13
    assert error.key == "TIMEOUT"
    assert "did you mean 'timeout'" in str(error)


def test_b11_faithful_only_logs_an_unknown_key(caplog: pytest.LogCaptureFixture) -> None:
    assert faithful("a=>http://h;colour=blue;timeout=6").timeout == 6
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=>http://h", "a name"),
        ("a=>http:///other", "a host"),
        ("a=>http://", "a host"),
        ("a=>http://u:p@", "a host"),
        ("a=>ftp://h", "http:// or https://"),
    ],
)
def test_b42_names_hosts_and_schemes_are_checked_unless_faithful(text: str, expected: str) -> None:
    assert expected in str(refusal(text))
    assert faithful(text).schema in ("http", "ftp")


def test_the_scheme_is_matched_in_any_case() -> None:
    assert fixed("a=>HTTP://h").schema == "HTTP"


def test_a_connection_never_shows_its_password() -> None:
    assert "hunter2" not in repr(fixed("a=>http://u:hunter2@h"))
    assert "hunter2" not in repr(faithful("a=>http://u:x@y:hunter2@h"))


@given(st.text(alphabet="ab=>:/@; ,\"'\t", max_size=25), st.text(alphabet=";=, @'\"x", max_size=8))
def test_no_text_makes_an_error_show_the_password(before: str, after: str) -> None:
    for mode in MODES:
        shown = ""
        try:
            parse_httpcon(f"{before}a=>http://u:hunter2{after}@h;x=1", DEFAULTS, mode)
        except ConfigurationError as error:
            shown = str(error)
        assert "hunter2" not in shown


ANY_PASSWORD = st.text(
    st.characters(min_codepoint=1, max_codepoint=0xDFFF, exclude_characters="@"), min_size=1
)


@given(st.sampled_from(["u", "kamailio", "us-er_1"]), ANY_PASSWORD, st.booleans())
def test_a_password_of_any_bytes_ends_where_it_did(
    user: str, password: str, has_parameters: bool
) -> None:
    if ";" in password and "=" in password:
        password = password.replace("=", "")  # a parameter's value may hold an '@', too
    text = f"a=>http://{user}:{password}@h.example:80/v1" + ";timeout=9" * has_parameters
    made = fixed(text)
    assert (made.username, made.password, made.url) == (user, password, "h.example:80/v1")
    assert made == faithful(text)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("h.example:8080/users/me@home", "h.example:8080/users/me@home"),
        ("h/p?x@y", "h/p?x@y"),
        ("127.0.0.1:80/a;useragent=me@home", "127.0.0.1:80/a"),
        ("[::1]:80/me@home", "[::1]:80/me@home"),
        ("localhost:80/me@home", "localhost:80/me@home"),
        ("gateway:80/x;useragent=me@home", "gateway:80/x"),
    ],
)
def test_an_at_sign_behind_an_address_belongs_to_it(target: str, url: str) -> None:
    made = fixed(f"a=>http://{target}")
    assert (made.username, made.url) == (None, url)
