"""Names, expressions and conditions of a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp_compat.server_config import LoadModule
from servers.kamailio.check import checked
from stand_ins.legacy.configurations import notes, read, values

NEEDS_LATER = (
    "remark {} #!{} needs a later server than 5.6, which takes it for a comment, and its #!else "
    "and #!endif for those of no condition"
)


def test_names_from_outside_stand_before_those_of_the_file(folder: Path) -> None:
    config = read(
        folder,
        '#!define WHERE "there"\n#!ifdef WITH_X\nmodparam("m", "where", WHERE)\n#!endif\n'
        'modparam("m", "wait", WAIT)\nmodparam("m", "sock", SOCK)\n',
        defines={"WHERE": "here", "WITH_X": None, "WAIT": "7", "SOCK": 'udp:"1":\\2'},
    )
    assert values(config) == [("where", "here"), ("wait", 7), ("sock", 'udp:"1":\\2')]


def test_an_unset_variable_is_told_where_it_is_missed_and_where_it_is_used(folder: Path) -> None:
    config = read(folder, '#!defenvs URL=API_URL\nmodparam("m", "n", URL)\n')
    (only,) = config.modparams()
    reason = "the environment variable API_URL is not set; --env-file, or --define URL"
    assert only.fault == f"URL is not defined here: {reason}"
    assert notes(config) == [f"unknown 1:1 #!defenvs: {reason}"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("SEC * 2", 4),
        ("2 ** 3 ** 1 + 1", 9),
        ("1 << 4 | 1", 17),
        ("7 / 2", 3),
        ("-7 % 4 + (2 - 1)", 2),
        ("SEC == 2 && !NOTHING", 1),
        ("FLAG", 1),
        ("NOTHING || 0", 0),
        ('1 + "20"', 21),
        ('4 > "20"', 0),
        ("^0", -1),
    ],
)
def test_expressions_define_numbers(folder: Path, expression: str, value: int) -> None:
    config = read(
        folder,
        f'#!define SEC 2\n#!define FLAG\n#!defexp N {expression}\nmodparam("m", "n", N)\n',
    )
    assert values(config) == [("n", value)], config.notes


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"sip:" + HOST + ":" + 5060', "sip:h.example:5060"),
        ('"1" + 20', "120"),
        ("HOST", "h.example"),
        ("1 + 2", "3"),
    ],
)
def test_expressions_define_texts(folder: Path, expression: str, value: str) -> None:
    config = read(
        folder,
        f'#!define HOST "h.example"\n#!defexps T {expression}\nmodparam("m", "n", T)\n',
    )
    assert values(config) == [("n", value)]


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ("KAMAILIO_VERSION >= 5006000", True),
        ('OS_NAME == "linux" && MOD_pv', True),
        ("MOD_xlog", False),
        ("MODE == 2", False),
        ('MODE == "1"', True),
        ('""', False),
    ],
)
def test_conditions_may_be_expressions(folder: Path, condition: str, is_met: bool) -> None:
    config = read(
        folder,
        f'loadmodule "pv"\n#!define MODE 1\n#!ifexp {condition}\nmodparam("m", "n", 1)\n'
        '#!else\nmodparam("m", "n", 0)\n#!endif\n',
    )
    assert values(config) == [("n", int(is_met))]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("1 +", "expected a value, got the end"),
        ("(1", "expected ')', got the end"),
        ("1 2", "expected an operator, got 2"),
        ("1 / 0", "a division by 0"),
        ("9 ** 9999", "a number out of all bounds"),
        ("(0 - 1) ** 0.5", "a number out of all bounds"),
        ("1 ? 2", "? is no operator"),
        ("(" * 5000, "more than 50 levels of parentheses"),
        ("!" * 5000, "more than 50 levels of parentheses"),
    ],
)
def test_a_wrong_expression_is_told(folder: Path, expression: str, why: str) -> None:
    config = read(folder, f'\n#!defexp N {expression}\nmodparam("m", "n", N)\n')
    assert notes(config) == [NEEDS_LATER.format("2:1", "defexp"), f"fault 2:1 #!defexp: {why}"]
    assert "#!defexp of" in str(config.modparams()[0].fault)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"http://$env(HOST)/v1"', "http://h.example/v1"),
        ('"$(env(HOST))$$"', "h.example$"),
        ('"$def(PORT)|$defv(NAME)|$def(NAME)"', '8080|x|"x"'),
        ('"5 $ 6"', "5 $ 6"),
    ],
)
def test_modparamx_evaluates_its_texts(folder: Path, written: str, value: str) -> None:
    config = read(
        folder,
        f'#!define PORT 8080\n#!define NAME "x"\nmodparamx("m", "n", {written})\n'
        'modparam("m", "plain", "$env(HOST)")\n',
        environment={"HOST": "h.example"},
    )
    assert values(config) == [("n", value), ("plain", "$env(HOST)")]


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("$env(NONE)", "the environment variable NONE is not set: --env-file"),
        ("$def(NONE)", "NONE is not defined here: --define NONE=VALUE"),
        ("$(env(HOST){s.len})", "$env has a value only inside the server"),
        ("$ru", "$ru has a value only inside the server"),
    ],
)
def test_what_modparamx_cannot_know_here_is_told(folder: Path, written: str, fault: str) -> None:
    config = read(folder, f'modparamx("m", "n", "{written}")\nmodparam("m", "o", 1)\n')
    first, second = config.modparams()
    assert (first.value, first.fault) == (None, fault)
    assert second.value == 1


def test_loadmodulex_evaluates_its_text_too(folder: Path) -> None:
    text = '#!define KIND client\nloadmodulex "http_$def(KIND).so"\nloadmodulex "$env(NONE)"\n'
    config = read(folder, text)
    loaded = [one.name for one in config.declarations if isinstance(one, LoadModule)]
    assert loaded == ["http_client", "$env(NONE)"]
    assert notes(config) == [
        "fault 3:13 loadmodulex: the environment variable NONE is not set: --env-file"
    ]


def test_that_an_expression_needs_a_later_server_is_told_once(folder: Path) -> None:
    text = "#!defexp A 1\n#!defexp B 2\n#!ifexp A == B\n#!endif\n#!ifdef C\n#!endif\n"
    assert notes(read(folder, text)) == [NEEDS_LATER.format("1:1", "defexp")]


@pytest.mark.usefixtures("debian")
@pytest.mark.parametrize("text", ["#!defexp A 1\nchildren=A\n", "#!ifexp 1 == 2\n#!endif\n"])
def test_the_server_of_5_6_takes_them_for_comments(folder: Path, text: str) -> None:
    path = folder / "expressions.cfg"
    path.write_text(f"#!KAMAILIO\n{text}request_route {{ exit; }}\n")
    seen = checked(path)
    assert not seen.is_accepted
    assert b"number expected" in seen.log or b"1 more #!endif" in seen.log
