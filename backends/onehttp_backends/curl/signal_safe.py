"""Callbacks for libcurl that no signal handler can break.

A handler may raise at the first instruction of a Python function, before any `try` in it. pycurl
prints that exception and forgets it, or leaves it to libcurl's next callback, which gives up the
whole multi. A generator, however, resumes inside its `try`, and `send` is C. It takes one argument:
`max` and `min` pass it several, one after the other, as their `key`, and return one of them.

The way back to the beginning of a loop is an instruction, too, and since Python 3.12 none of the
`try` around it. So the generator that catches (`_survive`) delegates to one that loops.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

A = TypeVar("A")
R = TypeVar("R")
OnInterrupt: TypeAlias = Callable[[BaseException], None]
Begin: TypeAlias = Callable[[bool], Generator[R, A, None]]


def surviving(begin: Begin[R, A], on_interrupt: OnInterrupt) -> Generator[R, A, None]:
    """A generator that takes arguments, and goes on after an exception.

    Args:
        begin: makes the generator that it delegates to, at first and after each exception. It is
            told whether there was one. What it yields first is then the answer to the argument that
            the exception has cut off.
        on_interrupt: is called with each exception.
    """
    met: list[BaseException] = []
    told: list[OnInterrupt] = [met.append]
    generator = _survive(begin, told)
    next(generator)
    if met:  # its caller's own, and not of a call that drives meanwhile
        raise met.pop()
    told[0] = on_interrupt
    return generator


def is_native(function: Callable[..., object]) -> bool:
    """Whether ``function`` is compiled: handlers run between instructions of Python, so none can
    break in before its `try`."""
    return not hasattr(function, "__code__")


def _survive(begin: Begin[R, A], told: list[OnInterrupt]) -> Generator[R, A, None]:
    was_interrupted = False
    while True:
        try:
            yield from begin(was_interrupted)
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            was_interrupted = True
            told[0](error)


def data_callback(
    take: Callable[[A], R], instead: R, on_interrupt: OnInterrupt
) -> Callable[[A], R]:
    """``take``, for the functions of one argument: header lines, the bodies of both directions.

    Args:
        instead: what libcurl gets where ``take`` has come to no result.
        on_interrupt: is told why, unless memory has run out: that is the transfer's own fault.
    """

    def begin(_was_interrupted: bool) -> Generator[R, A, None]:
        result = instead
        while True:
            argument = yield result
            try:
                result = take(argument)
            except MemoryError:
                result = instead

    return surviving(begin, on_interrupt).send


def notice_callback(
    tell: Callable[..., None], count: int, on_interrupt: OnInterrupt
) -> Callable[..., int]:
    """``tell``, for ``XFERINFOFUNCTION`` (4 arguments) and ``DEBUGFUNCTION`` (2): the result is 0.

    It is not told of a call whose arguments were cut off.
    """

    def begin(_was_interrupted: bool) -> Generator[int, Any, None]:
        said: list[Any] = []
        while True:
            argument = yield 0
            if argument is False:
                said.clear()
                continue
            said.append(argument)
            if len(said) == count:
                tell(*said)

    # Of arguments with equal keys the first is returned: False, which is 0.
    return functools.partial(max, False, key=surviving(begin, on_interrupt).send)


def prereq_callback(
    may_send: Callable[[str, int], bool], on_interrupt: OnInterrupt
) -> Callable[[str, str, int, int], int]:
    """``may_send(peer_ip, own_port)``, for ``PREREQFUNCTION``. Not for unix sockets: it refuses by
    returning a port, which these do not have."""

    def begin(was_interrupted: bool) -> Generator[int, Any, None]:
        # The argument with the greatest key is returned: False, which is 0 and lets it go out, or
        # a port. After an exception one argument was missed, and the ports that still come refuse.
        argument = yield 3 if was_interrupted else 0
        while argument is not False:
            argument = yield 4 if isinstance(argument, int) else 0
        while True:
            peer_ip = yield 1
            yield 0
            yield 0
            own_port = yield 0
            yield 0 if may_send(peer_ip, own_port) else 2

    return functools.partial(max, False, key=surviving(begin, on_interrupt).send)


def sockopt_callback(
    opened: Callable[[int, int], int], on_interrupt: OnInterrupt
) -> Callable[[int, int], int]:
    """``opened(fd, purpose)``, for ``SOCKOPTFUNCTION``; the purpose, 0, is also the word that the
    socket may be used."""
    fds = [0]

    def begin(was_interrupted: bool) -> Generator[int, int, None]:
        # The argument with the least key is returned: the purpose, or the socket, which refuses it.
        key = 0
        if was_interrupted:
            key = 2 if fds[0] else -1
            fds[0] = 0
        argument = yield key
        while True:
            if argument:
                fds[0] = argument
                argument = yield 1
            key = 2 if not fds[0] or opened(fds[0], argument) else 0
            fds[0] = 0  # no handler is run from here on until the key is given
            argument = yield key

    return functools.partial(min, key=surviving(begin, on_interrupt).send)


def seek_callback(
    rewind: Callable[[], bool], on_interrupt: OnInterrupt
) -> Callable[[int, int], int]:
    """``rewind``, for ``SEEKFUNCTION``: whether the body is at its beginning again, which is the
    only place that libcurl asks for (offset and origin are 0, which is also the word that it is
    there)."""

    def begin(_was_interrupted: bool) -> Generator[int, int, None]:
        # The argument with the least key is returned: the origin, 0, or True, which is 1 and
        # refuses. After an exception one was missed, and those that still come have greater keys.
        argument = yield 1
        while True:
            if argument is not True:
                argument = yield 2
                continue
            offset = yield 1
            origin = yield 2
            argument = yield 0 if offset == origin == 0 and rewind() else 2

    return functools.partial(min, True, key=surviving(begin, on_interrupt).send)
