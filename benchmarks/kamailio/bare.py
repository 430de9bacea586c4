"""The least that a suspended query takes in the real server: the baseline of `routing`'s.

A worker suspends and writes a packet; a process of ``rtimer`` runs a multi handle, and goes on with
the transaction when the answer is there. No option, no error, no variable but the status.
"""

from __future__ import annotations

import contextlib
import io
import marshal
import os
import select
import socket
import sys
import time
from typing import Any

import KSR
import pycurl

BACKEND = os.environ["BENCH_BACKEND"]
JOBS_AT_ONCE = 64
READER, WRITER = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
for end in (READER, WRITER):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    end.setblocking(False)


def mod_init() -> Script:
    return Script()


class Script:
    def __init__(self) -> None:
        self.driver: Driver | None = None
        self.status = 0

    def child_init(self, rank: int) -> int:
        if rank == 1:
            print("the worker is ready", file=sys.stderr, flush=True)
        return 0

    def ksr_request_route(self, message: Any) -> int:
        if KSR.is_ACK() or KSR.is_CANCEL():
            KSR.tm.t_check_trans()
            return 1
        if KSR.is_INVITE():
            if KSR.tm.t_check_trans() != 0:
                KSR.tm.t_newtran()
                KSR.tmx.t_suspend()
                label = KSR.pv.get("$T(id_label)")
                label = label - (1 << 32) if label >= 1 << 31 else label
                url = f"{BACKEND}/{KSR.pv.get('$rU')}"
                WRITER.send(marshal.dumps((KSR.pv.get("$T(id_index)"), label, url)))
            return 1
        KSR.sl.send_reply(200, "OK")
        return 1

    def onehttp_drive(self, message: Any, event: str = "") -> int:
        if self.driver is None:
            self.driver = Driver(self.go_on)
        self.driver.run(1.0)
        return 1

    def go_on(self, index: int, label: int, status: int) -> None:
        self.status = status
        KSR.tmx.t_continue(index, label, "answered")

    def answered(self, message: Any, event: str = "") -> int:
        KSR.tm.t_reply(480 if self.status == 200 else 500, str(self.status))
        return 1


class Driver:
    def __init__(self, go_on: Any) -> None:
        self.go_on = go_on
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self.socket_changed)
        self.multi.setopt(pycurl.M_MAXCONNECTS, 4096)
        self.epoll = select.epoll()
        self.epoll.register(READER, select.EPOLLIN)
        self.idle: list[Any] = []
        self.jobs: dict[Any, tuple[int, int]] = {}

    def socket_changed(self, what: int, fd: int, multi: Any, data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            with contextlib.suppress(OSError):  # closed by libcurl
                self.epoll.unregister(fd)
            return
        mask = (what & pycurl.POLL_IN and select.EPOLLIN) | (
            what & pycurl.POLL_OUT and select.EPOLLOUT
        )
        try:
            self.epoll.register(fd, mask)
        except FileExistsError:
            self.epoll.modify(fd, mask)

    def run(self, slice_s: float) -> None:
        multi, end = self.multi, time.monotonic() + slice_s
        while (left_s := end - time.monotonic()) > 0:
            timeout_ms = multi.timeout()
            wait_s = left_s if timeout_ms < 0 else min(left_s, timeout_ms / 1000)
            for fd, events in self.epoll.poll(wait_s):
                if fd == READER.fileno():
                    self.take()
                else:
                    multi.socket_action(fd, pycurl.CSELECT_IN if events & 1 else pycurl.CSELECT_OUT)
            if multi.timeout() == 0:
                multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            self.reap()

    def take(self) -> None:
        for _ in range(JOBS_AT_ONCE):
            try:
                index, label, url = marshal.loads(READER.recv(32768))
            except BlockingIOError:
                return
            easy = self.idle.pop() if self.idle else self.made()
            easy.setopt(pycurl.URL, url)
            self.jobs[easy] = (index, label)
            self.multi.add_handle(easy)

    def made(self) -> Any:
        easy = pycurl.Curl()
        easy.setopt(pycurl.NOSIGNAL, 1)
        easy.setopt(pycurl.TIMEOUT_MS, 5000)
        easy.setopt(pycurl.WRITEFUNCTION, io.BytesIO().write)
        return easy

    def reap(self) -> None:
        _, succeeded, failed = self.multi.info_read()
        for easy in [*succeeded, *(one for one, _, _ in failed)]:
            status = easy.getinfo(pycurl.RESPONSE_CODE)
            self.multi.remove_handle(easy)
            self.idle.append(easy)
            self.go_on(*self.jobs.pop(easy), status)
