"""``ONEHTTP_LEGACY``: legacy calls are allowed, warned of, errors, or recorded."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

import onehttp
from onehttp_compat.calls.levels import Levels
from onehttp_compat.calls.recording import CallRecorder
from onehttp_compat.calls.warning import LegacyCallError
from onehttp_compat.ksr import Ksr
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer
from stand_ins import processes

GIVEN = [
    ("", "utils", "/a.py", "warn"),
    ("allow", "utils", "/a.py", "allow"),
    ("record, utils=error", "utils", "/a.py", "error"),
    ("record, utils=error", "curl", "/a.py", "record"),
    ("error,/old/*=allow", "utils", "/old/a.py", "allow"),
    ("utils=error,/old/*=allow", "utils", "/old/a.py", "allow"),
    ("/old/*=allow,/old/b.py=error", "utils", "/old/b.py", "error"),
    ("xcap_client=error", "xcap_client", "/a.py", "error"),
]


@pytest.mark.parametrize(("given", "module", "path", "level"), GIVEN)
def test_a_file_counts_before_its_module_and_that_before_all(
    given: str, module: str, path: str, level: str
) -> None:
    assert Levels.of_environment({"ONEHTTP_LEGACY": given}).of(module, path) == level


@pytest.mark.parametrize("given", ["off", "utils=no", "utilities=allow", "=", "warn=utils"])
def test_what_is_no_level_is_refused_with_the_part_that_is_wrong(given: str) -> None:
    with pytest.raises(onehttp.ConfigurationError, match=f"ONEHTTP_LEGACY: '{given}'"):
        Levels.of_environment({"ONEHTTP_LEGACY": given})


def test_a_warning_has_the_call_in_the_scripts_own_expressions(
    legacy: LegacyServer, web: RawServer
) -> None:
    ksr, token = Ksr(legacy), "s3cret"
    with pytest.warns(onehttp.LegacyCallWarning) as caught:
        ksr.http_client.query_post_hdrs(
            web.url + "/a?token=s3cret", "b", f"Authorization: Bearer {token}", "$var(x)"
        )
    said = str(caught[0].message)
    assert 'onehttp.request(\n    "POST"' in said
    assert "web.url" in said
    assert 'f"Bearer {token}"' in said
    assert "s3cret" not in said


def test_a_warning_pasted_in_place_of_its_call_sends_the_same(
    legacy: LegacyServer, web: RawServer
) -> None:
    ksr = Ksr(legacy)
    with pytest.warns(onehttp.LegacyCallWarning) as caught:
        ksr.http_client.query_request("PUT", web.url + "/a", "b", "X-A: 1", "$var(x)")
    code = "\n".join(str(caught[0].message).splitlines()[1:-1])
    exec(code, {"onehttp": onehttp, "web": web})
    assert len(web.requests) == 2
    assert b"X-A: 1" in web.requests[1]
    assert web.requests[0].partition(b"\r\n")[0] == web.requests[1].partition(b"\r\n")[0]


def test_an_error_comes_before_anything_is_sent(legacy: LegacyServer, web: RawServer) -> None:
    legacy.warnings.levels.paths["*/test_legacy_levels.py"] = "error"
    with pytest.raises(LegacyCallError, match=r"onehttp\.request"):
        Ksr(legacy).http_client.query(web.url, "$var(x)")
    assert web.requests == []


def recorded(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_recording_counts_each_place_and_holds_nothing_of_the_call(
    legacy: LegacyServer, web: RawServer, tmp_path: Path
) -> None:
    file = tmp_path / "legacy.jsonl"
    legacy.warnings.levels.default = "record"
    legacy.warnings.recorder = CallRecorder(file, flush_s=3600)
    for _ in range(3):
        Ksr(legacy).http_client.query(web.url + "/secret", "$var(x)")
    Ksr(legacy).http_client.query(web.url + "/secret", "$var(x)")
    legacy.warnings.recorder.flush()
    lines = recorded(file)
    # The second place, which is new, is written with what the first has counted meanwhile.
    assert [one["count"] for one in lines] == [1, 2, 1]
    assert {one["name"] for one in lines} == {"KSR.http_client.query"}
    assert {one["path"] for one in lines} == {__file__}
    assert "secret" not in file.read_text()


def _count(file: Path, times: int) -> None:
    recorder = CallRecorder(file)
    count = recorder.counter("/a.py", 1, "utils", "http_query")
    for _ in range(times):
        count()
    recorder.flush()


def test_many_processes_append_to_one_file(tmp_path: Path) -> None:
    file = tmp_path / "legacy.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_count, args=(file, 500)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(int(str(one["count"])) for one in recorded(file)) == 1500


FORKING = """
    import os, pathlib, sys
    from onehttp_compat.calls.recording import CallRecorder
    recorder = CallRecorder(pathlib.Path(sys.argv[1]), flush_s=3600)
    count = recorder.counter("/a.py", 1, "utils", "http_query")
    for _ in range(5):
        count()
    child = os.fork()
    if not child:
        count()
        recorder.flush()
        os._exit(0)
    os.waitpid(child, 0)
    print(os.getpid(), child)
"""


def test_a_forked_child_does_not_write_what_its_parent_has_counted(tmp_path: Path) -> None:
    file = tmp_path / "legacy.jsonl"
    parent, child = map(int, processes.output(FORKING, str(file)).split())
    by_process: dict[object, int] = {}
    for one in recorded(file):
        by_process[one["pid"]] = by_process.get(one["pid"], 0) + int(str(one["count"]))
    assert by_process == {parent: 5, child: 1}  # what was left is written when the parent ends


def test_a_recording_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = CallRecorder(tmp_path / "missing" / "legacy.jsonl", flush_s=0)
    count = recorder.counter("/a.py", 1, "utils", "http_query")
    count()
    count()
    (record,) = caplog.records
    assert "legacy calls are not recorded: No such file" in record.message
