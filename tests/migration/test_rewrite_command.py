"""``onehttp migrate rewrite``: what changes, what stays, and what has a note with the reason."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp
from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite_source
from onehttp_compat.migration.sources import SourceText
from servers.patience import PATIENCE_S

V = '"$var(x)"'
CALL = f'KSR.http_client.query("http://h/", {V})'

NOTES = {
    f"while {CALL} == 200: pass": "it stands where it may be called late or not at all",
    f"if a:\n    pass\nelif {CALL} == 200:\n    pass": "it stands where it may be called late",
    f"x = a() and {CALL}": "it stands where it may be called late",
    f"x = a and {CALL}": "it stands where it may be called late",
    f"x = a(), {CALL}": "it stands where it may be called late",
    f"x = [{CALL} for a in b]": "it stands where it may be called late",
    f"x = lambda: {CALL}": "it stands where it may be called late",
    f"a(); {CALL}": "it stands where it may be called late",
    f"assert {CALL}": "it stands where it may be called late",
    f"if a: {CALL}": "it stands where it may be called late",
    'KSR.http_client.query(*a)': "its arguments are not written one by one",
    f'KSR.http_client.query_post_hdrs("http://h/", "b", h, {V})': "its headers are put together",
    f'KSR.http_client.query_request(m, "http://h/", "b", "", {V})': "its method is not a literal",
    f'KSR.http_client.query("http://u:p@" + h, {V})': "said in connections.yaml",
    f'KSR.http_client.query_post("http://h/", "a\\0b", {V})': "there is a NUL",
    f'KSR.http_client.query_post("http://h/", """a\nb""" + c, {V})': "a text of several lines",
    f'KSR.http_client.query_request_v2pk("GET", h, "", "", {V})': "said in connections.yaml",
    'KSR.http_async_client.query("http://h/", "R")': "its route R is not a function of this file",
    'msg.call_function("http_set_timeout", "5")': "goes into the onehttp.submit that follows",
    'msg.call_function("auth_add_identity")': "RFC 8224",
    "H = {1: KSR.http_client.query}": "it is called elsewhere",
    'requests.get("x")': "past the engine",
}  # fmt: skip


def rewritten(text: str) -> FileRewrite:
    done = rewrite_source(SourceText("script.py", text))
    assert isinstance(done, FileRewrite)
    return done


@pytest.mark.parametrize("statement", NOTES)
def test_what_is_not_safe_has_a_note_with_the_reason_and_only_one(statement: str) -> None:
    text = f"import KSR\nimport requests\n\n# why\n{statement}\n"
    done = rewritten(text)
    (left,) = done.left
    assert NOTES[statement] in left.reason
    assert "# why\n# onehttp: " in done.after or "elif" in statement
    assert done.after.count(f"# onehttp: {left.name}: ") == 1
    if not done.done:
        assert done.after.replace("# onehttp:", "#").count("\n") > text.count("\n")
        lines = [line for line in done.after.splitlines() if not line.lstrip().startswith("#")]
        assert lines == [line for line in text.splitlines() if not line.startswith("#")]
    assert rewritten(done.after).after == done.after


def test_comments_and_formatting_stay() -> None:
    text = (
        "import KSR  # the server\n\n\nclass  Script :\n\tdef route( self,msg ):\n"
        f"\t\tx = {{ 'a':1 }}  # odd\n\n\t\t# before\n\t\tcode={CALL} # behind\n\t\treturn  code\n"
    )
    after = rewritten(text).after
    assert "class  Script :\n\tdef route( self,msg ):\n\t\tx = { 'a':1 }  # odd\n" in after
    assert "\n\t\t# before\n\t\t# behind\n\t\ttry:\n\t\t\tresponse = onehttp" in after
    assert after.endswith("\t\treturn  code\n")
    assert after.startswith("import KSR  # the server\nimport onehttp\n")


IMPORTS = {
    f"{CALL}": "import onehttp\ntry:",
    f'"""Doc."""\nfrom __future__ import annotations\nimport KSR\n\n{CALL}': (
        '"""Doc."""\nfrom __future__ import annotations\nimport KSR\nimport onehttp\n\n'
    ),
    f"import onehttp\nimport KSR\n{CALL}": "import onehttp\nimport KSR\ntry:",
    f'msg.call_function("http_query", "http://h/", {V})': "import onehttp\nimport KSR\n",
}


@pytest.mark.parametrize("text", IMPORTS)
def test_imports_are_added_where_they_belong(text: str) -> None:
    assert rewritten(text).after.startswith(IMPORTS[text])


def test_names_of_the_script_are_left_alone() -> None:
    after = rewritten(
        f"import KSR\nresponse = value = error = code = 1\nif {CALL}:\n    pass"
    ).after
    assert "http_response = onehttp.request" in after
    assert "http_code, http_value = http_error.code" in after
    assert "if http_code:" in after


def test_what_is_rewritten_is_rewritten_once() -> None:
    once = rewritten(
        f"import KSR\ncode = {CALL}\nif {CALL} == 200:\n    pass\nH = [KSR.http_client.query]\n"
    )
    again = rewritten(once.after)
    assert again.after == once.after
    assert again.done == []


def test_only_the_modules_that_are_asked_for() -> None:
    text = f'import KSR\n{CALL}\nmsg.call_function("http_query", "http://h/", {V})\n'
    done = rewrite_source(SourceText("script.py", text), ["utils"])
    assert isinstance(done, FileRewrite)
    assert len(done.done) == 1
    assert CALL in done.after


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("script.py")
    path.write_text(f"import KSR\n\ncode = {CALL}\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(onehttp, ["migrate", "rewrite", *map(str, arguments)])


def test_a_diff_is_printed_that_patch_takes_and_the_file_stays(script: Path) -> None:
    before = script.read_text()
    done = run(script)
    assert done.exit_code == 0, done.output
    assert script.read_text() == before
    assert "1 calls can be rewritten (--write), 0 left" in done.stderr
    subprocess.run(["patch", "-p1"], input=done.stdout, text=True, check=True, timeout=PATIENCE_S)
    patched = script.read_text()
    script.write_text(before)
    assert run(script, "--write").exit_code == 0
    assert script.read_text() == patched
    assert "onehttp.request" in patched


def test_what_cannot_be_read_is_told_and_the_others_are_rewritten(script: Path) -> None:
    Path("old.py").write_text("print 'x'\n")
    done = run(".", "--write")
    assert done.exit_code == 3
    assert "old.py:1: Python 2" in done.stderr
    assert "onehttp.request" in script.read_text()


def test_a_ratchet_goes_one_way(script: Path) -> None:
    baseline = Path("baseline.json")
    assert run(script, "--fail-on-new", baseline).exit_code == 0
    assert json.loads(baseline.read_text())["sites"] == {"script.py: KSR.http_client.query": 1}
    script.write_text(script.read_text() + f"code = {CALL}\n")
    done = run(script, "--fail-on-new", baseline)
    assert done.exit_code == 1
    assert "script.py: KSR.http_client.query: 2 sites, 1 allowed" in done.output
    assert run(script, "--write", "--fail-on-new", baseline).exit_code == 0
    assert json.loads(baseline.read_text())["sites"] == {}
    script.write_text(f"import KSR\ncode = {CALL}\n")
    assert run(script, "--fail-on-new", baseline).exit_code == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 9, "sites": {}}'])
def test_a_file_that_is_no_baseline_is_refused(script: Path, text: str) -> None:
    Path("baseline.json").write_text(text)
    done = run(script, "--fail-on-new", "baseline.json")
    assert done.exit_code == 1
    assert "delete it to begin anew" in done.output
