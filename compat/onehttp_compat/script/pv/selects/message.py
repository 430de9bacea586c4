"""The whole message, its source and destination, and the clock as selects: ``msg.len``,
``src.ip``, ``sys.now``."""

from __future__ import annotations

import os
import time

from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.selects.path import (
    Node,
    Part,
    Path,
    PathStep,
    choose,
    leaf,
    names_one,
)
from onehttp_compat.sip.uri import bracketed


def message(scene: Scene, step: PathStep, rest: Path) -> str | None:
    """``msg``, ``msg.first_line``, ``msg.header["From"]``, ``msg.body``"""
    sip = scene.message
    if step.key is not None:
        raise LookupError
    if not rest:
        return sip.wire().decode("utf-8", "surrogateescape")
    if rest[0].name == "header" and rest[0].key is not None:
        return leaf(sip.header(rest[0].key), rest[1:])
    if names_one(rest, "header"):
        return sip.header(rest[1].name.replace("_", "-"))
    if [one.name for one in rest] == ["body", "sdp"]:
        is_session = (sip.header("content-type") or "").lower().startswith("application/sdp")
        return _body(scene) if is_session else None
    parts: dict[str, Part] = {
        "first_line": lambda: sip.first_line,
        "header": lambda: _head(scene),
        "body": lambda: _body(scene),
        "len": lambda: str(len(sip.wire())),
        "type": lambda: "1" if sip.is_request else "2",
    }
    return choose(parts, rest)


def _body(scene: Scene) -> str:
    return scene.message.body.decode("utf-8", "surrogateescape")


def _head(scene: Scene) -> str:
    wire, body = scene.message.wire(), scene.message.body
    head = wire[: len(wire) - len(body)] if body else wire
    return head.decode("utf-8", "surrogateescape").partition("\n")[2]


def method(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``method``, of a request"""
    return leaf(scene.message.method if scene.message.is_request else None, rest)


def version(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``version``"""
    return leaf(scene.message.version, rest)


def status(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``status``, of a reply"""
    return leaf(str(scene.message.status or "") or None, rest)


def reason(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``reason``, of a reply"""
    return leaf(scene.message.reason or None, rest)


def endpoint(*, is_source: bool, has_protocol: bool = False) -> Node:
    """``src.ip``, ``dst.port``, ``received.proto_ip_port``"""

    def read(scene: Scene, _: PathStep, rest: Path) -> str | None:
        sip = scene.message
        host, port = sip.source if is_source else sip.destination
        place = f"{bracketed(host)}:{port}"
        parts: dict[str, Part] = {
            "ip": lambda: host,
            "port": lambda: str(port),
            "ip_port": lambda: place,
        }
        if has_protocol:
            parts["proto"] = lambda: sip.protocol
            parts["proto_ip_port"] = lambda: f"{sip.protocol}:{place}"
        return choose(parts, rest)

    return read


def system(_scene: Scene, _step: PathStep, rest: Path) -> str | None:
    """``sys.pid``, ``sys.now``"""
    now = time.time()
    if names_one(rest, "now"):
        return choose(
            {"local": time.ctime, "gmt": lambda: time.asctime(time.gmtime(now))}, rest[1:]
        )
    parts: dict[str, Part] = {
        "pid": lambda: str(os.getpid()),
        "now": lambda: str(int(now)),
        "unique": lambda: f"{os.getpid():x}-{time.time_ns():x}",
    }
    return choose(parts, rest)
