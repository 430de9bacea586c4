"""A configuration of the SIP server, written and read."""

from __future__ import annotations

from pathlib import Path

from onehttp_compat.server_config import ConfigInputs, ServerConfig, read_server_config


def read(folder: Path, text: str, **inputs: object) -> ServerConfig:
    path = folder / "kamailio.cfg"
    path.write_text(text)
    return read_server_config(path, ConfigInputs(**{"environment": {}, **inputs}))  # type: ignore[arg-type]


def values(config: ServerConfig) -> list[tuple[str, int | str | None]]:
    return [(one.name, one.value) for one in config.modparams()]


def notes(config: ServerConfig) -> list[str]:
    return [
        f"{note.kind} {note.place.line}:{note.place.column} {note.text}" for note in config.notes
    ]
