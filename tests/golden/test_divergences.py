from __future__ import annotations

from pathlib import Path

import pytest

from golden.divergences.rules import RULES, verdict
from golden.replay.recordings import Case, Json


def connect(**more: Json) -> Case:
    """An ``http_connect`` that was answered, with what a test wants changed."""
    plain: dict[str, Json] = {
        "id": "x",
        "corpus": Path("x.jsonl"),
        "module": "http_client",
        "revision": "5.6.3",
        "interface": "native",
        "params": [],
        "config_file": None,
        "startup": {"ok": True},
        "steps": [],
    }
    return Case(**(plain | more))


def defined(text: str, module: str = "http_client") -> Case:
    name = "curlcon" if module == "curl" else "httpcon"
    return connect(module=module, params=[[module, name, text]])


def query(*texts: str, function: str = "http_client_query", **more: Json) -> Case:
    arguments = [{"kind": "str", "value": text} for text in texts]
    step = {
        "call": function,
        "args": [*arguments, {"kind": "pv", "value": "$var(r)"}],
        "expect": {"rc": 200, "result": "recorded", "pvs": {}, "counters": {}},
        "wire": [{"method": "GET", "target": "/x", "headers": [["Host", "{HTTP}"]], "body": ""}],
        "connects": {"HTTP": 1},
    }
    return connect(steps=[step], **more)


def bugs(case: Case) -> list[str]:
    return [rule.bug for rule in verdict(case, "pycurl").rules]


def test_every_rule_has_a_bug_of_its_own() -> None:
    names = [(rule.bug, rule.backend) for rule in RULES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("text", "bug"),
    [
        ("a=>http://h/p?x@y", "B9"),
        ("a=>http://u:p@ss@h", "B9"),
        ("a=>http://h;useragent=x,y;timeout=1", "B10"),
        ("a=>http://h;TIMEOUT=1", "B11"),
        ("a=>http://h;timeout=0", "B39"),
        ("a=>http://h;timeout=", "B39"),
        ("a=>https://h;client_cert=/c", "B40"),
        ("=>http://h", "B42"),
        ("a=>http:///p", "B42"),
        ("a=>ftp://h", "B42"),
    ],
)
def test_a_definition_that_meets_a_fixed_bug_is_replayed_faithfully(text: str, bug: str) -> None:
    judged = verdict(defined(text), "pycurl")
    assert [rule.bug for rule in judged.rules] == [bug]
    assert judged.legacy_bugs == "faithful"


@pytest.mark.parametrize(
    "text",
    [
        "a=>http://h",
        "a=>http://u:p@h/p;timeout=1 ; useragent = 'x, y'",
        "a=>https://h;client_cert=/c;client_key=/k;verify_peer=0",
        'a=>https://h;cipher_suites="A,B";tlsversion=6',
        "a",
        "a=>h",
    ],
)
def test_a_definition_without_oddities_is_replayed_as_fixed(text: str) -> None:
    assert verdict(defined(text), "pycurl").legacy_bugs == "fixed"


def test_the_keys_of_curl_are_its_own() -> None:
    assert bugs(defined("a=>https://h;verifypeer=0", "curl")) == []
    assert bugs(defined("a=>https://h;verify_peer=0", "curl")) == ["B11"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nurl = http://h\n", []),
        ("[a]\nurl = http://h\n[a]\nurl = http://g\n", ["B17"]),
        ("[a]\nurl = h\n", ["B17"]),
        ("[a]\nurl = http://h\nkeep_connections = 1\n", ["B24"]),
        ("[a]\nurl = ftp://h\n", ["B42"]),
    ],
)
def test_a_file_that_meets_a_fixed_bug_is_replayed_faithfully(
    text: str, expected: list[str]
) -> None:
    assert bugs(connect(config_file=text)) == expected


def test_a_blob_that_ends_its_line_expects_one_whole_request() -> None:
    judged = verdict(query("http://h/x", "body", "X-A: 1\r\n"), "pycurl")
    (request,) = judged.case.steps[0]["wire"]
    assert request["body"] == "body"
    assert ["Content-Length", "4"] in request["headers"]
    assert judged.legacy_bugs == "fixed"


@pytest.mark.parametrize("blob", ["X-A: 1\rX-B: 2", "X-A: 1\n\nGET /", "X-A: 1\r\n\r\nGET /"])
def test_an_injection_expects_that_nothing_is_sent(blob: str) -> None:
    (step,) = verdict(query("http://h/x", "", blob), "pycurl").case.steps
    assert (step["expect"]["rc"], step["wire"], step["connects"]) == (-1, [], {})


def test_a_lone_line_feed_expects_two_headers() -> None:
    case = query("http://h/x", "", "X-A: 1\nX-B: 2")
    (request,) = case.steps[0]["wire"]
    request["headers"] = [["Host", "h"], ["X-A", "1\nX-B: 2"]]
    judged = verdict(case, "pycurl")
    (request,) = judged.case.steps[0]["wire"]
    assert request["headers"] == [["Host", "h"], ["X-A", "1"], ["X-B", "2"]]
    assert [rule.bug for rule in judged.rules] == ["B6, line feed"]


def test_a_foreign_scheme_expects_the_code_of_a_failure() -> None:
    case = query("file:///x", function="http_query", module="utils")
    (step,) = verdict(case, "pycurl").case.steps
    assert (step["expect"]["rc"], step["expect"]["result"]) == (-1, "unset")


def test_an_unlimited_first_line_is_faithful() -> None:
    limited = ["http_client", "query_maxdatasize", 5]
    assert bugs(query("http://h/x", params=[limited])) == ["B14"]
    whole = ["http_client", "query_result", 0]
    assert bugs(query("http://h/x", params=[limited, whole])) == []


def test_what_another_engine_does_is_not_excused_on_libcurl() -> None:
    case = query("http://h/x", "", "X-A:    1  ")
    assert [rule.bug for rule in verdict(case, "httpx").rules] == ["h11, blanks"]
    assert verdict(case, "pycurl").rules == []


def test_a_blob_is_split_and_its_lines_read_one_by_one() -> None:
    case = query("http://h/x", "", "X-A: 1\r\nX-B;\r\nX-C:")
    case.steps[0]["wire"][0]["headers"] += [["X-A", "1"], ["X-B;", ""], ["X-C", ""]]
    (step,) = verdict(case, "pycurl").case.steps
    assert step["wire"][0]["headers"] == [["Host", "{HTTP}"], ["X-A", "1"], ["X-B", ""]]


def test_secrets_further_down_a_blob_are_not_expected_at_another_host() -> None:
    case = query("http://h/x", "", "X-A: 1\r\nAuthorization: secret")
    secret = ["Authorization", "secret"]
    case.steps[0]["wire"] = [
        {"listener": name, "target": "/x", "headers": [secret], "body": ""}
        for name in ("HTTP", "HTTP_B")
    ]
    (step,) = verdict(case, "pycurl").case.steps
    assert [one["headers"] for one in step["wire"]] == [[secret], []]


@pytest.mark.parametrize("blob", ["Content-Length: 9", "X-A: 1\r\nTransfer-Encoding: chunked"])
def test_framing_that_misleads_the_server_is_not_compared(blob: str) -> None:
    (step,) = verdict(query("http://h/x", "", blob), "pycurl").case.steps
    assert "wire" not in step
    assert "rc" not in step["expect"]


def asked(*settings: list[Json], attempted: bool = False, **more: Json) -> Case:
    """An asynchronous query that was answered with 200, after these settings."""
    answer: dict[str, Json] = {"$http_ok": "1", "$http_rs": "200", "$http_mb": "HTTP/1.1 200 OK"}
    changes = {key: more.pop(key) for key in ("pvs", "expect", "wire", "call") if key in more}
    step = {
        "call": changes.get("call", "http_async_query"),
        "args": [{"kind": "str", "value": "http://h/"}, {"kind": "str", "value": "@CALLBACK@"}],
        "settings": list(settings),
        "pvs": [*answer, *changes.get("pvs", {})],
        "expect": {
            "rc": 0,
            "suspended": True,
            "callbacks": [{"pvs": answer | changes.get("pvs", {})}],
            **changes.get("expect", {}),
        },
        "wire": changes.get("wire", [{"method": "GET", "target": "/"}]),
        "connects": {"HTTP": 1},
    }
    steps = {"steps": [], "attempted": [step], "startup": {"ok": False}} if attempted else {}
    return connect(module="http_async_client", **({"steps": [step]} | steps | more))


def test_a_plain_asynchronous_query_is_replayed_as_fixed() -> None:
    judged = verdict(asked(["timeout", "int", 200]), "pycurl")
    assert (judged.rules, judged.legacy_bugs) == ([], "fixed")


@pytest.mark.parametrize(
    ("pvs", "bug"),
    [
        (
            {"$http_rs": "302", "$http_mb": "HTTP/1.1 302 F\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"},
            "blocks",
        ),
        ({"$http_rs": "100", "$http_mb": "HTTP/1.1 100 Continue\r\n\r\n"}, "blocks"),
        ({"$http_mb": {"base64": "SFRUUC8xLjEgMjAwIE9LDQoNCmEAAA=="}}, "NUL"),
        ({"$http_rs": None, "$http_mb": "HTTP/1.1 200\r\n\r\n"}, "status"),
        ({"$http_mb": "HTTP/1.1 200 OK\r\nHia: x\r\n\r\n"}, "Via"),
        ({"$http_mb": "HTTP/1.1 200 OK\r\n\r\nbody\nVIA: x"}, "Via"),
    ],
)
def test_a_reply_read_by_the_parser_for_sip_is_replayed_faithfully(
    pvs: dict[str, Json], bug: str
) -> None:
    judged = verdict(asked(pvs=pvs), "pycurl")
    assert [rule.bug for rule in judged.rules] == [f"async, {bug}"]
    assert judged.legacy_bugs == "faithful"


def test_settings_kept_by_a_refused_call_are_faithful() -> None:
    first = asked(["hdr", "str", "X: 1"], expect={"rc": -1, "callbacks": []}, wire=[])
    both = asked(steps=[*first.steps, *asked().steps])
    assert bugs(both) == ["async, settings"]
    assert bugs(asked(steps=[*asked().steps, *first.steps])) == []


def test_a_method_of_later_revisions_leaves_the_request_open() -> None:
    judged = verdict(asked(["method", "str", "pat"]), "pycurl")
    (step,) = judged.case.steps
    assert "wire" not in step
    assert step["expect"] == {"rc": 0, "suspended": True}
    assert bugs(asked(["method", "str", "P"])) == bugs(asked(["hdr", "str", "PATCH"])) == []


@pytest.mark.parametrize(
    "attempt",
    [
        asked(["http_version", "int", 1], attempted=True),
        asked(["tcp_keepalive", "int", 1], attempted=True),
        asked(["http_set_timeout()", "int", 1], attempted=True),
        asked(attempted=True, call="http_async_send"),
        asked(attempted=True, pvs={"$http_xdata": None}),
        asked(["timeout", "int", 1], attempted=True, revision="50fca238aa"),
        asked(attempted=True, pvs={"$http_req_id": ""}, revision="50fca238aa"),
    ],
)
def test_names_of_other_revisions_do_not_stop_the_start(attempt: Case) -> None:
    judged = verdict(attempt, "pycurl")
    assert [rule.bug for rule in judged.rules] == ["async, names"]
    assert judged.case.startup["ok"]


@pytest.mark.parametrize(
    "attempt",
    [
        asked(["HDR", "str", "X: 1"], attempted=True),
        asked(["", "null", None], attempted=True),
        asked(attempted=True, pvs={"$http_time(first)": "0"}),
        asked(["http_set_timeout()", "str", "x"], attempted=True, revision="50fca238aa"),
    ],
)
def test_names_of_no_revision_stop_the_start(attempt: Case) -> None:
    judged = verdict(attempt, "pycurl")
    assert judged.rules == []
    assert not judged.case.startup["ok"]


def test_a_lost_second_callback_is_expected_to_run() -> None:
    case = asked(expect={"then": {"rc": 0, "callbacks": []}, "seconds": 5.0})
    (step,) = verdict(case, "pycurl").case.steps
    assert step["expect"]["then"]["callbacks"]
    assert step["expect"]["sip"] == {"responses": ["200 done twice"], "finals": 1}
    assert "seconds" not in step["expect"]
