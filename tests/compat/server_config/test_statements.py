"""What a configuration declares, statement by statement, with its places."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp_compat.server_config import (
    GlobalSetting,
    Included,
    LoadModule,
    Modparam,
    RouteArgument,
    RouteBlock,
    RouteCall,
    SwitchedOff,
)
from stand_ins.legacy.configurations import notes, read, values


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("- 5", -5),
        ("0x1F4", 500),
        ("0764", 500),
        ("101b", 5),
        ("0", 0),
        ("yes", 1),
        ("on", 1),
        ("true", 1),
        ("enable", 1),
        ("no", 0),
        ("off", 0),
        ("false", 0),
        ("disable", 0),
        ('"5"', "5"),
        ("'yes'", "yes"),
    ],
)
def test_values_are_numbers_words_for_numbers_and_texts(
    folder: Path, written: str, value: int | str
) -> None:
    assert values(read(folder, f'modparam("m", "n", {written})')) == [("n", value)]


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("YES", "YES is not defined here: --define YES=VALUE"),
        ("08", "expected a text or a number, got 08"),
        ("0b11", "expected a text or a number, got 0b11"),
        ("1.5", "expected ')', got ."),
        ("1 + 1", "expected ')', got +"),
        ("NAME", "NAME is not defined here: --define NAME=VALUE"),
        ("", "expected a text or a number, got )"),
        ('"a", "b"', "expected ')', got ,"),
    ],
)
def test_what_is_no_value_is_the_fault_of_its_line_alone(
    folder: Path, written: str, fault: str
) -> None:
    config = read(folder, f'modparam("m", "n", {written})\nmodparam("m", "next", 1)\n')
    faulty, following = config.modparams()
    assert (faulty.fault, faulty.value, faulty.place.line) == (fault, None, 1)
    assert (following.fault, following.value) == (None, 1)
    assert config.notes == []


@pytest.mark.parametrize(
    ("text", "settings", "faults"),
    [
        ("socket = { bind = udp:1.2.3.4:5060; name = \"a\"; };debug=2\n",
         [("socket", '{bind= udp:1.2.3.4:5060; name= "a";}'), ("debug", "2")], []),
        ("socket={}", [("socket", "{}")], []),
        ("socket = {\n bind = udp:1.2.3.4;\ndebug=2\n", [],
         ["fault 1:1 socket is never closed: a '}' is missing"]),
        ("socket = {\nloadmodule \"x.so\"\ndebug=2\n", [("debug", "2")],
         ["fault 1:1 socket is never closed: a '}' is missing"]),
        ("a.b\ndebug=2\n", [("debug", "2")], ["fault 1:1 a.b: expected '=', got debug"]),
        ("alias=\nloadmodule \"x.so\"\ndebug=2\n", [("alias", ""), ("debug", "2")], []),
    ],
)  # fmt: skip
def test_settings_of_several_fields_and_broken_ones(
    folder: Path, text: str, settings: list[tuple[str, str]], faults: list[str]
) -> None:
    config = read(folder, text)
    told = [one for one in config.declarations if isinstance(one, GlobalSetting)]
    assert [(one.name, one.value) for one in told] == settings
    assert notes(config) == faults


def test_everything_is_told_in_order_and_with_its_place(folder: Path) -> None:
    config = read(
        folder,
        "#!KAMAILIO\n"
        "debug=3\n"
        'listen=udp:127.0.0.1:5060 advertise "sip.example":5060 name "main"\n'
        'loadpath "/usr/lib/kamailio/"\n'
        'loadmodule "tm.so"; loadmodule "/opt/http_client.so"\n'
        'modparam("tm|http_client", "x", 1)\n'
        'cfgengine "native"\n'
        "request_route {\n"
        '    http_client_query("http://h/?u=$rU", "a=" + $rd, "$var(r)");\n'
        "    route(NEXT);\n"
        "}\n"
        "event_route[xhttp:request] { exit; }\n",
    )
    assert [(type(one).__name__, one.place.line) for one in config.declarations] == [
        ("GlobalSetting", 2),
        ("GlobalSetting", 3),
        ("GlobalSetting", 4),
        ("LoadModule", 5),
        ("LoadModule", 5),
        ("Modparam", 6),
        ("GlobalSetting", 7),
        ("RouteBlock", 8),
        ("RouteCall", 9),
        ("RouteCall", 10),
        ("RouteBlock", 12),
    ]
    assert config.modules() == ["tm", "http_client"]
    assert config.notes == []
    setting = config.declarations[1]
    assert isinstance(setting, GlobalSetting)
    assert setting.value == 'udp:127.0.0.1:5060 advertise "sip.example":5060 name "main"'
    query, jump = config.calls()
    assert query.arguments == (
        RouteArgument("http://h/?u=$rU", "string"),
        RouteArgument('"a=" + $rd', "other"),
        RouteArgument("$var(r)", "string"),
    )
    assert (query.route, query.place.column) == ("request_route", 5)
    assert (jump.name, jump.arguments) == ("route", (RouteArgument("NEXT", "other"),))


def test_calls_within_conditions_and_calls_are_told(folder: Path) -> None:
    config = read(
        folder,
        'route[X] { if (!http_connect("a", "/$(ru{s.rm,\\"})", "$var(x)") && f(g(1), (2))) '
        "{ return (1); } while (h()) { break; } }",
    )
    names = [(call.name, len(call.arguments)) for call in config.calls()]
    assert names == [("http_connect", 3), ("g", 1), ("f", 2), ("h", 0)]


def test_what_a_condition_leaves_out_is_told_with_the_condition(folder: Path) -> None:
    config = read(
        folder,
        "#!ifdef WITH_HTTP\n"
        'loadmodule "http_client.so"\n'
        '# modparam("http_client", "in_a_comment", 1)\n'
        '  modparam("http_client", "httpcon", "a=>http://h")\n'
        "#!ifdef WITH_MORE\n"
        'modparam("http_client", "connection_timeout", 3)\n'
        "#!endif\n"
        "#!endif\n",
    )
    off = [one for one in config.declarations if isinstance(one, SwitchedOff)]
    assert [(one.place.line, one.statement, one.module, one.name) for one in off] == [
        (2, "loadmodule", "http_client", ""),
        (4, "modparam", "http_client", "httpcon"),
        (6, "modparam", "http_client", "connection_timeout"),
    ]
    assert {(one.condition, one.condition_place.line) for one in off} == {("#!ifdef WITH_HTTP", 1)}


def test_a_missing_file_is_told_and_the_rest_read(folder: Path) -> None:
    config = read(
        folder,
        'include_file "a.cfg"\nimport_file "/etc/kamailio/b.cfg"\nmodparam("m", "n", 1)\n',
    )
    assert values(config) == [("n", 1)]
    assert notes(config) == [
        "unknown 1:1 include_file: there is no a.cfg here; --include-path",
        "unknown 2:1 import_file: there is no /etc/kamailio/b.cfg here; --include-path",
    ]


def test_files_of_another_machine_are_found_by_the_include_path(folder: Path) -> None:
    (folder / "root/etc/kamailio").mkdir(parents=True)
    (folder / "root/etc/kamailio/a.cfg").write_text('modparam("m", "whole_path", 1)\n')
    (folder / "root/b.cfg").write_text('modparam("m", "its_name", 1)\n')
    (folder / "c.cfg").write_text('modparam("m", "beside", 1)\n')
    config = read(
        folder,
        'include_file "/etc/kamailio/a.cfg"\n'
        'include_file "/srv/b.cfg"\n'
        'include_file "/srv/c.cfg"\n',
        include_path=[folder / "root"],
    )
    assert [name for name, _ in values(config)] == ["whole_path", "its_name", "beside"]
    assert config.notes == []
    included = [one for one in config.declarations if isinstance(one, Included)]
    assert included[1].path == str(folder / "root/b.cfg")


def test_comments_right_above_and_behind_belong_to_a_line(folder: Path) -> None:
    above, lone, behind = read(
        folder,
        "# of nothing\n"
        "\n"
        "# the billing service\n"
        "// asks twice\n"
        "/* a long\n * story */\n"
        'modparam("m", "a", 1)\n'
        'modparam("m", "b", 1)\n'
        'modparam("m", "c", 1);  # seconds\n',
    ).modparams()
    assert above.comments == ("the billing service", "asks twice", "a long", "story")
    assert lone.comments == ()
    assert behind.comments == ("seconds",)


def test_a_directive_behind_a_line_is_no_comment_of_it(folder: Path) -> None:
    config = read(folder, 'modparam("m", "a", 1) #!define X 2\nmodparam("m", "b", X)\n')
    assert [(one.value, one.comments) for one in config.modparams()] == [(1, ()), (2, ())]


def test_one_line_may_be_for_several_modules(folder: Path) -> None:
    one, other = read(
        folder, 'modparam("acc|http_client", "x", 1)\nmodparam("http_.*", "x", 1)\n'
    ).modparams()
    assert one.is_about("http_client")
    assert not one.is_about("http")
    assert other.is_about("http_async_client")
    assert not read(folder, 'modparam("(", "x", 1)').modparams()[0].is_about("http_client")


def test_the_shape_of_a_route_is_told(folder: Path) -> None:
    config = read(folder, "failure_route[1]\n{\n  exit;\n}\nonreply_route { drop; }\n")
    routes = [one for one in config.declarations if isinstance(one, RouteBlock)]
    shapes = [(one.kind, one.name, one.place.line, one.end and one.end.line) for one in routes]
    assert shapes == [("failure_route", "1", 1, 4), ("onreply_route", "", 5, 5)]


def test_modules_are_named_without_folder_and_ending(folder: Path) -> None:
    config = read(
        folder,
        'loadmodule "a/b.so"\nloadmodule("c")\nloadmodulex "d.so"\n'
        'loadmodule "e.so", "g"\nloadmodule("f", "g")\n',
    )
    loaded = [one.name for one in config.declarations if isinstance(one, LoadModule)]
    assert loaded == ["b", "c", "d", "e", "f"]
    assert config.notes == []


def test_the_declarations_say_of_which_kind_they_are(folder: Path) -> None:
    config = read(folder, 'modparam("m", "n", 1)\nroute { f(); }\n')
    assert [type(one) for one in config.declarations] == [Modparam, RouteBlock, RouteCall]
