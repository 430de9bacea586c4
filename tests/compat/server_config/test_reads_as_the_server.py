"""One table of what the language has, read by us and by the real server: both find the same.

Each row is a file with one ``modparam`` of a module that does not exist: the server names it, its
escapes, defines and substitutions resolved, when it refuses it. A module's name is a regular
expression there, so rows avoid what is none.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from onehttp_compat.server_config import ConfigInputs, Modparam, ServerConfig, read_server_config
from servers.kamailio.check import checked

ENVIRONMENT = {"SOME": "some thing", "NUMBER": "12"}
INCLUDED = {
    "one.cfg": 'modparam("included", "x", 1)\n',
    "no_line_end.cfg": 'modparam("included", "x", 1)',
    "half.cfg": 'modparam("inclu',
    "opens.cfg": 'modparam("half"',
    "defines.cfg": '#!define THING "defined there"\n',
    "condition.cfg": "#!ifdef NOTHING\n",
}

IN = 'modparam("in", "x", 1)'
"""In a part that is left out, or not."""


class Row(NamedTuple):
    title: str
    value: str | None
    """What is found; None: the server refuses it, and so do we."""
    text: str = '"a"'
    """The first argument, as written."""
    before: str = ""


ROWS = [
    Row("a plain text", "a"),
    Row("adjacent texts", "ab", '"a" "b"'),
    Row("adjacent texts without a blank", "ab", '"a""b"'),
    Row("adjacent texts on several lines", "abc", '"a"\n\n\t"b"\r\n"c"'),
    Row("texts with a comment in between", None, '"a"\n# and\n"b"'),
    Row("texts with a block comment in between", None, '"a" /* and */ "b"'),
    Row("single quotes", "a\\n\\x41", r"'a\n\x41'"),
    Row("single quotes do not join", None, "'a' 'b'"),
    Row("double and single quotes do not join", None, "\"a\" 'b'"),
    Row("escapes", 'A\n\t\r\x07"\\\\', r'"\x41\n\t\r\a\"\\\\"'),
    Row("octal and hexadecimal escapes", "AS4\x04", r'"\101\1234\x4"'),
    Row("unknown escapes stay", r"\q\$\e\xZ", r'"\q\$\e\xZ"'),
    Row("a line joined in a text", "ab", '"a\\\nb"'),
    Row("no line joined before CR LF", "a\\\r\nb", '"a\\\r\nb"'),
    Row("a text over lines", "a\nb", '"a\nb"'),
    Row("comment marks in a text", "a#b//c/*d", '"a#b//c/*d"'),
    Row("UTF-8", "caf\u00e9", '"caf\u00e9"'),
    Row("Latin-1", "caf\udce9", '"caf\udce9"'),
    Row("Latin-1 in a comment", "a", '"a"', "# caf\udce9\n// caf\udce9\n/* \udce9 */"),
    Row("bytes that are no tokens", "a", '"a"', "\udca0 \0 \f"),
    Row("a blank that is none between tokens", "a", '\u00a0"a"\u00a0', 'debug\u00a0=\u00a02\n'),
    Row("lines that end in CR alone", "a", '"a"\r', "debug=2\rfork=no\r"),
    Row("quotes of a word processor", None, "\u201ca\u201d"),
    Row("a word", None, "a"),
    Row("a number", None, "1"),
    Row("nested block comments", "a", '"a"', f'/* /* */ {IN} */'),
    Row("a slash behind the comment's mark", "a", '"a"', f'/*/ {IN} */'),
    Row("a line comment of two slashes", "a", '"a"', f'// {IN}'),
    Row("a define of a text", "y", "X", '#!define X "y"'),
    Row("a define in single quotes", "y", "X", "#!define X 'y'"),
    Row("a define of two texts", "yz", "X", '#!define X "y" "z"'),
    Row("a define over two lines", "yz", "X", '#!define X "y" \\\n  "z"'),
    Row("a define over lines that end in CR LF", None, "X", '#!define X "y" \\\r\n  "z"\r'),
    Row("a define that begins in the next line", None, "X", '#!define X \\\n"y"'),
    Row("a redefine that begins in the next line", None, "X", '#!redef X\\\n"y"'),
    Row("a define named in the next line", "y", "X", '#!define \\\nX "y"'),
    Row("a define that goes on in an empty line", "y", "X", '#!define X "y" \\\n'),
    Row("subst that begins in the next line", "y", '"X"', '#!subst \\\n"/X/y/"'),
    Row("substdef that begins in the next line", "y", "X", '#!substdefs \\\n"/X/y/"'),
    Row("subst with a joint behind", "y", '"X"', '#!subst "/X/y/" \\\n'),
    Row("a condition with a joint behind", "a", '"a"', '#!ifdef X \\\n#!endif'),
    Row("a define with a text behind its use", "yz", 'X "z"', '#!define X "y"'),
    Row("a define behind a text does not join", None, '"z" X', '#!define X "y"'),
    Row("a define with blanks", "y", "X", '#!define   X \t "y"   '),
    Row("a define of a define, in this order", "y", "X", '#!define Y "y"\n#!define X Y'),
    Row("a define of a define, in the other", "y", "X", '#!define X Y\n#!define Y "y"'),
    Row("a define with a comment behind", None, "X", '#!define X "y" # it is'),
    Row("a define with a block comment behind", "y", "X", '#!define X "y" /* it is */'),
    Row("a define without a value", None, "X", "#!define X"),
    Row("a define of a word", None, "X", "#!define X y"),
    Row("a define is not looked for in texts", "X", '"X"', '#!define X "y"'),
    Row("a define is a whole word", None, "X", '#!define XX "y"'),
    Row("a define with a dot", None, "X", '#!define X.Y "y"'),
    Row("a define with a dash", None, "X", '#!define X-Y "y"'),
    Row("a define of what begins with a dash", "a", '"a"', "#!define X -5"),
    Row("a condition with a dash", None, '"a"', f"#!define X\n#!ifdef X-Y\n{IN}\n#!endif"),
    Row("a second define", None, "X", '#!define X "y"\n#!define X "z"'),
    Row("trydef", "y", "X", '#!define X "y"\n#!trydef X "z"'),
    Row("trydefine", "z", "X", '#!trydefine X "z"'),
    Row("redefine", "z", "X", '#!define X "y"\n#!redefine X "z"'),
    Row("redef and def", "z", "X", '#!def X "y"\n#!redef X "z"'),
    Row("exclamation marks", "y", "X", '!!define X "y"'),
    Row("a directive behind something", "y", "X", 'debug=2 #!define X "y"'),
    Row("a directive in capitals is a comment", None, "X", '#!Define X "y"'),
    Row("a directive in a comment", None, "X", '# #!define X "y"'),
    Row("a directive with two hash marks", None, "X", '##!define X "y"'),
    Row("defenvs", "some thing", "X", "#!defenvs X=SOME"),
    Row("defenvs of one name", "some thing", "SOME", "#!defenvs SOME"),
    Row("defenv is not quoted", None, "X", "#!defenv X=SOME"),
    Row("trydefenvs", "some thing", "X", "#!trydefenvs X=SOME"),
    Row("trydefenvs of nothing", "a", '"a"', "#!trydefenvs X=NOTHING"),
    Row("subst", "yFOO", '"FOOFOO"', '#!subst "/FOO/y/"'),
    Row("subst everywhere", "yy", '"FOOFOO"', '#!subst "/FOO/y/g"'),
    Row("subst in single quotes", "y", "'FOO'", '#!subst "/FOO/y/"'),
    Row("subst over two texts", "y", '"F" "OO"', '#!subst "/FOO/y/"'),
    Row("subst of what a define stands for", "y", "X", '#!define X "FOO"\n#!subst "/FOO/y/"'),
    Row("subst after subst", "y", '"FOO"', '#!subst "/BAR/y/"\n#!subst "/FOO/BAR/"'),
    Row("subst without regard to case", "y", '"foo"', '#!subst "/FOO/y/i"'),
    Row("subst with groups", "<OO>|FOO", '"FOO"', r'#!subst "/F(O+)/<\1>|\0/"'),
    Row("subst with another mark", "y", '"FOO"', "#!subst '|FOO|y|'"),
    Row("subst with its mark in it", "a!b", '"FOO"', r'#!subst "!FOO!a\!b!"'),
    Row("subst with a class", "AbCb", '"A12C3"', '#!subst "/[[:digit:]]+/b/g"'),
    Row("subst with an escape that POSIX has not", "A12", '"A12"', r'#!subst "/\d+/b/g"'),
    Row("subst at the ends", "bA", '"AA"', '#!subst "/^A/b/g"'),
    Row("subst of what may be nothing", "AAA", '"AAA"', '#!subst "/A*/x/g"'),
    Row("subst within lines", "A\nB", '"A\nB"', '#!subst "/A.B/b/"'),
    Row("subst across lines", "b", '"A\nB"', '#!subst "/A.B/b/s"'),
    Row("subst at the beginning of a line", "A\nb", '"A\nB"', '#!subst "/^B/b/"'),
    Row("subst by a control character", "a\nb", '"A"', r'#!subst "/A/a\nb/"'),
    Row("subst by the environment", "some thing", '"A"', '#!subst "/A/$env(SOME)/"'),
    Row("subst by a define", "q", '"A"', '#!define Z q\n#!subst "/A/$def(Z)/"'),
    Row("substdef in a text", "y", '"FOO"', '#!substdef "!FOO!y!g"'),
    Row("substdef as a name", None, "FOO", '#!substdef "!FOO!y!g"'),
    Row("substdefs as a name", "y", "FOO", '#!substdefs "!FOO!y!g"'),
    Row("ifdef of nothing", "a", '"a"', f'#!ifdef X\n{IN}\n#!endif'),
    Row("ifndef of nothing", "in", '"a"', f'#!ifndef X\n{IN}\n#!endif'),
    Row("ifdef with else", "in", '"a"', f'#!ifdef X\n#!else\n{IN}\n#!endif'),
    Row("ifdef of something", "in", '"a"', f'#!define X\n#!ifdef X\n{IN}\n#!endif'),
    Row(
        "ifdef within ifdef",
        "in",
        '"a"',
        f'#!ifdef X\n#!ifndef Y\n#!else\n#!endif\n#!else\n{IN}\n#!endif',
    ),
    Row("ifdef with CR LF", "in", '"a"', f'#!ifdef X\r\n#!else\r\n{IN}\r\n#!endif\r'),
    Row("ifdef with more on its line", "in", '"a"', f'#!ifndef X or Y\n{IN}\n#!endif'),
    Row("ifdef without a name", "in", '"a"', f'#!ifdef\n{IN}'),
    Row("else with more on its line", None, '"a"', "#!ifdef X\n#!else # of X\n"),
    Row("endif with more on its line", None, '"a"', "#!ifdef X\n#!endif # of X\n"),
    Row("endif in a comment of what is left out", "a", '"a"', "#!ifdef X\n# #!endif\n"),
    Row("endif in a text of what is left out", "a", '"a"', '#!ifdef X\n"unclosed #!endif\n'),
    Row("elif is no directive", "a", '"a"', f"#!ifdef X\n#!elif Y\n{IN}\n#!endif"),
    Row("elseif is none", "a", '"a"', f"#!ifdef X\n#!elseif Y\n{IN}\n#!endif"),
    Row("a define in what is left out", None, "Y", '#!ifdef X\n#!define Y "y"\n#!endif'),
    Row("a condition in a comment", "a", '"a"', "# #!ifdef X\n/* #!ifdef X\n*/"),
    Row("endif alone", "a", '"a"', "#!endif"),
    Row("the server's version", "in", '"a"', f'#!ifdef KAMAILIO_5\n{IN}\n#!endif'),
    Row(
        "a loaded module",
        "in",
        '"a"',
        f'loadmodule "pv.so"\n#!ifdef MOD_pv\n{IN}\n#!endif',
    ),
    Row("include_file", "included", '"a"', 'include_file "one.cfg"'),
    Row("import_file", "included", '"a"', 'import_file "one.cfg"'),
    Row("import_file of nothing", "a", '"a"', 'import_file "none.cfg"'),
    Row("#!include_file", "included", '"a"', '#!include_file "one.cfg"'),
    Row("!!import_file", "included", '"a"', '!!import_file "one.cfg"'),
    Row("include_file and its path on two lines", "included", '"a"', 'include_file\n "one.cfg"'),
    Row("include_file without a line end", "included", '"a"', 'include_file "no_line_end.cfg"'),
    Row("include_file within a statement", "half", '"a"', 'include_file "opens.cfg"\n, "x", 1)'),
    Row("include_file that defines", "defined there", "THING", 'include_file "defines.cfg"'),
    Row("subst in a path", "included", '"a"', '#!subst "/Q/one/"\ninclude_file "Q.cfg"'),
    Row("a condition of an included file", "a", '"a"', 'include_file "condition.cfg"\n#!endif'),
    Row("statements without semicolons", "a", '"a"', "debug=2 log_stderror=yes\nchildren=2"),
    Row("statements with semicolons", "a", '"a"', "debug=2;log_stderror=yes;;\nchildren=2;"),
    Row("a setting over two lines", "a", '"a"', 'alias="foo.example" "bar"\n"x":5060'),
    Row("addresses", "a", '"a"', "listen=udp:127.0.0.1:5060 advertise 192.0.2.1:5060"),
    Row("a group of settings", "a", '"a"', 'mine.limit = 5060 desc "of mine"\nmine.title = "x"'),
    Row("a route before it", "a", '"a"', 'route[X] { if (1 == 1) { exit; } }'),
    Row("braces in texts", "a", '"a"', "route[X] { log(1, \"}\"); log(1, '}'); # }\n exit; }"),
    Row("a route in a define", "a", '"a"', "#!define BODY exit; }\nroute[X] { BODY"),
    Row("a route that a define names", "a", '"a"', "#!define RN foo\nroute[RN] { exit; }"),
    Row("an event route", "a", '"a"', "event_route[core:worker-one-init] { exit; }"),
]  # fmt: skip


@pytest.fixture
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    row: Row = request.param
    for name, text in INCLUDED.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "kamailio.cfg"
    text = f'#!KAMAILIO\n{row.before}\nmodparam({row.text}, "x", 1)\nrequest_route {{ exit; }}\n'
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def first(config: ServerConfig) -> str | None:
    """The first modparam's module, where nothing is wrong up to there."""
    found = next((one for one in config.declarations if isinstance(one, Modparam)), None)
    faults = [note for note in config.notes if note.kind == "fault"]
    if found is None or any(note.place <= found.place for note in faults):
        return None
    return found.modules


each = pytest.mark.parametrize(("file", "row"), [(row, row) for row in ROWS], indirect=["file"],
                               ids=[row.title for row in ROWS])  # fmt: skip


@each
def test_we_find_what_the_table_says(file: Path, row: Row) -> None:
    ours = read_server_config(file, ConfigInputs(environment=ENVIRONMENT))
    assert first(ours) == row.value, ours.notes


@each
@pytest.mark.usefixtures("debian")
def test_the_server_finds_what_the_table_says(file: Path, row: Row) -> None:
    theirs = checked(file, ENVIRONMENT)
    assert theirs.first_modparam == row.value, theirs.log.decode(errors="replace")
    assert not theirs.is_accepted
