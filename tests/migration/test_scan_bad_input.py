"""Whatever is in a folder, a scan goes on and says what it has not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onehttp_compat.migration import sources
from onehttp_compat.migration.scanning import FEW, scan

GOOD = 'KSR.http_client.query("http://h/", "$var(x)")\n'

REFUSED = {
    "python 2": (b"x = 1\nprint 'x'\n", 2, "Python 2, which is not read: Missing parentheses"),
    "python 2, except": (b"try:\n  x\nexcept A, e:\n  y\n", 3, "Python 2"),
    "python 2, octal": (b"x = 0777\n", 1, "Python 2"),
    "syntax": (b"x = 1\n\ndef f(:\n", 3, "syntax error"),
    "tabs and spaces": (b"if x:\n\ty\n        z\n", 3, "syntax error: inconsistent use of tabs"),
    "not utf-8": (b"x = '\xff'\n", 1, "syntax error"),
    "unknown encoding": (b"# coding: nothing\nx = 1\n", 0, "syntax error: unknown encoding"),
    "nul": (b"x = 1\0\n", 0, "null bytes"),
    "deep": (b"x = " + b"(" * 5000 + b")" * 5000, 0, ""),
}


@pytest.mark.parametrize(("data", "line", "said"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_not_python_is_named_and_the_others_go_on(
    tmp_path: Path, data: bytes, line: int, said: str
) -> None:
    (tmp_path / "bad.py").write_bytes(data)
    (tmp_path / "good.py").write_text(GOOD)
    found = scan([tmp_path])
    assert [site.path for site in found.sites] == [str(tmp_path / "good.py")]
    (problem,) = found.problems
    assert problem.path == str(tmp_path / "bad.py")
    assert said in problem.text
    assert problem.line == line or not line


READ = {
    "tabs": b"def f():\n\tif x:\n\t\tKSR.http_client.query('http://h/', '$var(x)')\n",
    "bom": b"\xef\xbb\xbf\n\nKSR.http_client.query('http://h/', '$var(x)')\n",
    "crlf": b"\r\n\r\nKSR.http_client.query('http://h/', '$var(x)')\r\n",
    "old macs": b"\r\rKSR.http_client.query('http://h/', '$var(x)')\r",
    "latin-1": b"# coding: latin-1\nx = '\xff'\nKSR.http_client.query('http://h/', '$var(x)')\n",
    "no end of line": b"\n\nKSR.http_client.query('http://h/', '$var(x)')",
    "several lines": b"\n\nKSR.http_client.query(\n  'http://h/',\n  '$var(x)')",
}


@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_a_file_is_read_however_it_is_written(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "script.py").write_bytes(data)
    found = scan([tmp_path])
    assert found.problems == []
    assert [(site.line, site.name) for site in found.sites] == [(3, "KSR.http_client.query")]


def test_a_file_of_5_mb_is_named_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_text(GOOD * (5_000_000 // len(GOOD)))
    found = scan([tmp_path])
    assert found.sites == []
    assert "larger than 4 MiB" in found.problems[0].text


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "pipe.cfg")
    (tmp_path / "device.py").symlink_to("/dev/zero")
    (tmp_path / "script.py").write_text(GOOD)
    found = scan([tmp_path])
    assert len(found.sites) == 1
    assert {Path(problem.path).name for problem in found.problems} == {"pipe.py", "device.py"}
    assert {problem.text for problem in found.problems} == {
        "cannot be read: no file (a pipe, a device)"
    }


def test_folders_that_are_links_to_one_another_are_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "script.py").write_text(GOOD)
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    (tmp_path / "again.py").symlink_to(tmp_path / "a" / "script.py")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    found = scan([tmp_path, tmp_path / "a"])
    assert len(found.sites) == 1
    assert [problem.path for problem in found.problems] == [str(tmp_path / "loop.py")]


def test_what_is_installed_and_what_is_no_server_configuration_is_left_out(tmp_path: Path) -> None:
    for folder in (".venv", "node_modules", ".git"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text(GOOD)
    (tmp_path / "setup.cfg").write_text("[metadata]\nname = x\n")
    assert list(sources.files_of([tmp_path])) == []


def test_calls_of_a_server_configuration_have_their_route(tmp_path: Path) -> None:
    cfg = tmp_path / "kamailio.cfg"
    cfg.write_text(
        'loadmodule "http_client.so"\nrequest_route {\n'
        '  http_client_query("http://u:s3cret@h/", "$var(x)");\n}\n'
    )
    (site,) = scan([cfg]).sites
    assert (site.line, site.kind, site.module) == (3, "configuration", "http_client")
    assert "request_route" in site.note
    assert "s3cret" not in site.code


def test_many_files_are_read_by_several_processes(tmp_path: Path) -> None:
    for number in range(FEW + 1):
        (tmp_path / f"script{number}.py").write_text(GOOD)
    seen: list[tuple[int, int]] = []
    found = scan([tmp_path], 2, lambda done, of: seen.append((done, of)))
    assert len(found.sites) == FEW + 1
    assert seen[-1] == (FEW + 1, FEW + 1)
