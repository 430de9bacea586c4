"""The connection to ``onehttp run``, and the record of calls for it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))


class LinkClient:
    """One connection for each process of the server."""

    def __init__(self) -> None:
        self._pid = 0
        self._file: Any = None

    def ask(self, op: str, **fields: Any) -> Any:
        """Send a request and wait for the answer.

        Raises:
            AttributeError: no server has the requested name.
            SystemError: the server would not take these arguments.
            RuntimeError: the request has failed.
        """
        if self._pid != os.getpid():
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.connect(os.environ["ONEHTTP_LINK"])
            self._file, self._pid = client.makefile("rwb"), os.getpid()
        self._file.write(json.dumps({"op": op, **fields}).encode() + b"\n")
        self._file.flush()
        answer = json.loads(self._file.readline() or b"{}")
        if "attribute_error" in answer:
            raise AttributeError(answer["attribute_error"])
        if "system_error" in answer:
            raise SystemError(answer["system_error"])
        if "failure" in answer:
            raise RuntimeError(answer["failure"])
        return answer


link = LinkClient()


class CallLog:
    """The calls of the script since the message began."""

    def __init__(self) -> None:
        self.is_on = False
        self.routes: list[str] = []
        """The routes that run; each is inside the one before."""
        self._rows: list[list[Any]] = []

    def note(self, label: str, arguments: tuple[Any, ...], result: Any) -> None:
        """Record a call. Calls before the first message are left out."""
        if self.is_on:
            file, line = place()
            self._rows.append(
                [label, list(map(plain, arguments)), plain(result), file, line, self.routes[-1:]]
            )

    def take(self) -> list[list[Any]]:
        """Return and forget the recorded calls."""
        rows, self._rows = self._rows, []
        return rows


calls = CallLog()


def place() -> tuple[str, int]:
    """Return the nearest line of the script."""
    frame = sys._getframe(1)
    while os.path.dirname(frame.f_code.co_filename) == HERE and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def plain(value: Any) -> Any:
    """Return a value that JSON can contain."""
    return value if isinstance(value, (str, int, type(None))) else repr(value)


def recorded(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a record of its calls."""

    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            if keywords:
                name = label.rpartition(".")[2]
                raise TypeError(f"{name}() takes no keyword arguments")
            result = function(*arguments)
        except Exception as error:
            calls.note(label, arguments, f"raised {type(error).__name__}")
            raise
        calls.note(label, arguments, result)
        return result

    return call
