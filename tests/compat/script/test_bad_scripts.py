"""Scripts that do not start, do not end, end the process, or leave things behind: the run goes on,
and says what was the matter and where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from onehttp.cli.group import onehttp as command
from onehttp_compat.script.script_errors import PYTHON_2
from servers.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("left_as_found")

ROUTE = "def ksr_request_route():\n"
TWO_MESSAGES = Path(__file__).parent / "scripts/messages"
SHORT = ("--timeout", "0.2")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.py"


def run(script: Path, text: str | bytes, *more: str) -> Result:
    script.write_bytes(text if isinstance(text, bytes) else text.encode())
    return CliRunner().invoke(command, ["run", str(script), *more])


def messages(done: Result) -> Any:
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return json.loads(done.stdout)["messages"]


def in_process(script: Path, text: str, *more: str) -> subprocess.Popen[str]:
    """A process of its own, for what a script does to the one it runs in."""
    script.write_text(text)
    code = "from onehttp.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "run", str(script), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        errors="replace",
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (\n", "script.py:1: SyntaxError: "),
        ("def f(:\n    pass\n", "script.py:1: SyntaxError: "),
        ("if 1:\n        x = 1\n\ty = 2\n", "script.py:3: TabError: "),
        ("x = 1\0\n", "null bytes"),
        (b"x = '\xff'\n", "SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xff"),
        ("x = " + "(" * 300 + ")" * 300, "script.py:1: SyntaxError: too many nested parentheses"),
        ("", "has no mod_init(), and no ksr_request_route() either"),
        ("1 / 0\n", "script.py:1: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "script.py:2: SystemExit: 3"),
        ("import os\nos._exit(3)\n", "script.py:2: ProcessExitError: os._exit(3)"),
        ("import os\nos.abort()\n", "script.py:2: ProcessExitError: os.abort()"),
        ("import redis_of_ours.client\n",
         "script.py:1: ModuleNotFoundError: No module named 'redis_of_ours' (install it where "
         "onehttp is, or put a redis_of_ours.py beside the script)"),
        ("import json, of_ours\nimport of_ours.more, of_theirs.client as c\nfrom . import x\n"
         "try:\n    import of_nobody\nexcept ImportError:\n    pass\n"
         "def later():\n    import of_later\nfrom of_others import y\nimport sys, of_ours\n",
         "script.py:1: ModuleNotFoundError: No module named 'of_ours' (nor of_theirs, of_others; "
         "install them where onehttp is, or put a of_ours.py and its like beside the script)"),
        ("class Own(BaseException): pass\nraise Own('why')\n", "script.py:2: Own: why"),
        ("class Own(Exception):\n    def __str__(self): return 1\nraise Own\n",
         "script.py:3: Own: (its text raises TypeError)"),
        ("def mod_init():\n    raise MemoryError\n", "script.py:2: MemoryError"),
        ("def child_init(rank):\n    raise GeneratorExit\n" + ROUTE + "    return 1\n",
         "child_init: script.py:2: GeneratorExit"),
        ("def f(): return f()\nf()\n", "script.py:1: RecursionError: maximum recursion depth"),
    ],
)  # fmt: skip
def test_a_script_that_does_not_start(script: Path, text: str | bytes, said: str) -> None:
    done = run(script, text)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.startswith(f"Error: {script}: ")
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "line",
    [
        'print "called"', "print called, 1", "exec 'x = 1'", "raise ValueError, 'x'", "x = 0777",
        "x = 5L", "x = 1 <> 2", "x = `1`", "x = ur'a'", "import urllib2", "import ConfigParser",
        "from urlparse import urlparse", "unicode('x')", "xrange(3)", "{}.has_key(1)",
        "{}.iteritems()", "import urllib\nurllib.quote('x')",
        "try:\n    pass\nexcept (IOError, OSError), error:\n    pass",
        "try:\n    pass\nexcept IOError, error:\n    pass",
    ],
)  # fmt: skip
def test_a_script_for_python_2_is_told_from_a_slip(script: Path, line: str) -> None:
    done = run(script, f"{line}\n")
    assert done.exit_code == 1
    assert done.stderr.endswith(f"{PYTHON_2}\n"), done.stderr


@pytest.mark.parametrize("line", ["x = (", "x = 1 +", "nosuch(3)", "{}.nosuch", "x y"])
def test_a_slip_is_not_taken_for_python_2(script: Path, line: str) -> None:
    done = run(script, f"{line}\n")
    assert done.exit_code == 1
    assert PYTHON_2 not in done.stderr


ENDLESS = {
    "a loop": "    while True: pass\n",
    "a loop that catches everything":
        "    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass\n",
    "a sleep": "    import time; time.sleep(3600)\n",
    "an expression": "    import re; re.match('(a|a)*b', 'a' * 60)\n",
    "a signal of its own": "    import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
                           "    while True: pass\n",
    "a lock": "    import threading; lock = threading.Lock()\n"
              "    lock.acquire(); lock.acquire()\n",
}  # fmt: skip


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
def test_a_message_without_end_is_ended_and_the_next_goes_on(script: Path, endless: str) -> None:
    text = f"import KSR\n{ROUTE}    if KSR.is_OPTIONS(): return 1\n{endless}    return 1\n"
    files = [argument for name in ("01-register", "02-options", "20-notify")
             for argument in ("--message", str(TWO_MESSAGES / f"{name}.sip"))]  # fmt: skip
    first, second, third = messages(run(script, text, *SHORT, "--json", *files))
    for one in (first, third):
        assert one["end"] == "failed"
        assert one["error"].startswith("ended after 0.2 s at script.py:")
        assert one["error"].endswith("the limit of a message (--timeout)")
    assert second["end"] == "unanswered"


def test_a_script_with_a_handler_of_its_own_leaves_no_clock_running(script: Path) -> None:
    text = (
        f"import signal\n{ROUTE}    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    return 1\n"
    )
    done = run(script, text, "--timeout", "60")
    assert done.exit_code == 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_messages_without_end_at_once(script: Path) -> None:
    text = f"{ROUTE}    while True: pass\n"
    done = run(script, text, *SHORT, "--json", "--repeat", "4", "--concurrency", "4")
    assert [one["end"] for one in messages(done)] == ["failed"] * 4


@pytest.mark.parametrize(
    "text",
    [
        "while True: pass\n",
        "def mod_init():\n    while True: pass\n",
        f"def child_init(rank):\n    while True: pass\n{ROUTE}    return 1\n",
    ],
)
def test_a_start_without_end(script: Path, text: str) -> None:
    done = run(script, text, *SHORT)
    assert done.exit_code == 1
    assert f"{script}: does not start: ended after 0.2 s at script.py:" in done.stderr


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("import os; os._exit(3)", "ProcessExitError: os._exit(3): the server would be gone"),
        ("import os; os.abort()", "ProcessExitError: os.abort(): the server would be gone"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise MemoryError('no more')", "MemoryError: no more"),
        ("return ksr_request_route()", "RecursionError: maximum recursion depth exceeded"),
        ("input()", "EOFError: EOF when reading a line"),
        ("unicode('x')", f"NameError: name 'unicode' is not defined{PYTHON_2}"),
    ],
)
def test_what_would_end_the_server_ends_the_message(script: Path, line: str, error: str) -> None:
    done = run(script, f"{ROUTE}    {line}\n", "--json", "--repeat", "2")
    assert done.exit_code == 1
    for one in messages(done):
        assert one["end"] == "failed"
        assert one["error"].startswith(f"script.py:2: {error}")


def test_a_hundred_megabytes_of_output_are_counted_and_mostly_not_shown(script: Path) -> None:
    text = f"{ROUTE}    for _ in range(100): print('x' * 999_999)\n    return 1\n"
    done = run(script, text, "--json")
    assert json.loads(done.stdout)["notes"] == [
        "The script printed 100000000 characters, of which 1048576 were shown."
    ]
    assert len(done.stderr) < 1_100_000
    assert done.exit_code == 0


def test_threads_left_behind_are_named_and_not_waited_for(script: Path) -> None:
    process = in_process(
        script,
        "import threading\ndef mod_init():\n"
        "    threading.Thread(target=threading.Event().wait, name='poller').start()\n"
        "    return Routes()\nclass Routes:\n"
        "    def ksr_request_route(self, msg):\n        return 1\n",
    )
    said, _ = ended(process)
    assert process.returncode == 0
    assert "The script has left threads running: poller." in said


@pytest.mark.parametrize(
    "line",
    [
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import os; os.closerange(1, 3)",
        "import os; os.dup2(os.open(os.devnull, os.O_WRONLY), 1)",
        "import os; os.write(1, b'{')",
        "import subprocess; subprocess.run(['echo', '{'])",
        "import logging; logging.shutdown(); logging.disable()",
        "import os; os.fork()",
        "import os; os.fork() or os._exit(7)",
        "import os; os.chdir('/')",
    ],
)
def test_whatever_it_does_to_its_process_the_report_is_whole(script: Path, line: str) -> None:
    process = in_process(script, f"{ROUTE}    {line}\n    return 1\n", "--json", "--repeat", "2")
    said, errors = ended(process)
    assert process.returncode == 0, errors
    assert json.loads(said)["summary"]["unanswered"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("how", [(), ("--json",)])
def test_who_is_interrupted_prints_the_report_so_far(
    script: Path, how: tuple[str, ...], number: signal.Signals
) -> None:
    text = f"import KSR, os, time\n{ROUTE}    KSR.sl.send_reply(200, 'OK')\n    print('begun')\n"
    process = in_process(script, text + "    time.sleep(0.001)\n    return 1\n", *how,
                         "--repeat", "1000000")  # fmt: skip
    assert process.stderr is not None
    try:
        while "begun" not in process.stderr.readline():
            assert process.poll() is None
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    if how:
        assert json.loads(said)["interrupted"] is True
    else:
        assert said.startswith("interrupted after ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_ends_its_own_process_leaves_a_report(script: Path, number: signal.Signals) -> None:
    text = f"import os\n{ROUTE}    os.kill(os.getpid(), {int(number)})\n    return 1\n"
    process = in_process(script, text, "--json")
    said, errors = ended(process)
    assert process.returncode == 128 + number, errors
    assert json.loads(said)["interrupted"] is True


def test_a_child_that_a_script_ends_ends(script: Path) -> None:
    text = (
        "import os, signal\n"
        f"{ROUTE}    child = os.fork() or os.kill(os.getpid(), signal.SIGTERM)\n"
        "    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM\n    return 1\n"
    )
    process = in_process(script, text, "--json")
    said, errors = ended(process)
    assert process.returncode == 0, errors
    assert json.loads(said)["summary"]["unanswered"] == 1


@pytest.mark.parametrize("data", [b"", b"hello\n", b"INVITE sip:b@h SIP/2.0\r\nVia: x\r\n\r\n"])
def test_messages_that_the_server_drops_alone_are_a_report_and_a_failure(
    script: Path, data: bytes
) -> None:
    file = script.with_name("dropped.sip")
    file.write_bytes(data)
    process = in_process(script, f"{ROUTE}    return 1\n", "--json", "--message", str(file))
    said, errors = ended(process)
    assert process.returncode == 1, errors
    report = json.loads(said)
    assert report["counts"]["dropped_messages"] == 1
    assert "The server would drop all of these messages." in report["notes"]


def test_an_object_that_raises_for_names_it_does_not_have_is_told(script: Path) -> None:
    done = run(
        script,
        "class Own:\n    def __getattr__(self, name):\n        raise RuntimeError('no ' + name)\n"
        "    def ksr_request_route(self, msg):\n        return 1\n"
        "def mod_init(): return Own()\n",
        "--json",
    )  # fmt: skip
    told = {one["text"] for one in json.loads(done.stdout)["mistakes"]}
    assert "no route child_init, but script.py:3: RuntimeError: no child_init" in told
    assert [one["end"] for one in messages(done)] == ["unanswered"]


@pytest.mark.parametrize("text", ["async def {}: pass", "def {}: yield 1"])
@pytest.mark.filterwarnings("error")
def test_a_route_of_which_no_line_runs_is_told(script: Path, text: str) -> None:
    done = run(script, text.format("ksr_request_route()") + "\n", "--json")
    (told,) = json.loads(done.stdout)["mistakes"]
    assert told["text"].startswith("ksr_request_route is async, or has a yield")
    assert done.exit_code == 1


def test_all_names_can_be_imported_from_the_server(script: Path) -> None:
    done = run(
        script,
        "from KSR import *\n"
        + ROUTE
        + "    info('x')\n    sl.send_reply(200, pv.get('$rm'))\n    return 1\n",
        "--json",
    )
    assert [one["replies"] for one in messages(done)] == [["200 INVITE"]]


def test_what_nobody_reads_to_its_end_is_cut_and_json_has_it(script: Path) -> None:
    text = ROUTE + "    KSR.hdr.append('X: ' + 'word ' * 20_000 + '\\r\\n')\n    return 1\n"
    done = run(script, f"import KSR\n{text}")
    assert len(done.stdout) < 3000
    assert "characters)" in done.stdout
    assert len(run(script, f"import KSR\n{text}", "--json").stdout) > 100_000
