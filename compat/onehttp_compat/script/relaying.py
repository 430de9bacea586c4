"""The work of ``tm`` around a script: branch routes before a request is sent, and the routes that
run for its replies."""

from __future__ import annotations

import copy
import dataclasses

from onehttp.lowlevel import TransactionState, make_current
from onehttp_compat.script.message_in_progress import MessageInProgress, RouteKind, Scene, enter
from onehttp_compat.script.routed_message import Branch, RoutedMessage
from onehttp_compat.script.transactions import ScriptTransaction
from onehttp_compat.script.world import World
from onehttp_compat.sip.message import SipMessage
from onehttp_compat.sip.uri import SipUri, bracketed
from onehttp_compat.sip.via import way_back

ON_SEND: str = "ksr_onsend_route"
REPLY: str = "ksr_reply_route"
_FIRST_FINAL = 200
_FIRST_FAILURE = 300


def relay(world: World, scene: Scene) -> int:
    """``t_relay``: run the branch route for each branch and the onsend route, then send. -1 if
    nothing is sent."""
    progress = scene.progress
    if scene.message.method == "CANCEL" and not scene.is_faked:
        return _relay_cancel(world, scene)
    if scene.message.method == "ACK" and _ends_here(world, scene):
        return 1
    if progress.repeats is not None and progress.tm is None:
        return scene.relay()  # it was sent already
    # An ACK is sent without a transaction, and has no branches.
    is_branched = scene.message.method != "ACK" and not scene.is_faked
    # The route counts once, and is not armed any more while it runs.
    name = progress.routes_set.pop("branch_route", None) if is_branched else None
    first = Branch(scene.routed.uri, scene.routed.dst_uri or "", flags=scene.routed.branch_flags)
    kept = [first, *(scene.routed.branches if is_branched else ())]
    if name:
        kept = [
            branch
            for index, branch in enumerate(kept)
            if _survives(world, scene, name, branch, index)
        ]
        if not kept:
            return -1
    hops = [branch.dst_uri or branch.uri for branch in kept]
    send(world, scene, hops)
    code = scene.relay()
    if code > 0 and progress.tm is not None:
        progress.tm.variables = dict(world.server.pv.message)
    return code


def send(world: World, scene: Scene, hops: list[str]) -> None:
    """Run the onsend route for each copy that is sent. Here the route cannot stop a copy."""
    if scene.is_faked:
        return
    # From now on the targets belong to the transaction, not to the message.
    routed = branch_copy(scene.routed) if scene.routed.branches else scene.routed
    for hop in hops:
        inside = dataclasses.replace(scene, routed=routed, route=RouteKind.ON_SEND, next_hop=hop)
        world.run_route(ON_SEND, inside)


def _survives(world: World, scene: Scene, name: str, branch: Branch, index: int) -> bool:
    """Run the branch route for one branch. Its changes apply to that branch only."""
    routed = branch_copy(scene.routed)
    routed.new_uri, routed.dst_uri = branch.uri, branch.dst_uri or None
    # a script can read it, but headers added here are not sent
    routed.branches = list(scene.routed.branches)
    inside = dataclasses.replace(scene, routed=routed, route=RouteKind.BRANCH, branch=index)
    world.run_route(name, inside)
    return not inside.is_dropped


def branch_copy(routed: RoutedMessage) -> RoutedMessage:
    """Return a copy whose changes do not affect the original."""
    made = copy.copy(routed)
    made.added, made.removed = list(routed.added), set(routed.removed)
    made.replaced, made.branches = dict(routed.replaced), []
    return made


def _ends_here(world: World, scene: Scene) -> bool:
    """Whether this is the ACK for a refusal: it has the branch of its INVITE and is for this hop
    only."""
    known = world.waiting.find(scene.progress.run, scene.message)
    return known is not None and known.is_same_hop(scene.message)


def _relay_cancel(world: World, scene: Scene) -> int:
    known = world.waiting.find(scene.progress.run, scene.message)
    if known is None:
        return scene.relay()
    scene.reply_with("200 canceling")
    if known.fake.is_answered:
        return 1
    known.is_canceled = True
    return scene.act("relay")


def reply_arrived(world: World, progress: MessageInProgress) -> None:
    """Run the routes for a reply: the one for all replies, the one of its transaction, and, if it
    is the final reply of a failed one, the failure route."""
    reply, tm = progress.message, progress.tm
    scene = Scene(RoutedMessage(reply), progress, RouteKind.REPLY)
    _run(world, REPLY, scene)
    if scene.is_dropped:
        scene.act("drop the reply")
        return
    if tm is None:
        back = way_back(reply.vias)
        if back is None:
            scene.act("drop the reply: no second Via")
            return
        _run(world, ON_SEND, dataclasses.replace(scene, route=RouteKind.ON_SEND, next_hop=back.uri))
        scene.act("pass the reply on")
        return
    index = _branch_of(tm)
    tm.last_reply, tm.received[index] = reply, reply.status
    make_current(tm.fake)
    world.server.pv.process.message = tm.variables
    name = tm.routes.get("onreply_route")
    if name:
        request = tm.request
        routed = RoutedMessage(
            reply, flags=request.flags, branch_flags=tm.branches[index].flags
        )  # as in the server
        inside = Scene(routed, progress, RouteKind.ON_REPLY, branch=index)
        _run(world, name, inside)
        if inside.is_dropped and reply.status < _FIRST_FINAL:
            inside.act("drop the reply")
            return
    if reply.status >= _FIRST_FAILURE and not tm.fake.is_answered:
        _branch_failed(world, progress, tm, reply, index)
    tm.statuses[index] = max(tm.statuses[index], reply.status)
    if reply.status < _FIRST_FINAL:
        if reply.status > 100:
            _pass_on(world, progress, tm, index, reply.status, reply.reason)
    elif reply.status < _FIRST_FAILURE:
        if not _pass_on(world, progress, tm, index, reply.status, reply.reason):
            # A success of the other side is always forwarded, whatever was answered before.
            progress.outcome.replies.append(f"{reply.status} {reply.reason}")
    elif all(status >= _FIRST_FINAL for status in tm.statuses) or reply.status >= 600:
        _failed(world, progress, tm, reply, index)
    else:
        scene.act("wait for the other branches")


def _branch_failed(
    world: World, progress: MessageInProgress, tm: ScriptTransaction, reply: SipMessage, index: int
) -> None:
    """Run the route for a failed branch, whatever happens to the others. It may add a branch."""
    name, tm.branch_failure_routes[index] = tm.branch_failure_routes[index], ""
    if name:
        progress.routes_set = tm.routes
        _run_as_request(world, name, progress, tm, RouteKind.BRANCH_FAILURE, reply, index)


def _failed(
    world: World, progress: MessageInProgress, tm: ScriptTransaction, reply: SipMessage, index: int
) -> None:
    """The last branch has failed. The failure route may try other targets, or answer."""
    if tm.fake.is_answered:
        return
    name = tm.routes.pop("failure_route", None)
    branches, answers = len(tm.branches), len(tm.fake.responses)
    if name:
        progress.routes_set = tm.routes
        tm.fake.reopen()
        _run_as_request(world, name, progress, tm, RouteKind.FAILURE, reply, index)
        if tm.fake.state is TransactionState.SUSPENDED:
            return  # a query that the route has made decides
        if tm.fake.state is TransactionState.PROCEEDING:
            tm.fake.relay()
    if len(tm.branches) == branches and len(tm.fake.responses) == answers:
        status = 487 if tm.is_canceled else tm.status
        reason = reply.reason if status == reply.status else ""
        _pass_on(world, progress, tm, index, status, reason)


def _run_as_request(
    world: World,
    name: str,
    progress: MessageInProgress,
    tm: ScriptTransaction,
    route: RouteKind,
    reply: SipMessage,
    index: int,
) -> None:
    """Run a route with the request as it was received and first changed. Of the changes that the
    route makes, only flags are kept for the next route."""
    routed = branch_copy(tm.request)
    routed.has_new_target = route is not RouteKind.FAILURE
    _run(world, name, Scene(routed, progress, route, branch=index, reply=reply))
    tm.request.flags = routed.flags


def _pass_on(
    world: World,
    progress: MessageInProgress,
    tm: ScriptTransaction,
    index: int,
    status: int,
    reason: str,
) -> bool:
    """Forward a reply of the other side, after the onsend route. False if a final one was sent
    before."""
    if not tm.fake.reply(status, reason):
        return False
    request = tm.request.sip
    host, port = request.source
    back = str(SipUri("sip", host=bracketed(host), port=str(port),
                      params=f"transport={request.protocol}"))  # fmt: skip
    sent = RoutedMessage(progress.message)
    _run(world, ON_SEND, Scene(sent, progress, RouteKind.ON_SEND, branch=index, next_hop=back))
    return True


def _branch_of(tm: ScriptTransaction) -> int:
    """The branch that a captured reply is assumed to belong to: the first that is still open. In
    captures, branches have ids that only the server knew."""
    if not tm.statuses:
        tm.branches.append(Branch(tm.request.uri))
        tm.statuses.append(0)
        tm.branch_failure_routes.append("")
    open_ones = [i for i, status in enumerate(tm.statuses) if status < _FIRST_FINAL]
    return open_ones[0] if open_ones else len(tm.statuses) - 1


def _run(world: World, name: str, scene: Scene) -> None:
    enter(scene)
    world.run_route(name, scene)
