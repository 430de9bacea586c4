from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp.errors import ConfigurationError
from onehttp_compat.modules.httpcon.config_file import parse_config_file
from onehttp_compat.modules.httpcon.definition import LegacyConnection
from onehttp_compat.parameters import LegacyBugs, ModuleDefaults

MODES: tuple[LegacyBugs, ...] = ("fixed", "faithful")
DEFAULTS = ModuleDefaults(useragent="ua", maxdatasize=77)


def parse(
    text: str,
    mode: LegacyBugs = "fixed",
    defaults: ModuleDefaults = DEFAULTS,
    taken: tuple[str, ...] = (),
) -> list[LegacyConnection]:
    return parse_config_file(text, "http.cfg", defaults, mode, taken=taken)


def one(
    keys: str, mode: LegacyBugs = "fixed", defaults: ModuleDefaults = DEFAULTS
) -> LegacyConnection:
    (made,) = parse(f"[a]\nurl = http://h\n{keys}\n", mode, defaults)
    return made


def refusal(text: str, mode: LegacyBugs = "fixed") -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, mode)
    return caught.value


def test_an_empty_file_has_no_connections() -> None:
    assert parse("") == []
    assert parse("# only a comment\n\n  \n") == []


def test_a_section_is_a_connection_and_the_order_is_kept() -> None:
    made = parse("[a]\nurl = http://{}\n\n[ b ]  # second\nurl=https://h/x".replace("{}", "g"))
    assert [(c.name, c.schema, c.url) for c in made] == [("a", "http", "g"), ("b", "https", "h/x")]


def test_every_key_is_read_in_its_type() -> None:
    made = one(
        'username = user\npassword = secret\nfailover = b\nuseragent = "two words"\n'
        "client_cert = /c\nclient_key = /k\ncipher_suites = A:B\nverify_peer = no\n"
        "verify_host = Enabled\nhttpredirect = on\ntlsversion = tlsV1.2\ntimeout = 3\n"
        'maxdatasize = "20"\nhttpproxy = p\nhttpproxyport = 3128\nauthmethod = 1\n'
        "keepconnections = 1"
    )
    assert (made.username, made.password, made.failover) == ("user", "secret", "b")
    assert (made.useragent, made.client_cert, made.client_key) == ("two words", "/c", "/k")
    assert (made.cipher_suites, made.verify_peer, made.verify_host) == ("A:B", 0, 2)
    assert (made.httpredirect, made.tlsversion, made.timeout, made.maxdatasize) == (1, 6, 3, 20)
    assert (made.httpproxy, made.httpproxyport, made.authmethod) == ("p", 3128, 1)
    assert made.keep_connections == 1


def test_what_is_not_given_comes_from_the_module_parameters() -> None:
    made = one("")
    assert (made.useragent, made.maxdatasize, made.timeout) == ("ua", 77, None)


def test_an_empty_text_takes_an_inherited_default_away() -> None:
    assert one('useragent = ""').useragent is None


def test_the_last_value_of_a_repeated_key_counts() -> None:
    assert one("timeout = 3\nTIMEOUT = 9").timeout == 9


def test_credentials_in_the_url_stay_there() -> None:
    (made,) = parse("[a]\nurl = http://u:hunter2@h/\n")
    assert (made.username, made.url) == (None, "u:hunter2@h/")
    assert "hunter2" not in repr(made)


def test_a_proxy_counts_only_with_a_port() -> None:
    assert one("httpproxy = p").httpproxy is None
    assert one("httpproxyport = 80", defaults=ModuleDefaults(httpproxy="q")).httpproxy == "q"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"a b;c#d{é}"', "a b;c#d{é}"),
        ('"x\\"y\\\\z\\n\\r\\t"', 'x"y\\z\n\r\t'),
        ('"two\nlines"', "two\nlines"),
        ('"joined \\\nlines"', "joined lines"),
        ("plain # comment", "plain"),
        ("a\\#b\\ c", "a#b c"),
        ("jo\\\nined", "joined"),
        ("\\nothing", "\\nothing"),
        ("it's[]/@!$%&*()-+|?,.;:=", "it's[]/@!$%&*()-+|?,.;:="),
        ('in"side', 'in"side'),
    ],
)
def test_values_are_unquoted_and_unescaped(written: str, read: str) -> None:
    assert one(f"useragent = {written}").useragent == read


def test_lines_may_end_in_crlf_and_the_last_one_in_nothing() -> None:
    (made,) = parse("[a]\r\nurl = http://h\r\ntimeout = 3")
    assert (made.url, made.timeout) == ("h", 3)


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("url = http://h\n", 1, 1, "[section]"),
        ("[a-b]\n", 1, 3, "']'"),
        ('["a"]\n', 1, 2, "section name"),
        ("[a]\n; comment\n", 2, 1, "comment"),
        ("\ufeff[a]\n", 1, 1, "[section]"),
        ("[a]\nurl http://h\n", 2, 5, "'='"),
        ("[a]\nurl =\n", 2, 6, "a value"),
        ("[a]\nurl = http://{h}\n", 2, 14, "quote"),
        ("[a]\nurl = http://h\nuseragent = two words\n", 3, 17, "end of the line"),
        ('[a]\nurl = "http://h\n', 2, 7, "closing"),
        ('[a]\nurl = "\\x"\n', 2, 9, "after '\\'"),
        ("[a]\nurl = http://h\ncolour = blue\n", 3, 1, "unknown key 'colour'"),
        ("[a]\nurl = http://h\nverify_host = 2\n", 3, 15, "yes or no"),
        ("[a]\nurl = http://h\nkeepconnections = yes\n", 3, 19, "a number"),
        ("[a]\nurl = http://h\ntimeout = -1\n", 3, 11, "a number"),
        ("[a]\nurl = http://h\ntimeout = 2147483648\n", 3, 11, "a number"),
        ("[a]\nurl = http://h\ntimeout = " + "9" * 400, 3, 11, "a number"),
        ("[a]\nurl = http://h\ntlsversion = TLSv1.3\n", 3, 14, "TLSv1.2"),
        ("[a]\nurl = http://h\nuseragent = " + "x" * 513, 3, 13, "512 bytes"),
    ],
)
def test_a_fault_names_file_line_and_column(
    text: str, line: int, column: int, expected: str
) -> None:
    for mode in MODES:
        error = refusal(text, mode)
        assert (error.file, error.line, error.column) == ("http.cfg", line, column)
        assert expected in str(error)


def test_lines_are_counted_through_values_that_span_them() -> None:
    error = refusal('[a]\nurl = http://h\nuseragent = "a\nb"\ncolour = x\n')
    assert error.line == 5


def test_b16_a_section_without_url_is_an_error_in_both_modes() -> None:
    for mode in MODES:
        error = refusal("[a]\nurl = http://h\n[b]\ntimeout = 1\n", mode)
        assert (error.line, error.key) == (3, "b")


def test_b17_a_duplicate_section_is_an_error() -> None:
    error = refusal("[a]\nurl = http://g\n[a]\nurl = http://h\n")
    assert error.line == 1
    assert "defined twice" in str(error)


def test_b17_faithful_keeps_the_lower_duplicate_and_loses_what_is_above_the_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "[x]\nurl = http://x\n[a]\nurl = http://g\n[b]\nurl = http://b\n[a]\nurl = http://h\n"
    assert [(c.name, c.url) for c in parse(text, "faithful")] == [("b", "b"), ("a", "h")]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_b17_faithful_gives_way_to_a_connection_defined_by_httpcon() -> None:
    text = "[x]\nurl = http://x\n[a]\nurl = http://g\n[b]\nurl = http://b\n"
    assert [c.name for c in parse(text, "faithful", taken=("a",))] == ["b"]


@pytest.mark.parametrize("url", ["foo", "http://", "127.0.0.1:80/x"])
def test_b17_a_bad_url_is_an_error_and_faithful_leaves_a_connection_without_address(
    url: str,
) -> None:
    text = f"[x]\nurl = http://x\n[a]\nurl = {url}\ntimeout = 5\n"
    assert "url" in str(refusal(text))
    (made,) = parse(text, "faithful")
    assert (made.name, made.schema, made.url, made.timeout) == ("a", "", "", 0)


def test_b24_the_documented_spellings_are_taken_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = one("keep_connections = 1\nhttp_follow_redirect = yes")
    assert (made.keep_connections, made.httpredirect) == (1, 1)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    with pytest.raises(ConfigurationError, match="keepconnections"):
        one("keep_connections = 1", "faithful")


def test_b42_a_scheme_other_than_http_is_an_error_unless_faithful() -> None:
    assert "http:// or https://" in str(refusal("[a]\nurl = ftp://h\n"))
    assert parse("[a]\nurl = ftp://h\n", "faithful")[0].schema == "ftp"


def test_values_are_never_part_of_an_error() -> None:
    for text in ("[a]\npassword = hunter2 x\n", "[a]\ntimeout = hunter2\n", "[a]\nurl = hunter2\n"):
        assert "hunter2" not in str(refusal(text))


@given(st.text(alphabet='[]a=\n\r #"\\;{url', max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        parse(text)
        return
    except ConfigurationError as error:
        caught = error
    assert caught.file == "http.cfg"
    assert caught.line is not None
    assert 1 <= caught.line <= text.count("\n") + 1
