"""Which expressions of a script a replacement takes, however the script calls."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.registry import FUNCTIONS, KEMI
from onehttp_compat.replacements import CallSites
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from stand_ins.legacy.loading import KEMI as SCRIPT
from stand_ins.legacy.loading import Load

URL = "http://h/INVITE"
RESULT = "$var(r)"
QUERY = KEMI["http_client", "query"]
OLD_QUERY = next(one for one in FUNCTIONS if one.name == "http_client_query")
BY_VALUE = [f'"{URL}"', f'"{RESULT}"']


def arguments(tmp_path: Path, line: str, is_kemi: bool = True) -> list[str]:
    path = tmp_path / "script.py"
    path.write_text(line + "\n")
    function = QUERY if is_kemi else OLD_QUERY
    names = [argument.name for argument in function.arguments]
    call = LegacyCall(
        function=function,
        name="",
        file=str(path),
        line=1,
        url=URL,
        code=200,
        result_bytes=0,
        time_s=0.0,
        is_kemi=is_kemi,
        arguments=dict(zip(names, [URL, RESULT], strict=True)),
    )
    return [given.code for given in CallSites().arguments(call).values()]


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ('KSR.http_client.query(u, "$var(r)")', ["u", '"$var(r)"']),
        ('ask(u, "$var(r)")', ["u", '"$var(r)"']),
        ('ask("http://h/" + m, v)', ['"http://h/" + m', "v"]),
        ('ask(f"http://h/{m}", v)', ['f"http://h/{m}"', "v"]),
        ('self.asks["x"](u, "$var(r)")', ["u", '"$var(r)"']),
        ("function(*args)", ["args[0]", "args[1]"]),
        ("KSR.http_client.query(*self.given)", ["self.given[0]", "self.given[1]"]),
        ("KSR.http_client.query(u, *rest)", ["u", "rest[0]"]),
        ('KSR.http_client.query(*[u, "$var(r)"])', ["u", '"$var(r)"']),
        ("KSR.http_client.query(*[u, *rest])", BY_VALUE),
        ("ask(u, v)", BY_VALUE),
        ('ask(u, "$var(other)")', BY_VALUE),
        ("list(starmap(ask, pairs))", BY_VALUE),
        ('ask(u, "$var(r)") or other(w, "$var(r)")', BY_VALUE),
        ('ask(u, result="$var(r)")', BY_VALUE),
        ("function(*args, **named)", ["args[0]", "args[1]"]),
        ('methodcaller("query", u, "$var(r)")(module)', ["u", '"$var(r)"']),
        ('methodcaller("query", *given)(module)', BY_VALUE),
        ('getattr(module, "query")(*[u, "$var(r)"])', ["u", '"$var(r)"']),
        ('methodcaller(name, u, "$var(r)")(module)', BY_VALUE),
    ],
)
def test_a_call_by_any_name_is_replaced_with_its_own_expressions(
    tmp_path: Path, line: str, taken: list[str]
) -> None:
    assert arguments(tmp_path, line) == taken


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 tells lines alone")
@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ('ask(u, "$var(r)") or ask(w, "$var(r)")', ["u"]),
        ('[ask(u, "$var(r)"), KSR.http_client.query(w, "$var(r)")]', ["u", "w"]),
        ('str(ask(u + str(ask(w, "$var(r)"))[:0], "$var(r)"))', ["w", "u + str(ask(w"]),
        ('"ü", ask("ü" and u, "$var(r)"), ask(w, "$var(r)")', ['"ü" and u', "w"]),
    ],
)
def test_calls_of_one_line_are_told_apart(load: Load, line: str, taken: list[str]) -> None:
    server = load(
        SCRIPT + "    def ksr_request_route(self, msg):\n        ask = KSR.http_client.query\n"
        f"        u, w = 'http://127.0.0.1:9/u', 'http://127.0.0.1:9/w'\n        {line}\n"
    )
    seen: list[LegacyCall] = []
    server.world.server.observers.append(seen.append)
    assert server.run_one(DEFAULT_MESSAGE).error is None
    found = [CallSites().arguments(call)["url"].code for call in seen]
    assert [code[: len(wanted)] for code, wanted in zip(found, taken, strict=True)] == taken


@pytest.mark.parametrize(
    ("line", "is_taken"),
    [
        ('msg.call_function("http_client_query", u, "$var(r)")', True),
        ('call("http_client_query", u, "$var(r)")', True),
        ('call("http_client_get", u, "$var(r)")', False),
        ("call(name, u, v)", False),
    ],
)
def test_a_native_function_is_known_by_its_name_whoever_calls_it(
    tmp_path: Path, line: str, is_taken: bool
) -> None:
    (url, *_) = arguments(tmp_path, line, is_kemi=False)
    assert url == ("u" if is_taken else f'"{URL}"')
