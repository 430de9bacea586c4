"""What leaves the process though nobody has asked for it."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.comparison.features.feature import Feature
from benchmarks.comparison.outcome import Outcome
from benchmarks.comparison.world.exchange import Seen
from benchmarks.comparison.world.world import World


def _one_line(outcome: Outcome, world: World) -> str:
    if any(each.header("X-Admin") for each in world.server.seen):
        return "the server got a header more"
    return "" if outcome.kind or world.server.seen else outcome.raised


def _keeps_secret(outcome: Outcome, world: World) -> str:
    landed = world.other.of("/landed")
    if not landed:
        return outcome.raised if outcome.kind else "the redirect was not followed"
    return "the other origin got it" if landed[0].header("Authorization") else ""


def _direct(outcome: Outcome, world: World) -> str:
    if world.other.seen:
        return "the proxy of `http_proxy` got the request"
    return "" if world.server.of("/plain") else outcome.raised


def _no_credentials(outcome: Outcome, world: World) -> str:
    arrived = world.server.of("/plain")
    if not arrived:
        return outcome.instead
    return "the password of `~/.netrc` was sent" if arrived[0].header("Authorization") else ""


def _refused(outcome: Outcome, world: World) -> str:
    return "" if outcome.kind and not outcome.is_our_mistake else "was not refused"


def _hostile(outcome: Outcome, world: World) -> str:
    after = world.other.of("/after")
    if not after:
        return outcome.instead
    return "`bank.co.uk` got what `shop.co.uk` had set" if _cookie(after) else ""


def _cookie(arrived: list[Seen]) -> str:
    return arrived[0].header("Cookie")


def _unsaid(outcome: Outcome, _world: World) -> str:
    if outcome.kind or outcome.said == "no error":
        return outcome.instead
    return "it stands in the error" if "hunter2" in outcome.said else ""


def _with_proxy(world: World) -> Mapping[str, str]:
    return {"http_proxy": world.other.url, "HTTP_PROXY": world.other.url}


def _with_netrc(world: World) -> Mapping[str, str]:
    return {"HOME": str(world.folder), "NETRC": str(world.folder / ".netrc")}


FEATURES = (
    Feature("injection", "CR LF in a header value never becomes a header", _one_line),
    Feature("redirected-secret", "`Authorization` stays off another origin", _keeps_secret),
    Feature("hostile-cookie", "A cookie for a whole public suffix is refused", _hostile),
    Feature("environment-proxy", "`http_proxy` is not used unless asked for", _direct, _with_proxy),
    Feature("netrc", "`~/.netrc` is not used unless asked for", _no_credentials, _with_netrc),
    Feature("secret-shown", "A password or a key in the URL stays out of errors", _unsaid),
    Feature("verified", "A certificate that nobody signed is refused", _refused, needs_nginx=True),
)
