"""Whatever a file holds, it is read to its end, quickly, and what is wrong has its place."""

from __future__ import annotations

import os
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onehttp import ConfigurationError
from onehttp_compat.server_config import ConfigInputs, ServerConfig, read_server_config


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "kamailio.cfg"


def read(path: Path, content: str | bytes) -> ServerConfig:
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogateescape")
    path.write_bytes(content)
    return read_server_config(path, ConfigInputs(environment={}))


def notes(config: ServerConfig) -> list[str]:
    return [f"{note.place.line}:{note.place.column} {note.text}" for note in config.notes]


FRAGMENTS = st.sampled_from(
    r"""
    modparam("m","n",1) | modparam("m","n","x" "y") | modparam("m" | modparamx( | loadmodule "x.so"
    route[A] { | request_route { | } | { | } | ( | ) | ; | f(1, $var(x)); | if ( | $( | $var( | $
    $(ru{s.rm,"}) | " | ' | \" | \ | X | Y | /* | */ | // | # | include_file | a.b = 1 | alias=x y
    #!define X | #!define X X | #!define Y "y" | #!define Y X Y | #!redef X Y | #!defenv
    #!ifdef X | #!ifndef X | #!ifexp X == 1 + | #!else | #!endif | #!endif # x | #!defexp N 1/0
    #!subst "/a*/b/g" | #!substdef "!Z!z!" | #!subst "/(/x/" | listen=udp:1.2.3.4:5060
    include_file "kamailio.cfg" | import_file "none"
    | LF | LF | LF | CRLF | NUL | LATIN""".replace("\n    ", " | ")
    .strip(" |")
    .split(" | ")
)


BYTES = {"LF": "\n", "CRLF": "\r\n", "NUL": "\0", "LATIN": "\udce9"}


@given(st.lists(FRAGMENTS, max_size=40), st.sampled_from(["", " ", "\n"]))
def test_any_order_of_what_the_language_has_is_read(
    path: Path, fragments: list[str], between: str
) -> None:
    text = between.join(BYTES.get(fragment, fragment) for fragment in fragments)
    config = read(path, text)
    lines = text.count("\n") + 1
    for found in (*config.declarations, *config.notes):
        assert 1 <= found.place.line <= lines
        assert found.place.column >= 1


@given(st.binary(max_size=300))
def test_any_bytes_are_read(path: Path, content: bytes) -> None:
    read(path, content)


BLANKS = st.text(" \t\n", max_size=3).map(lambda text: f" {text}")
GAPS = st.one_of(
    BLANKS,
    st.text(string.ascii_letters + " {}()\"'=;,", max_size=8).map(lambda text: f" # {text}\n"),
    st.text(string.ascii_letters + " {}()\"'\n", max_size=8).map(lambda text: f" /* {text} */ "),
)
# Of whatever opens nothing that may go on in the next line.
BROKEN = st.one_of(
    st.sampled_from((
        "loadmodule \u201cx.so\u201d", "modparam(\u201cm\u201d, \u201chttp:", "alias=", "a.b",
        "listen=udp:", "debug = {", "{% if x %}", "{{ x }}", "<<<<<<< HEAD", "=======", "x.so y.so",
        "modparam(m", "modparam(", "loadmodule", "socket = { bind = udp:1.2.3.4;", "flags a: b,",
        "[section]", "x = y (", "children=4 -",
    )),
    st.text(string.ascii_letters + string.digits + " .,:;=()[]{}<>%$@!?*+-_~&|\u00e9", max_size=24)
    .filter(lambda line: "!" not in line and "route" not in line and "include" not in line),
)  # fmt: skip


@given(st.lists(BROKEN, min_size=1, max_size=5))
def test_no_line_before_it_takes_a_parameter_away(path: Path, lines: list[str]) -> None:
    """A broken line is told of, or it is fine; what stands below it is read all the same."""
    text = "".join(f'{line}\nmodparam("m", "n", {i})\n' for i, line in enumerate(lines))
    config = read(path, text)
    found = [one.value for one in config.modparams() if one.modules == "m"]
    assert found == list(range(len(lines)))


TEXTS = st.binary(max_size=20).map(
    lambda content: content.replace(b"\r", b"").decode("utf-8", "surrogateescape")
)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@st.composite
def written(draw: Any, text: str) -> str:
    """One text, as a person may write it: in pieces, in either kind of quotes."""
    if "'" not in text and draw(st.booleans()):
        return f"'{text}'"
    at = draw(st.integers(0, len(text)))
    if draw(st.booleans()):
        return quoted(text)
    blanks: str = draw(BLANKS)
    return quoted(text[:at]) + blanks + quoted(text[at:])


@st.composite
def statements(draw: Any) -> tuple[str, list[tuple[str, str]]]:
    """Statements between conditions, and what of them is meant."""
    pieces: list[str] = []
    meant: list[tuple[str, str]] = []
    is_read = [True]
    for number in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(("modparam", "modparam", "begin", "else", "end", "route")))
        if kind == "modparam":
            name, value = f"n{number}", draw(TEXTS)
            pieces.append(
                "modparam" + draw(GAPS) + "(" + draw(written("m")) + draw(GAPS) + ","
                + draw(written(name)) + draw(GAPS) + "," + draw(GAPS) + draw(written(value))
                + draw(GAPS) + ")" + draw(st.sampled_from(("", ";")))
            )  # fmt: skip
            if all(is_read):
                meant.append((name, value))
        elif kind == "begin":
            is_read.append(draw(st.booleans()))
            pieces.append(f"#!{'ifndef' if is_read[-1] else 'ifdef'} NOTHING")
        elif kind == "else" and len(is_read) > 1:
            is_read[-1] = not is_read[-1]
            pieces.append("#!else")
        elif kind == "end" and len(is_read) > 1:
            is_read.pop()
            pieces.append("#!endif")
        else:
            pieces.append('route[R] { if (f("}")) { $var(x) = $(ru{s.rm,\'}); } }')
    pieces += ["#!endif"] * (len(is_read) - 1)
    return "\n".join(pieces) + "\n", meant


@given(statements())
def test_what_is_written_in_any_layout_is_read_back(
    path: Path, case: tuple[str, list[tuple[str, str]]]
) -> None:
    text, meant = case
    # In what is left out a directive counts wherever it stands.
    if any("#!" in value or "!!" in value for _, value in meant):
        return
    config = read(path, text)
    assert [(one.name, one.value) for one in config.modparams()] == meant
    assert [note for note in config.notes if note.kind == "fault"] == []


@pytest.mark.parametrize(
    ("text", "wrong", "declared"),
    [
        ("route[A] {\n f();\nmodparam('m', 'n', 1)\n", "1:1 route[A] is never closed", 1),
        ("route[A] {\nif (1) {\n}\nroute[B] { exit; }\n", "1:1 route[A] is never closed", 0),
        ("route[A] { exit; }\n}\nmodparam('m', 'n', 1)", "2:1 } begins no statement", 1),
        ("{ exit; }\nmodparam('m', 'n', 1)", "1:1 { begins no statement", 1),
        ("route[A\nmodparam('m', 'n', 1)", "2:22 route[Amodparam(m,n,1)]: expected '{'", 0),
        ("modparam('m'", "1:1 modparam: expected ',', got the end", 0),
        ("modparam 5\nmodparam('m', 'n', 1)", "1:1 modparam: expected '(', got 5", 1),
        ("loadmodule x\nmodparam('m', 'n', 1)", "1:1 loadmodule: expected a text, got x", 1),
        ("/* a\nmodparam('m', 'n', 1)", "1:1 a /* that nothing closes", 0),
        ("modparam('m', 'n', 1)\nx = \"", '2:5 a " that nothing closes', 1),
        ("route { $var(x; }\nmodparam('m', 'n', 1)", "1:9 a $( that nothing closes", 1),
        ("#!ifdef X\nmodparam('m', 'n', 1)", "1:1 #!ifdef X has no #!endif", 0),
        ("#!ifndef X\nmodparam('m', 'n', 1)", "1:1 #!ifndef X has no #!endif", 1),
        ("#!define X X\nmodparam('m', 'n', X)", "2:20 X stands for itself", 1),
        ("#!define X Y\n#!define Y X\nx = X", "3:5 X stands for itself", 0),
        ("include_file a.cfg", "1:1 include_file: the server takes the path in double", 0),
        ('include_file ""', '1:1 include_file: expected "path", without blanks in it', 0),
        ('#!subst "/a/"', "1:1 #!subst: expected / three times, got 2", 0),
        ('#!subst "/[/b/"', "1:1 #!subst: a [ without ]", 0),
        ('#!subst "/(/b/"', "1:1 #!subst: not a regular expression", 0),
        ('#!subst "/a/b/x"', "1:1 #!subst: unknown flag 'x'; there are i, g and s", 0),
        ("#!subst x", '1:1 #!subst: expected "/expression/replacement/flags"', 0),
        ("#!defenv ", "1:1 #!defenv: expected NAME or NAME=VARIABLE", 0),
        ("#!define -", "1:1 #!define: expected a name", 0),
        ("#!define X-Y", "1:1 #!define: no '-' is allowed in X-Y", 0),
        ("#!ifdef X\n#!elif Y\n#!endif", "2:1 #!elif is no directive: a comment", 0),
        ("#!ifdef X\n#!elseif Y\n#!endif", "2:1 #!elseif is no directive: a comment", 0),
        ("#!undef X", "1:1 #!undef is no directive: a comment", 0),
    ],
)
def test_what_is_wrong_is_told_at_its_place_and_the_rest_read(
    path: Path, text: str, wrong: str, declared: int
) -> None:
    config = read(path, text)
    assert notes(config)[0].startswith(wrong)
    assert len(config.modparams()) == declared


def test_a_quote_that_goes_astray_names_the_text_to_look_at(path: Path) -> None:
    config = read(path, 'a = "x\nb = "y"\nc = "z"\n')
    assert 'a " that nothing closes; the first text that spans lines begins at' in notes(config)[-1]
    assert notes(config)[-1].endswith("kamailio.cfg:1")


def test_files_that_include_each_other_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "other.cfg").write_text('include_file "kamailio.cfg"\nmodparam("m", "o", 1)\n')
    config = read(tmp_path / "kamailio.cfg", 'include_file "other.cfg"\nmodparam("m", "n", 1)\n')
    assert [one.name for one in config.modparams()] == ["o", "n"]
    assert notes(config) == ["1:1 include_file: kamailio.cfg includes itself"]


def test_ten_files_deep_is_as_deep_as_the_server_goes(tmp_path: Path) -> None:
    for number in range(1, 13):
        text = f'include_file "{number + 1}.cfg"\nmodparam("m", "n{number}", 1)\n'
        (tmp_path / f"{number}.cfg").write_text(text)
    config = read(tmp_path / "kamailio.cfg", 'include_file "1.cfg"\n')
    assert len(config.modparams()) == 10
    assert notes(config) == ["1:1 include_file: more than 10 files deep"]


def test_names_that_stand_for_ever_more_names_end(path: Path) -> None:
    levels = [f"#!define L{number} L{number + 1} L{number + 1}\n" for number in range(60)]
    config = read(path, "".join(levels) + 'x = L0\nmodparam("m", "n", 1)\n')
    assert len(config.modparams()) == 1
    assert any("too many names within names" in note for note in notes(config))


# Where each byte is a token, fewer of them say as much.
MANY = {
    "one word": ("", "x", 10_000_000),
    "one comment": ("#", "x", 10_000_000),
    "one text without an end": ('a = "', "xxxxxxxx\\n", 1_000_000),
    "comments in comments": ("", "/* ", 3_000_000),
    "parentheses of a variable": ("route { $(", "(", 1_000_000),
    "conditions": ("", "#!ifdef X\n", 1_000_000),
    "one define": ("#!define X ", "yyyyyyyy \\\n", 1_000_000),
    "NULs": ("", "\0", 10_000_000),
    "lines": ("", "\n", 10_000_000),
    "braces": ("", "{", 200_000),
    "calls in calls": ("route { ", "f(", 100_000),
}


@pytest.mark.parametrize(("begin", "repeated", "times"), MANY.values(), ids=MANY)
def test_megabytes_of_one_thing_are_read(path: Path, begin: str, repeated: str, times: int) -> None:
    config = read(path, begin + repeated * times + '\n*/ "\n')
    assert config.files == [str(path)]
    assert len(config.declarations) <= 2


def test_ten_megabytes_of_statements_are_read(path: Path) -> None:
    statement = (
        f"# {'said often ' * 40}\n"
        'modparam("m", "n", "some text")\nroute[X] { f("x", $var(y)); }\n'
    )
    count = 10_000_000 // len(statement)
    config = read(path, statement * count)
    assert len(config.modparams()) == count
    assert len(config.calls()) == count


def test_nothing_is_read_of_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("none", "No such file"), (".", "Is a directory"), ("pipe", "not a reg")):
        with pytest.raises(ConfigurationError, match=why):
            read_server_config(tmp_path / name)
    with pytest.raises(ConfigurationError, match="a NUL in its name"):
        read_server_config(Path("\0"))
