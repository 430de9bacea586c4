"""What was recorded while a script ran, and what a scan says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp
from onehttp_compat.migration.records import read_recordings, with_recording
from onehttp_compat.migration.scanning import scan

SCRIPT = """import KSR
KSR.http_client.query("http://h/", "$var(x)")
KSR.http_client.query(
    "http://h/",
    "$var(x)",
)
"""


def line(path: object, number: int, count: int, **more: object) -> str:
    said = {"version": 1, "path": str(path), "line": number, "module": "http_client"}
    return json.dumps({**said, "name": "KSR.http_client.query", "count": count, **more}) + "\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "router.py"
    path.write_text(SCRIPT)
    return path


def seen(script: Path, recording: str) -> list[tuple[int, str, int | None]]:
    file = script.parent / "legacy.jsonl"
    file.write_text(recording)
    merged = with_recording(scan([script]), read_recordings([file]))
    return [(site.line, site.kind, site.seen) for site in merged.sites]


def test_counts_of_all_processes_add_up_and_the_others_were_never_seen(script: Path) -> None:
    told = line(script, 4, 1) + line(script, 4, 41)
    assert seen(script, told) == [(2, "call", 0), (3, "call", 42)]


def test_what_was_seen_and_is_not_found_is_a_site_of_its_own(script: Path) -> None:
    told = line(script, 2, 1) + line(script, 9, 2) + line("/gone/other.py", 1, 3)
    assert seen(script, told) == [
        (2, "call", 1), (3, "call", 0), (9, "seen only", 2), (1, "seen only", 3),
    ]  # fmt: skip


def test_production_has_its_scripts_in_other_folders(script: Path) -> None:
    assert seen(script, line("/etc/kamailio/router.py", 2, 5)) == [(2, "call", 5), (3, "call", 0)]


@pytest.mark.parametrize(
    ("torn", "said"),
    [
        (line("/a.py", 2, 7)[:30] + "\n", "cut short"),
        ("null\n", "cut short"),
        ("{}\n", "cut short"),
        ('{"version": 1}\n', "cut short"),
        (line("/a.py", 2, 7).replace("7}", "null}"), "cut short"),
        (line("/a.py", 2, 7, version=2), "of version 2; this onehttp reads 1"),
        ("\xff\n", "cut short"),
    ],
)
def test_lines_cut_in_the_middle_are_told_and_the_others_count(
    script: Path, torn: str, said: str
) -> None:
    file = script.parent / "legacy.jsonl"
    whole = line(script, 2, 1).encode()
    file.write_bytes(whole + torn.encode("latin-1") + whole + whole[:20])
    merged = with_recording(scan([script]), read_recordings([file]))
    assert [site.seen for site in merged.sites] == [2, 0]
    first, last = merged.problems
    assert (first.line, last.line) == (2, 4)
    assert said in first.text


def test_the_command_says_how_often(script: Path) -> None:
    file = script.parent / "legacy.jsonl"
    file.write_text(line(script, 2, 5))
    done = CliRunner().invoke(onehttp, ["migrate", "scan", str(script), "--recorded", str(file)])
    assert done.exit_code == 0, done.output
    assert "router.py:2: KSR.http_client.query, seen 5 times" in done.stdout
    assert "router.py:3: KSR.http_client.query, never seen" in done.stdout


def test_calls_of_one_line_have_one_count(tmp_path: Path) -> None:
    path = tmp_path / "router.py"
    path.write_text(
        "import KSR\n"
        'a, b = KSR.http_client.query("u", "$var(a)"), KSR.http_client.query("v", "$var(b)")\n'
        'KSR.http_client.query("w", "$var(c)")\n'
    )
    file = tmp_path / "legacy.jsonl"
    file.write_text(line(path, 2, 6))
    merged = with_recording(scan([path]), read_recordings([file]))
    assert [site.seen_running for site in merged.sites] == [
        "seen 6 times, counted with its line", "seen 6 times, counted with its line", "never seen",
    ]  # fmt: skip
