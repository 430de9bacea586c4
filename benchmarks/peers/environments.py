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
PEERS = {
    "wreq": ("wreq",),
    "primp": ("primp",),
    "pyreqwest": ("pyreqwest", "gevent"),
    "httpx": ("httpx[brotli,http2,socks,zstd]", "trio", "gevent"),
    "aiohttp": ("aiohttp[speedups]",),
    "requests": ("requests[socks]", "urllib3[brotli,zstd]", "gevent"),
    "curl_cffi": ("curl_cffi", "gevent"),
}
"""Each with what its own documentation offers besides, since it is asked what it can do."""

COMPILED = ROOT / ".venv-compiled" / "bin" / "python"
"""Of `make compiled`, with onehttp as a wheel of that kind."""


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment."""
    return FOLDER / peer / "bin" / "python"


def made() -> list[str]:
    """Peers that have an environment."""
    return [
        peer for peer in PEERS if _mark(peer).exists() and _mark(peer).read_text() == _wanted(peer)
    ]


def _mark(peer: str) -> Path:
    """Of an environment that is whole: what was installed."""
    return FOLDER / peer / ".ready"


def _wanted(peer: str) -> str:
    return " ".join(PEERS[peer])


def main() -> None:
    for peer in PEERS:
        if peer in made():
            continue
        print(f"making {FOLDER.name}/{peer}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", FOLDER / peer], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([python_of(peer), *install, *PEERS[peer]])
        if done.returncode:
            print(f"{peer} cannot be had here, and is left out", flush=True)
        else:
            _mark(peer).write_text(_wanted(peer))


if __name__ == "__main__":
    main()
