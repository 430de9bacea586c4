"""The functions that modules of a server give to its configuration, and with how many parameters.

Nothing lists them: the server is asked to check a configuration that calls each text constant of a
module, with each number of parameters, and says which of these calls it does not know. It stops at
words of its own language: those are left out, and the rest is asked again.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

MOST_PARAMETERS = 2
"""More are none that a script may give."""
AT_ONCE = 1000
"""The server gives up after some thousand mistakes."""
INTERNAL = "bind_"
"""What modules call of each other has such names."""
SENTINEL = "onehttp_no_such_command"

_word = re.compile(rb"[A-Za-z0-9_]{3,48}(?=\0)")
_name = re.compile(r"[a-z][a-z0-9_]{2,}").fullmatch
_place = re.compile(r"line (\d+), column")


class Asked:
    """Asks one server; what it has learned of its language holds for all modules."""

    def __init__(self, server: Path, folders: list[Path], environment: Mapping[str, str]) -> None:
        self._command = [str(server), "-c", "-L", ":".join(map(str, folders)), "-f"]
        self._environment = dict(environment)
        self._of_the_language: set[str] = set()

    def functions(self, file: Path) -> dict[str, list[int]]:
        """Numbers of parameters by function, of the module in ``file``."""
        words = sorted(_words(file))
        found: dict[str, list[int]] = {}
        for count in range(MOST_PARAMETERS + 1):
            parts = [words[at : at + AT_ONCE] for at in range(0, len(words), AT_ONCE)]
            taken = [one for part in parts for one in self._taken(file, part, count)]
            taken = self._taken(file, taken, count)  # nothing hides behind a mistake now
            core = set(self._taken(None, taken, count))
            for name in taken:
                if name not in core and not name.startswith(INTERNAL):
                    found.setdefault(name, []).append(count)
        return found

    def _taken(self, file: Path | None, words: list[str], count: int) -> list[str]:
        """Those of ``words`` that are functions with ``count`` parameters."""
        while True:
            asked = [word for word in words if word not in self._of_the_language]
            head = ["#!KAMAILIO", f'loadmodule "{file}"' if file else "", "request_route {"]
            given = ", ".join(['"1"'] * count)
            calls = [f"{word}({given});" for word in (*asked, SENTINEL)]
            wrong = self._wrong_lines("\n".join([*head, *calls, "}", ""]))
            first = len(head) + 1
            if first + len(asked) in wrong:
                return [word for i, word in enumerate(asked) if first + i not in wrong]
            last = max((line for line in wrong if line >= first), default=0)
            if not last:
                return []  # the module is not taken, or nothing is asked
            self._of_the_language.add(asked[last - first])

    def _wrong_lines(self, config: str) -> set[int]:
        with tempfile.NamedTemporaryFile("w", suffix=".cfg") as opened:
            opened.write(config)
            opened.flush()
            done = subprocess.run(
                [*self._command, opened.name], env=self._environment, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        return {int(line) for line in _place.findall(done.stdout.decode("utf-8", "replace"))}


def _words(file: Path) -> set[str]:
    """What may be a name: linkers keep a text inside another where both end alike."""
    found = {word.decode() for word in _word.findall(file.read_bytes())}
    inner = {part for word in found for part in (word, *_after_underscores(word))}
    return {word for word in inner if _name(word)}


def _after_underscores(word: str) -> list[str]:
    return [word[at.end() :] for at in re.finditer("_", word)]
