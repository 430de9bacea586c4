"""Other headers as selects: ``via[1].host``, ``cseq.num``, ``hf_value.x_foo``."""

from __future__ import annotations

import functools
import re
from typing import Final

from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.selects.addresses import of_listed
from onehttp_compat.script.pv.selects.path import (
    Node,
    Part,
    Path,
    PathStep,
    choose,
    leaf,
    names_one,
)
from onehttp_compat.sip.address import parse_address, split_addresses
from onehttp_compat.sip.credentials import digests
from onehttp_compat.sip.via import Via, listed_vias, parse_via

_commented = re.compile(r"(.*?)\s*(?:\((.*)\))?", re.DOTALL).fullmatch
_VIA_PARAMS: Final = ("branch", "received", "rport", "i", "alias")
_CREDENTIALS: Final = ("username", "realm", "nonce", "uri", "cnonce", "nc", "response", "opaque",
                       "algorithm", "qop")  # fmt: skip


def whole(header: str) -> Node:
    """Return the node for a whole header."""
    return lambda scene, _, rest: leaf(scene.message.header(header), rest)


def cseq(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``cseq``, ``cseq.num``, ``cseq.method``"""
    number, method = scene.message.cseq
    parts: dict[str, Part] = {"num": lambda: number or None, "method": lambda: method or None}
    return choose(parts, rest) if rest else scene.message.header("cseq")


def event(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``event``, without its parameters"""
    return leaf((scene.message.header("event") or "").partition(";")[0].strip() or None, rest)


def via(scene: Scene, step: PathStep, rest: Path) -> str | None:
    """``via``, ``via[2].host``: the first hop, or the one of that number; below 0, the last."""
    if step.key is not None:
        raise LookupError
    vias, index = scene.message.vias, 1 if step.number is None else step.number
    place = -1 if index < 0 else index - 1
    text = vias[place] if index and index <= len(vias) else ""
    if not rest:
        if step.number is None:
            text = listed_vias(scene.message.header("via") or "")[0]
        return text or None
    match = _commented(text)
    hop = parse_via(match[1]) if match else None
    if names_one(rest, "params"):
        return (hop.param(rest[1].name) or None) if hop else None
    parts = {name: functools.partial(_via_part, hop, name) for name in (*_VIA_PARTS, *_VIA_PARAMS)}
    return choose({**parts, "comment": lambda: match[2] if match else None}, rest)


_VIA_PARTS: Final = ("name", "version", "transport", "host", "port")


def _via_part(hop: Via | None, name: str) -> str | None:
    if hop is None:
        return None
    if name in _VIA_PARAMS:
        return hop.param(name) or None
    values = ("SIP", "2.0", hop.transport, hop.host, str(hop.port or "") or None)
    return values[_VIA_PARTS.index(name)]


def credentials(header: str) -> Node:
    """Return the node for ``authorization["sip.example.org"].username``: credentials of a realm."""

    def read(scene: Scene, step: PathStep, rest: Path) -> str | None:
        fitting = [one for one in digests(scene.message, header) if one[1].get("realm") == step.key]
        text, said = fitting[0] if fitting else (None, {})
        if not rest:
            return text
        if names_one(rest, "username") and step.key is not None:
            user, _, domain = said.get("username", "").partition("@")
            return choose(
                {"user": lambda: user or None, "domain": lambda: domain or None}, rest[1:]
            )
        return choose({name: functools.partial(said.get, name) for name in _CREDENTIALS}, rest)

    return read


def any_header(scene: Scene, step: PathStep, rest: Path) -> str | None:
    """``hf_value.p_asserted_identity.uri``, ``hf_value["X-Foo"]``: the elements of a header,
    separated by commas."""
    name, index, inner = _named(step, rest)
    found = _elements(scene, name)
    if index is not None:
        place = index - 1 if index > 0 else index + len(found)
        found = found[place : place + 1] if place >= 0 else []
    if not found or not inner or step.has_more:
        return ",".join(found) or None
    if [one.name for one in inner] == ["uri"]:
        return ",".join(address.uri for one in found if (address := parse_address(one)))
    try:
        return of_listed(found[0], inner[1:] if inner[0].name == "nameaddr" else inner, {})
    except LookupError:
        return None


def first_header(scene: Scene, step: PathStep, rest: Path) -> str | None:
    """``hf_value2.x_foo``: the first header of that name, as written."""
    name, _, inner = _named(step, rest)
    return leaf(scene.message.header(name), inner)


def has_element(scene: Scene, step: PathStep, rest: Path) -> str | None:
    """``hf_value_exists.supported.path``: 1 or 0."""
    name, _, inner = _named(step, rest)
    if len(inner) != 1:
        raise LookupError
    return "1" if inner[0].name in _elements(scene, name) else "0"


def _named(step: PathStep, rest: Path) -> tuple[str, int | None, Path]:
    """Return the name of the header, the number of the element, and the path within it."""
    if step.key is not None:
        return step.key, None, rest
    if not rest:
        raise LookupError
    return rest[0].name.replace("_", "-"), rest[0].number, rest[1:]


def _elements(scene: Scene, name: str) -> list[str]:
    return [one for text in scene.message.all(name) for one in split_addresses(text)]
