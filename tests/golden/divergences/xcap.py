"""Where a replay of ``xcap_client`` does not simply compare, and what is to come instead.

The real module lost every document. In faithful mode so do we, and the recordings are compared
as they are, but for a port that was never initialised. In fixed mode the documented intent holds:
what the server would answer is found by asking it, with Python's own client, for each recorded
request, and the specification's table of intended outcomes says what comes of that answer.
"""

from __future__ import annotations

import copy
import http.client
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from golden.replay.recordings import Case, Step
from golden.server.exchange import HOST
from golden.server.golden_server import GoldenServer

Json = Any
PROBE_S = 4.0
AUIDS = {"pres-rules": 2, "rls-services": 8, "resource-lists": 4}
DOCUMENT = (200, 203)
GONE = (404, 410)
TREES = ("users", "group", "global")


class Answer(NamedTuple):
    """What the server says to one GET."""

    status: int
    etag: str | None
    body: bytes

    @property
    def is_document(self) -> bool:
        return self.status in DOCUMENT and bool(self.body)


def faithful(case: Case) -> Case:
    """As recorded; a port that was some number on the stack is not compared (drop)."""
    return replace(case, steps=[_without_the_port(step) for step in case.steps])


def _without_the_port(step: Step) -> Step:
    if not step.get("rpc") or not any(isinstance(a["value"], str) for a in step["args"]):
        return step
    expect = {key: value for key, value in step["expect"].items() if key != "log"}
    return {**{key: value for key, value in step.items() if key != "wire"}, "expect": expect}


def intended(case: Case, server: GoldenServer) -> Case:
    """What the module was meant to do with the answers to the recorded requests."""
    changed = copy.deepcopy(case)
    kept: list[dict[str, Json]] = []
    for step in changed.steps:
        step["expect"].pop("log", None)
        if "rows" in step["expect"]:
            step["expect"]["rows"] += kept
        if step.get("rpc"):
            _intended_refresh(step, server)
        elif step["call"] == "wait-for-poll":
            _intended_poll(step, server)
        else:
            kept += _intended_subscribe(step, server)
    return changed


def _intended_refresh(step: Step, server: GoldenServer) -> None:
    step.pop("wire", None)
    texts = [one["value"] for one in step["args"]]
    if not texts or not isinstance(texts[0], str) or not texts[0]:
        return  # refused before anything was fetched, in both modes
    url = _url(server.expand(texts[0]))
    port = int(server.expand(str(texts[1]))) if len(texts) > 1 else 0
    answer = probe(port or url.port or 80, url.path)
    if answer is None or not answer.is_document:
        return
    parts = url.path.split("/")
    trees = [place for place, part in enumerate(parts) if part.lower() in TREES]
    known = [place for place in trees if parts[place - 1] in AUIDS]
    if not known:
        fault = "Invalid auid" if trees else "Failed parsing url"
        step["expect"]["rpc"] = {"error": {"code": 500, "message": fault}}
        return
    xid = parts[known[0] + 1] if parts[known[0]] == "users" else ""
    step["expect"]["rpc"] = {"result": {}}
    step["expect"]["told"] = [(AUIDS[parts[known[0] - 1]], xid, answer.body)]


def _url(text: str) -> SplitResult:
    return urlsplit(text if "://" in text else f"http://{text}")


def _intended_poll(step: Step, server: GoldenServer) -> None:
    told, wire, gone = [], [], []
    asked = {(one["listener"], one["target"]): one for one in step["wire"]}
    for row in step["expect"]["rows"]:
        url = _url(server.expand(row["doc_uri"]))
        port = int(server.expand(str(row["port"])))
        port = port if 0 < port < 65536 else url.port or 80
        listeners = [name for name, number in server.ports.items() if number == port]
        request = next(
            (asked[one, url.path] for one in listeners if (one, url.path) in asked), None
        )
        if request is None:
            continue
        wire.append(_conditional(request, row["etag"]))
        answer = probe(port, url.path, row["etag"])
        if answer is not None and answer.status in GONE:
            gone.append(row)
        elif answer is not None and answer.is_document and answer.etag != row["etag"]:
            # Without an etag it is asked for unconditionally from now on.
            row["doc"], row["etag"] = answer.body.decode(), answer.etag or ""
            wire.append(_conditional(request, answer.etag) if answer.etag else request)
            account = "@".join(filter(None, (row["username"], row["domain"])))
            told.append((row["doc_type"], f"sip:{account}", answer.body))
    step["wire"] = wire
    step["expect"]["told"] = told
    step["expect"]["rows"] = [row for row in step["expect"]["rows"] if row not in gone]


def _conditional(request: dict[str, Json], etag: str) -> dict[str, Json]:
    return {**request, "headers": [*request["headers"], ["If-None-Match", etag]]}


def _intended_subscribe(step: Step, server: GoldenServer) -> list[dict[str, Json]]:
    """The servers are asked up to the first that has a document with an etag.

    Returns:
        the rows written. A document that has a row is not asked for.
    """
    asked, documents, rows = [], [], step["expect"]["rows"]
    written: list[dict[str, Json]] = []
    for request in step["wire"]:
        known = [row for row in rows if (row["username"], row["doc_type"]) == _owner(request)]
        if known:
            documents = [row["doc"].encode() for row in known]
            break
        asked.append({key: value for key, value in request.items() if key != "connection"})
        answer = probe(server.ports[request["listener"]], request["target"])
        if answer is not None and answer.is_document and answer.etag:
            documents.append(answer.body)
            written = [_row(request, answer)]
            break
    if not step["wire"]:  # the table had it, or nobody needed it
        user = step["subscribe"]["user"]
        documents = [row["doc"].encode() for row in rows if row["username"] == user]
    step["wire"] = asked
    step["expect"]["rows"] = [*rows, *written]
    step["expect"]["documents"] = documents
    return written


def _owner(request: dict[str, Json]) -> tuple[str, int]:
    before, _, tail = request["target"].partition("/users/sip:")
    return tail.partition("@")[0], AUIDS[before.rpartition("/")[2]]


def _row(request: dict[str, Json], answer: Answer) -> dict[str, Json]:
    tail = request["target"].partition("/users/sip:")[2]
    user, doc_type = _owner(request)
    return {
        "username": user,
        "domain": tail.partition("/")[0].partition("@")[2],
        "doc": answer.body.decode(),
        "doc_type": doc_type,
        "etag": answer.etag,
        "source": 1,
        "doc_uri": {"ends": HOST + request["target"]},
        "port": "{" + request["listener"] + "_PORT}",
    }


def probe(port: int, path: str, etag: str | None = None) -> Answer | None:
    """One GET by Python's own client; None where nothing came."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PROBE_S)
    try:
        connection.request("GET", path, headers={"If-None-Match": etag} if etag else {})
        response = connection.getresponse()
        return Answer(response.status, response.getheader("ETag"), response.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
