"""``make demo``: three unmodified legacy scripts, five kinds of legacy calls, one engine."""

import os
import subprocess
import sys
from pathlib import Path

from lookup_server import serving

HERE = Path(__file__).resolve().parent


def run(*arguments):
    command = ["onehttp", "run", *arguments]
    print("\n$", " ".join(command), flush=True)
    return subprocess.run([sys.executable, "-m", *command], cwd=HERE.parent, check=False).returncode


def main():
    with serving() as address:
        os.environ["ROUTING_API"] = address
        os.environ["LOOKUP_APIS"] = f"http://127.0.0.1:1 {address}"  # the first one is down
        print("local HTTP services for the demo:", address)
        codes = [
            run("examples/legacy_routing.py", "--message", "examples/messages"),
            run(
                *("examples/kemi_routing.py", "--connections", "examples/connections.yaml"),
                *("--message", "examples/messages"),
            ),
            run("examples/async_lookup.py", "--message", "examples/messages"),
            run(
                *("examples/async_lookup.py", "--message", "examples/messages/1-invite-north.sip"),
                *("--repeat", "500", "--concurrency", "16"),
            ),
        ]
    if any(codes):
        sys.exit("the demo failed: see the messages above")
    print("\nNow your own: onehttp run YOUR_SCRIPT.py --message YOUR_REQUEST.sip")


if __name__ == "__main__":
    main()
