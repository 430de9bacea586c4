"""Starts a real server that runs a script, and ends it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from onehttp.lowlevel import DEFAULT_FINAL_TIMER_S, TransactionLayer
from onehttp_compat.real_server.link import LinkServer
from onehttp_compat.real_server.live_script import LiveScript
from onehttp_compat.real_server.process import QUIET, RealServer, RealServerError, needed_parameters
from onehttp_compat.real_server.sockets import ServerSockets
from onehttp_compat.real_server.user_config import UserConfig
from onehttp_compat.registry import NATIVE
from onehttp_compat.script import message_method
from onehttp_compat.script.pv.store import install
from onehttp_compat.script.world import World
from onehttp_compat.server import LegacyServer


@contextmanager
def running(
    path: Path,
    legacy: LegacyServer,
    world_of: World | None = None,
    *,
    method: str | None = None,
    argument: str | None = None,
    aliases: Iterable[str] = (),
    config: UserConfig | None = None,
    loaded: frozenset[str] | None = None,
) -> Iterator[LiveScript]:
    """Return a real server that runs the script at ``path``.

    Args:
        world_of: the world of the run; None: a new one.
        method, argument: for an ``app_python`` script, as in `serving`.
        aliases: host names of the server itself.
        config: the configuration besides the script; None: all modules that start by themselves.
        loaded: the modules that the script can use; None: all that exist.

    Raises:
        RealServerError: there is no server, or it does not start; the message has the reason.
    """
    world = world_of or World(legacy, TransactionLayer(DEFAULT_FINAL_TIMER_S), path)
    if world_of is None:
        install(world)
    if not path.is_file():
        raise RealServerError(f"{path}: no such file")
    folder = Path(tempfile.mkdtemp(prefix="onehttp-run-"))
    sockets = ServerSockets()
    try:
        _write_script(folder)
        environment = _environment(folder, path, sockets, config, method, argument)
        server = RealServer(
            folder, environment, aliases=aliases, parameters=needed_parameters(path)
        )
        _configure(server, config)
        live = LiveScript(path, world, sockets, server)
        live.calls.loaded = loaded
        link = LinkServer(folder / "link", live)
        try:
            _start(live, path)
            yield live
        finally:
            server.stop()
            link.close()
            _show_prints(folder / "prints")
    finally:
        sockets.close()
        shutil.rmtree(folder, ignore_errors=True)


def _write_script(folder: Path) -> None:
    """Write what the server loads: it runs the user's script and reports through the link."""
    shutil.copytree(Path(__file__).with_name("inside"), folder / "onehttp_inside")
    shutil.copy(Path(message_method.__file__), folder / "onehttp_inside")
    (folder / "script.py").write_text("from onehttp_inside.handler import mod_init\n")


def _environment(
    folder: Path,
    path: Path,
    sockets: ServerSockets,
    config: UserConfig | None,
    method: str | None,
    argument: str | None,
) -> dict[str, str]:
    return {
        "ONEHTTP_LINK": str(folder / "link"),
        "ONEHTTP_SCRIPT": str(path.resolve()),
        "ONEHTTP_SINK": sockets.sink_address,
        "ONEHTTP_SOCKETS": sockets.addresses,
        "ONEHTTP_LOCAL_REQUEST": config.local_request if config else "",
        "ONEHTTP_PRINTS": str(folder / "prints"),
        "ONEHTTP_NATIVE": " ".join(sorted({name for name, _ in NATIVE})),
        **({"ONEHTTP_METHOD": method} if method else {}),
        **({"ONEHTTP_ARGUMENT": argument} if argument is not None else {}),
        **{name: value for name, value in os.environ.items() if name not in ("PATH",)},
    }


def _configure(server: RealServer, config: UserConfig | None) -> None:
    if config is None:
        server.parameters |= QUIET
        return
    server.modules, server.settings = list(config.modules), config.lines
    own = server.parameters["tm"]  # the last line of a parameter counts
    server.parameters |= config.parameters
    server.parameters["tm"] = own + config.parameters.get("tm", [])


def _start(live: LiveScript, path: Path) -> None:
    try:
        live.server.start(live.sockets.is_answering)
    except RealServerError as error:
        if live.does_not_start:
            raise RealServerError(f"{path}: does not start: {live.does_not_start}") from error
        raise


def _show_prints(file: Path) -> None:
    if file.exists():
        sys.stderr.write(file.read_text("utf-8", "replace")[: 1 << 20])
