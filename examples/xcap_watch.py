"""Watch presence rules: documents in SQLite, kept fresh, each change told of once.

``python examples/xcap_watch.py`` starts a local XCAP server, lets two users change their rules on
it, and shows what the watcher hears. Needs the extra: ``pip install '.[xcap]'``.
"""

import queue
import tempfile
from pathlib import Path

from xcap_server import serving

import onehttp
from onehttp.xcap import (
    DocType,
    DocumentChange,
    DocumentSelector,
    PeriodicUpdates,
    PreconditionFailedError,
    XcapClient,
    XcapStore,
    jittered,
)

RULES = '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="{}"/></ruleset>'
PERIOD_S = 0.2
WIDTHS = (34, 26, 14)


def line(*cells):
    print(*(str(cell).ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)), sep="  ")


def rules_of(user):
    return DocumentSelector("pres-rules", f"sip:{user}@example.org")


def watch(folder):
    store = XcapStore(f"sqlite:///{folder}/xcap.sqlite")
    watcher, user = XcapClient("xcap", store), XcapClient("xcap")
    changes: queue.Queue[DocumentChange] = queue.Queue()
    watcher.on_change(changes.put, DocType.PRES_RULES)

    line("what happens", "whose rules", "etag heard of")
    line(*("-" * width for width in WIDTHS))

    def show(what):
        change = changes.get(timeout=10)
        line(what, change.xid, change.etag)

    first = user.put(rules_of("alice"), RULES.format("friends"))
    user.put(rules_of("bob"), RULES.format("nobody"))
    for name in ("alice", "bob"):
        watcher.get(rules_of(name))
        show("first look, fetched and stored")

    with PeriodicUpdates(watcher.refresh, jittered(PERIOD_S)):
        second = user.put(rules_of("alice"), RULES.format("colleagues"), if_match=first.etag)
        show("alice changes hers; a poll sees it")
        user.put(rules_of("bob"), RULES.format("friends"))
        show("bob changes his; a poll sees it")

    try:
        user.put(rules_of("alice"), RULES.format("lost update"), if_match=first.etag)
    except PreconditionFailedError as error:
        line("alice overwrites an old version", "sip:alice@example.org", f"none: {error.status}")

    report = watcher.refresh()
    assert watcher.get(rules_of("alice")).etag == second.etag
    print(f"\nat the end: {report.unchanged} stored documents asked for on condition, none changed")


def main():
    with serving() as address, tempfile.TemporaryDirectory() as folder:
        print(f"local XCAP server: {address}\n")
        onehttp.init({"version": 1, "connections": {"xcap": {"url": address}}})
        try:
            watch(Path(folder))
        finally:
            onehttp.shutdown()


if __name__ == "__main__":
    main()
