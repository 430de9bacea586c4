"""modparam lines and comments out of a kamailio.cfg."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp import ConfigurationError
from onehttp_compat.convert.server_file import Modparam, read_server_file


def read(tmp_path: Path, text: str) -> list[Modparam]:
    path = tmp_path / "kamailio.cfg"
    path.write_text(text)
    return read_server_file(path)


def test_lines_are_found_between_everything_else(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        'loadmodule "http_client.so"\n'
        'modparam("http_client", "connection_timeout", 2)\n'
        "modparam('http_client', 'httpcon', 'a=>http://h/\\x')\n"
        'request_route { http_client_query("http://a//b", "$var(r)"); # not modparam("x")\n }\n',
    )
    assert [(one.name, one.value, one.line) for one in found] == [
        ("connection_timeout", 2, 2),
        ("httpcon", "a=>http://h/\\x", 3),
    ]


def test_quotes_and_escapes_are_read_as_the_server_does(tmp_path: Path) -> None:
    (only,) = read(tmp_path, r'modparam("m", "n", "a\"b\\c=>http://x;useragent=\"y\"")')
    assert only.value == 'a"b\\c=>http://x;useragent="y"'


def test_one_line_may_be_for_several_modules(tmp_path: Path) -> None:
    found = read(tmp_path, 'modparam("curl|http_client", "httpredirect", 1)')
    assert [one.module for one in found] == ["curl", "http_client"]


def test_comments_right_above_and_behind_belong_to_a_line(tmp_path: Path) -> None:
    above, lone, behind = read(
        tmp_path,
        "# of nothing\n"
        "\n"
        "# the billing service\n"
        "// asks twice\n"
        "/* a long\n * story */\n"
        'modparam("m", "a", 1)\n'
        'modparam("m", "b", 1)\n'
        'modparam("m", "c", 1)  # seconds\n',
    )
    assert above.comments == ("the billing service", "asks twice", "a long", "story")
    assert lone.comments == ()
    assert behind.comments == ("seconds",)


def test_lines_in_comments_do_not_count(tmp_path: Path) -> None:
    text = '# modparam("m", "a", 1)\n/* modparam("m", "b", 1) */\n// modparam("m", "c", 1)\n'
    assert read(tmp_path, text) == []


def test_defines_and_conditions_of_the_preprocessor_are_followed(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '#!define WITH_B\n#!define TARGET "x=>http://h"\n#!define WAIT 7\n'
        '#!ifdef WITH_A\nmodparam("m", "a", 1)\n#!ifdef WITH_B\nmodparam("m", "aa", 1)\n#!endif\n'
        '#!else\nmodparam("m", "not_a", 1)\n#!endif\n'
        '#!ifdef WITH_B\nmodparam("m", "b", WAIT)\n#!else\nmodparam("m", "not_b", 1)\n#!endif\n'
        '#!ifndef WITH_B\nmodparam("m", "c", 1)\n#!endif\n'
        'modparam("m", "d", TARGET)\n',
    )
    assert [(one.name, one.value) for one in found] == [
        ("not_a", 1),
        ("b", 7),
        ("d", "x=>http://h"),
    ]


def test_included_files_are_read_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "one.cfg").write_text('modparam("m", "one", 1)\n')
    (tmp_path / "two.cfg").write_text('modparam("m", "two", 1)\n')
    found = read(
        tmp_path,
        'include_file "one.cfg"\n#!include_file "two.cfg"\nimport_file "none.cfg"\n'
        'modparam("m", "last", 1)\n',
    )
    assert [one.name for one in found] == ["one", "two", "last"]
    assert found[0].file == str(tmp_path / "one.cfg")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('\nmodparam("m", "n")', "kamailio.cfg:2:1: expected modparam("),
        ('modparam("m", "n", "x', "kamailio.cfg:1:1: expected modparam("),
        ('modparam("m", "n", NAME)', "kamailio.cfg:1:20: NAME is not defined"),
        ('include_file "none.cfg"', "none.cfg: cannot be read: No such file"),
        ('include_file "kamailio.cfg"', "include each other without end"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_place(
    tmp_path: Path, text: str, error: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert error in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_bytes(b"\n\xff")
    with pytest.raises(ConfigurationError, match=r"kamailio.cfg:2: not UTF-8 text"):
        read_server_file(path)


@given(st.text(st.sampled_from("modpar(),\"'\\#!/*\n 1xifdef")))
def test_any_text_is_read_or_refused(tmp_path_factory: Any, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.cfg"
    path.write_text(text)
    with suppress(ConfigurationError):
        read_server_file(path)
