"""Servers that act on POSTs, answer most of them, and end connections at the worst of times."""

from __future__ import annotations

import socket
import ssl

from servers.multiplexing.scripted_http2 import Stream, scripted
from servers.proxies import OPENED, carry
from servers.raw import OK, Behaviour, Peer, RawServer
from soak.ledger import Ledger

MOODS = 16
STREAMS = 40
"""Of one HTTP/2 connection, after which it goes away, or is cut."""


def number_of(target: bytes) -> int:
    return int(target.rpartition(b"/")[2])


def moody(ledger: Ledger, onward: str = "") -> Behaviour:
    """Of HTTP/1.1: each request is acted on, and its number says what comes of it. With
    ``onward`` those that are answered are redirected to there."""
    answer = OK
    if onward:
        head = f"HTTP/1.1 303 See Other\r\nLocation: {onward}\r\nContent-Length: 0\r\n\r\n"
        answer = head.encode()

    def behave(peer: Peer) -> None:
        while request := peer.request():
            number = number_of(request.split(b" ")[1])
            ledger.act(number)
            mood = number % MOODS
            if mood == 3:
                return
            if mood == 6:
                peer.reset()
                return
            if mood == 9:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-")
                return
            if mood == 12:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
                return
            ledger.answer(number)
            peer.send(answer)
            if mood == 15:
                return

    return behave


def reluctant_proxy(port: int) -> RawServer:
    """Of CONNECT: opens most tunnels to ``port``, refuses some, and closes on others."""

    def behave(peer: Peer) -> None:
        if not peer.request():
            return
        mood = peer.number % 5
        if mood == 1:
            peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        elif mood != 2:
            onward = socket.create_connection(("127.0.0.1", port))
            peer.send(OPENED)
            carry(peer.socket, onward)

    return RawServer(behave)


def restarting(ledger: Ledger, tls: ssl.SSLContext) -> RawServer:
    """Of HTTP/2: refuses streams, goes away below some, and is cut off in the middle of others."""

    def script(stream: Stream) -> None:
        number = number_of(stream.target)
        nth = (stream.number + 1) // 2
        if nth > STREAMS:
            return  # above what the GOAWAY has named
        if nth == STREAMS and stream.peer.number % 2:
            ledger.act(number)
            stream.cut()
            return
        if nth == 16 and stream.peer.number % 3 == 0:
            stream.reset(7)
            return
        ledger.act(number)
        if not stream.peer.number % 2:  # what is cut off may lose what was sent before
            ledger.answer(number)
        stream.answer()
        if nth == STREAMS:
            stream.go_away(stream.number)

    return scripted(script, tls)
