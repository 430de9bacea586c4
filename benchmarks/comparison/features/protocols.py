"""What is spoken, and over what."""

from __future__ import annotations

from benchmarks.comparison.features.feature import Feature, said
from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.world.world import World


def _by_socks(outcome: Outcome, world: World) -> str:
    if outcome.said != "by-socks":
        return outcome.instead
    return "" if world.socks.connected else "went past the proxy"


def _on_one(outcome: Outcome, _world: World) -> str:
    if not isinstance(outcome.said, int):
        return outcome.instead
    return "" if outcome.said == 1 else f"{outcome.said} connections for 8 tasks"


def _like_a_browser(outcome: Outcome, world: World) -> str:
    if not world.hello.ciphers:
        return outcome.instead
    return "" if world.hello.has_grease else "what it offers is what its TLS library offers"


FEATURES = (
    Feature("http2", "HTTP/2", said("HTTP/2.0"), needs_nginx=True),
    Feature("multiplex", "Tasks share one connection of HTTP/2", _on_one, needs_nginx=True),
    Feature("http3", "HTTP/3", said("HTTP/3"), needs_nginx=True),
    Feature("websocket", "WebSocket", said("hello")),
    Feature("socks", "SOCKS proxies", _by_socks),
    Feature("unix", "Unix sockets", said("by-unix")),
    Feature("impersonation", "Looks like a browser to TLS", _like_a_browser),
)
