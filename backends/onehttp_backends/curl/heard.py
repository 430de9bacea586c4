"""Functions of ours that libcurl calls, heard in a way that no signal handler can break.

A handler may raise at the first instruction of a Python function, before any `try` of its own.
pycurl prints that, or leaves it to libcurl's next callback, which ends the whole multi. A generator
resumes inside its `try`, and `send` is C; so are `max` and `min`, which hand it several arguments
one after the other (as in `libcurl.Hearing`), and return one of them.

The way back to the beginning of a loop is an instruction, too, and since Python 3.12 none of the
`try` around it. So a generator that catches has no loop to go through: it delegates to another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

A = TypeVar("A")
R = TypeVar("R")
OnInterrupt: TypeAlias = Callable[[BaseException], None]


def heard(take: Callable[[A], R], instead: R, on_interrupt: OnInterrupt) -> Callable[[A], R]:
    """``take``, as a callback of one argument.

    Args:
        instead: what libcurl gets where ``take`` has come to no result.
        on_interrupt: is told why, unless memory has run out: that is the transfer's own fault.
    """
    told: list[OnInterrupt] = []
    return _begun(_hear(take, instead, told), told, on_interrupt)


def heard_sending(
    may_send: Callable[[str, int], bool], on_interrupt: OnInterrupt
) -> Callable[[str, str, int, int], int]:
    """``may_send(peer_ip, own_port)``, for ``PREREQFUNCTION``. Not for unix sockets: it refuses by
    returning a port, which these do not have."""
    told: list[OnInterrupt] = []
    send = _begun(_hear_sending(may_send, told), told, on_interrupt)
    return functools.partial(max, False, key=send)


def heard_opening(
    opening: Callable[[int, int], int], on_interrupt: OnInterrupt
) -> Callable[[int, int], int]:
    """``opening(fd, purpose)``, for ``SOCKOPTFUNCTION``; the purpose, 0, is also the word that the
    socket may be used."""
    told: list[OnInterrupt] = []
    send = _begun(_hear_opening(opening, told), told, on_interrupt)
    return functools.partial(min, key=send)


def heard_seeking(
    rewind: Callable[[], bool], on_interrupt: OnInterrupt
) -> Callable[[int, int], int]:
    """``rewind``, for ``SEEKFUNCTION``: whether the body is at its beginning again, which is the
    only place that libcurl asks for (offset and origin are 0, which is also the word that it is
    there)."""
    told: list[OnInterrupt] = []
    send = _begun(_hear_seeking(rewind, told), told, on_interrupt)
    return functools.partial(min, True, key=send)


def _begun(
    hearing: Generator[R, A, None], told: list[OnInterrupt], on_interrupt: OnInterrupt
) -> Callable[[A], R]:
    met: list[BaseException] = []
    told.append(met.append)
    next(hearing)
    if met:  # its caller's own, and not of a call that drives meanwhile
        raise met.pop()
    told[0] = on_interrupt
    return hearing.send


def _hear(take: Callable[[A], R], instead: R, told: list[OnInterrupt]) -> Generator[R, A, None]:
    while True:
        try:
            yield from _results(take, instead)
        except GeneratorExit:
            return
        except MemoryError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            told[0](error)


def _results(take: Callable[[A], R], result: R) -> Generator[R, A, None]:
    while True:
        result = take((yield result))


def _hear_sending(
    may_send: Callable[[str, int], bool], told: list[OnInterrupt]
) -> Generator[int, Any, None]:
    key = for_ports = 0
    while True:
        try:
            yield from _keys_for_sending(may_send, key, for_ports)
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            key, for_ports = 3, 4
            told[0](error)


def _keys_for_sending(
    may_send: Callable[[str, int], bool], key: int, for_ports: int
) -> Generator[int, Any, None]:
    # The argument with the greatest key is returned: False, which is 0 and lets it go out, or a
    # port. After an exception one argument was missed, and the ports that still come refuse.
    said: list[Any] = []
    while True:
        argument = yield key
        if argument is False:
            said.clear()
            key, for_ports = 1, 0
            continue
        said.append(argument)
        key = for_ports if isinstance(argument, int) else 0
        if len(said) == 4 and not for_ports and not may_send(said[0], argument):
            key = 2


def _hear_opening(
    opening: Callable[[int, int], int], told: list[OnInterrupt]
) -> Generator[int, int, None]:
    key = 0
    fds = [0]
    while True:
        try:
            yield from _keys_for_opening(opening, key, fds)
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            key = 2 if fds[0] else -1
            fds[0] = 0
            told[0](error)


def _keys_for_opening(
    opening: Callable[[int, int], int], key: int, fds: list[int]
) -> Generator[int, int, None]:
    # The argument with the least key is returned: the purpose, or the socket, which refuses it.
    argument = yield key
    while True:
        if argument:
            fds[0] = argument
            argument = yield 1
        key = 2 if not fds[0] or opening(fds[0], argument) else 0
        fds[0] = 0  # no handler is run from here on until the key is given
        argument = yield key


def _hear_seeking(rewind: Callable[[], bool], told: list[OnInterrupt]) -> Generator[int, int, None]:
    key = 1
    while True:
        try:
            yield from _keys_for_seeking(rewind, key)
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001 - raised by who has called libcurl
            key = 1
            told[0](error)


def _keys_for_seeking(rewind: Callable[[], bool], key: int) -> Generator[int, int, None]:
    # The argument with the least key is returned: the origin, 0, or True, which is 1 and refuses.
    # After an exception one argument was missed, and those that still come are greater.
    argument = yield key
    while True:
        if argument is not True:
            argument = yield 2
            continue
        offset = yield 1
        origin = yield 2
        argument = yield 0 if offset == origin == 0 and rewind() else 2
