"""A script of the corpus, rewritten, in the real server: its queries suspend calls as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from onehttp_compat.migration.rewrite.rewriting import FileRewrite, rewrite_source
from onehttp_compat.migration.sources import SourceText
from servers.kamailio import suspending

PUSH = Path(__file__).parent / "corpus/push.py"


def in_the_server(text: str) -> str:
    """What docs/kamailio.md has people add, and what the test waits for."""
    for old, new in (
        ("import KSR\n", "import sys\n\nimport KSR\nfrom onehttp_compat import kamailio\n"),
        ('URL = os.environ["HTTP_URL"]\n',
         'KSR = kamailio.setup(KSR)\nURL = os.environ["TEST_BACKEND"]\n'),
        ("class Push:", "class Push(kamailio.Script):"),
        ("    def child_init(self, rank):\n",
         "    def child_init(self, rank):\n        if rank == 1:\n"
         '            print("the worker is ready", file=sys.stderr, flush=True)\n'),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.usefixtures("same_python")
@pytest.mark.parametrize("is_rewritten", [False, True], ids=["legacy", "rewritten"])
def test_a_phone_is_woken_while_its_call_is_suspended(tmp_path: Path, is_rewritten: bool) -> None:
    text = PUSH.read_text()
    if is_rewritten:
        done = rewrite_source(SourceText("push.py", text))
        assert isinstance(done, FileRewrite)
        assert done.left == []
        text = done.after
    script = tmp_path / "source.py"
    script.write_text(in_the_server(text))
    with suspending.running(tmp_path, script) as calls:
        call = calls.caller.invite("bob")
        calls.backend.arrival("/token/bob").answer()
        calls.backend.arrival("/push").answer()
        calls.backend.arrival("/settings/bob").answer()
        assert calls.caller.final(call) == "486 Busy"
        log = calls.inside.log()
    assert ("is a legacy call" in log) is not is_rewritten
    assert "Traceback" not in log
