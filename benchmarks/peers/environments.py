"""``python -m benchmarks.peers.environments``: makes ``.venv-peers/NAME`` for each peer.

One environment each: some replace what others import (niquests takes the place of urllib3), and
none of them is a dependency of ours.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.contender import ROOT

FOLDER = ROOT / ".venv-peers"
PEERS = ("wreq", "primp", "pyreqwest", "httpx", "aiohttp", "requests", "curl_cffi")


COMPILED = ROOT / ".venv-compiled" / "bin" / "python"
"""Of `make compiled`, with onehttp as a wheel of that kind."""


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment."""
    return FOLDER / peer / "bin" / "python"


def made() -> list[str]:
    """Peers that have an environment."""
    return [peer for peer in PEERS if (FOLDER / peer / ".ready").exists()]


def main() -> None:
    for peer in PEERS:
        if peer in made():
            continue
        print(f"making {FOLDER.name}/{peer}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", FOLDER / peer], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([python_of(peer), *install, peer])
        if done.returncode:
            print(f"{peer} cannot be had here, and is left out", flush=True)
        else:
            (FOLDER / peer / ".ready").touch()


if __name__ == "__main__":
    main()
