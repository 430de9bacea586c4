"""``examples/async_lookup.py``, run as its users would, while the first service is down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples"))

from lookup_server import serving  # noqa: E402 - the example's own module


def test_each_call_is_suspended_for_both_services_and_ends() -> None:
    with serving() as address:
        done = subprocess.run(
            [sys.executable, "-m", "onehttp", "run", "examples/async_lookup.py",
             "--message", "examples/messages", "--json"],
            cwd=ROOT,
            env=os.environ | {"LOOKUP_APIS": f"http://127.0.0.1:1 {address}"},
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
    messages = {one["message"]: one for one in json.loads(done.stdout)["messages"]}
    north = messages["1-invite-north.sip"]
    assert (north["suspended"], north["resumed"]) == (2, 2)
    assert "$ru = sip:+4930123456@north.example" in north["actions"]
    assert messages["3-invite-unknown.sip"]["replies"][-1] == "404 Not Found"
    assert messages["5-bye.sip"]["suspended"] == 0
