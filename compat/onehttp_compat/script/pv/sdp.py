"""``$sdp(body)``: the session description of the message."""

from __future__ import annotations

from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.kemi.sdpops.session import session_of
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.table import Table, of_scene


def _description(scene: Scene, variable: Variable) -> Value:
    session = session_of(scene.message, scene.message.body)
    if session is None:
        return None
    if variable.name == "body":
        return session.text.decode("utf-8", "surrogateescape")
    origin = next((one for one in session.lines if one.startswith(b"o=")), b"")
    version = origin.split()[2:3]
    return int(version[0]) if version and version[0].isdigit() else None


TABLE: Final[Table] = {"sdp": of_scene(_description)}
