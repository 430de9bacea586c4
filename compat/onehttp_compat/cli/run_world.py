"""Applies the command line and the configuration of the server to the world of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onehttp_compat.script.world import World
from onehttp_compat.script.world.message_queues import DeclaredQueue
from onehttp_compat.script.world.shared_tables import TableDeclaration
from onehttp_compat.sip.message import SipMessage

if TYPE_CHECKING:  # its import is slow, and only runs with a configuration need it
    from onehttp_compat.cli.configured import Configured


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSettings:
    """The values to apply."""

    myself: tuple[str, ...]
    defines: Mapping[str, str | None]
    assume: Path | None
    is_strict: bool
    configured: Configured | None
    messages: list[SipMessage]


def tell(world: World, told: WorldSettings) -> None:
    """Set up the world of a run before its script starts.

    Raises:
        AssumeFileError: the file of ``--assume`` cannot be understood.
    """
    named = {name.strip().lower() for name in told.myself}
    if told.configured is not None:
        named |= told.configured.addresses()
        world.defines.update(told.configured.config.defines)
        _tell_parameters(world, told.configured)
    received_at = {one.destination[0] for one in told.messages if not one.refusal}
    world.myself = frozenset({*named, "127.0.0.1", "localhost", *received_at})
    for name, value in told.defines.items():
        world.defines[name] = value or ""
    assumptions = world.assumptions
    assumptions.is_strict = told.is_strict
    assumptions.set_variable = world.server.pv.set
    if told.assume is not None:
        from onehttp_compat.script.assume import read

        assumed = read(told.assume, lambda: sys.modules["KSR"], world.server.pv)
        assumptions.rules.update(assumed.rules)
        assumptions.variables.update(assumed.variables)


def loaded_modules(configured: Configured | None) -> frozenset[str] | None:
    """Return the modules that ``KSR`` has. None: all that exist, because no configuration lists
    them."""
    if configured is None or not configured.config.modules() or configured.config.notes:
        return None  # a configuration that was only partly understood may load other modules, too
    return frozenset(configured.config.modules())


def _tell_parameters(world: World, configured: Configured) -> None:
    tables: dict[str, TableDeclaration] = {}
    queues: dict[str, DeclaredQueue] = {}
    for line in configured.config.modparams():
        text = str(line.value)
        if line.is_about("htable") and line.name == "htable":
            name, _, rest = text.partition("=>")
            said = _settings(rest)
            tables[name.strip()] = TableDeclaration(
                _number(said.get("autoexpire", "0")),
                is_renewed=said.get("updateexpire", "1") != "0",
                initial=_number(said["initval"]) if "initval" in said else None,
            )
        elif line.is_about("mqueue") and line.name == "mqueue":
            said = _settings(text)
            queues[said.get("name", "")] = DeclaredQueue(
                _number(said.get("size", "")), _number(said.get("addmode", ""))
            )
        elif line.is_about("pv") and line.name == "shvset":
            name, _, value = text.partition("=")
            kind, colon, plain = value.partition(":")
            is_number = colon and kind == "i" and plain.lstrip("-").isdigit()
            world.shared[name.strip()] = int(plain) if is_number else plain if colon else value
        elif line.is_about("cfgutils") and line.name == "initial_probability":
            world.counters["rand_prob"] = _number(text)
    if tables:
        world.tables.declare(tables)
    if queues:
        world.queues.declare(queues)


def _settings(text: str) -> dict[str, str]:
    pairs: Iterable[tuple[str, str, str]] = (one.partition("=") for one in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0
