"""Scripts for the older ``app_python`` in the real server, whose ``app_python3`` still has their
``msg``: they end as outside of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from servers.raw import RawServer, keep_answering

HEAD: Final = "import Router.Logger as Logger\n\nclass Handler:\n    def child_init(self, rank):\n"
HEAD_END: Final = "        return 0\n\n"
INIT: Final = "\ndef mod_init():\n    return Handler()\n"
BODY: Final = """\
        Logger.LM_INFO("a call")
        code = msg.call_function("http_client_query", URL + "/$rU", "$var(answer)")
        if msg.Type != "SIP_REQUEST" or msg.Method != "INVITE" or code != 200:
            msg.call_function("sl_send_reply", "500", "code %s" % code)
            return 0
        msg.call_function("sl_send_reply", "404", "$var(answer)")
        return 1
"""
WITHOUT_TEXT: Final = f"    def route(self, msg):\n{BODY}"
WITH_TEXT: Final = WITHOUT_TEXT.replace("route(self, msg)", "handler(self, msg, text)").replace(
    '"404", "$var(answer)"', '"404", text'
)

pytestmark = pytest.mark.usefixtures("debian", "left_as_found")


@pytest.fixture(params=[True, False], ids=["in the server", "outside"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    def run(body: str, *more: str) -> Result:
        script = tmp_path / "routing.py"
        script.write_text(f'URL = "{server.url}"\n{HEAD}{HEAD_END}{body}{INIT}')
        place = ["--kamailio"] if request.param else []
        return CliRunner().invoke(command, ["run", str(script), "--json", *place, *more])

    with RawServer(keep_answering) as server:
        yield run


def replies(done: Result) -> list[Any]:
    assert done.stdout.startswith("{"), (done.output, done.exception)
    (message,) = json.loads(done.stdout)["messages"]
    return [message.get("error"), message["replies"]]


def test_the_only_method_takes_messages(run: Any) -> None:
    assert replies(run(WITHOUT_TEXT)) == [None, ["404 ok"]]


def test_a_method_has_the_text_that_kamailio_cfg_passes_to_it(run: Any) -> None:
    assert replies(run(WITH_TEXT, "--call", "handler:for $rU")) == [
        None,
        ["404 for +4930123456"],
    ]


def test_a_method_that_takes_a_text_has_an_empty_one_where_none_is_said(run: Any) -> None:
    done = run(WITH_TEXT)
    assert replies(done) == [None, ["404 "]]
    (told,) = [one["text"] for one in json.loads(done.stdout)["mistakes"]]
    assert told.startswith("handler takes a text that kamailio.cfg passes to it")


CALLS: Final = {
    "one method": ('python_exec("handler", "for $rU");', "404 for +4930123456"),
    "in a condition, twice": (
        'if (python_exec("handler", "x")) { exit; }\n python_exec(\'handler\', "x");',
        "404 x",
    ),
    "with a definition": ('python_exec(METHOD, "a" "b");', "404 ab"),
    "without a text": ('python_exec("handler");', "404 "),
    "routing of its own": ('python_exec("other", "x"); } cfgengine "python" route[a] {', "404 "),
    "none": ("exit;", "404 "),
    "several": ('python_exec("handler", "x"); python_exec("handler", "y");', "404 "),
}


@pytest.mark.parametrize("calls", CALLS)
def test_the_method_is_the_one_that_routes_call(run: Any, tmp_path: Path, calls: str) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text(
        '#!KAMAILIO\n#!define METHOD "handler"\nloadmodule "sl.so"\nloadmodule "pv.so"\n'
        f'loadmodule "http_client.so"\nrequest_route {{\n{CALLS[calls][0]}\n}}\n'
    )
    assert replies(run(WITH_TEXT, "--config", str(config))) == [None, [CALLS[calls][1]]]


def test_a_script_with_several_methods_needs_the_name_of_one(run: Any) -> None:
    two = WITHOUT_TEXT.replace("def route", "def main") + "\n    def other(self, msg): return 1\n"
    done = run(two)
    assert done.exit_code != 0
    assert "--call NAME or --call NAME:TEXT: main, other" in done.output
    assert replies(run(two, "--method", "main")) == [None, ["404 ok"]]
    usual = f"{WITHOUT_TEXT}\n    def other(self, msg): return 1\n"
    assert replies(run(usual)) == [None, ["404 ok"]]


def test_a_function_that_no_server_has_is_an_error_of_the_message(run: Any) -> None:
    (error, sent) = replies(
        run('    def route(self, msg):\n        msg.call_function("nothing")\n')
    )
    assert "RuntimeError: no such function" in error
    assert sent == []
