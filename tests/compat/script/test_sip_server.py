"""Scripts outside their server: both kinds, what they may do, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp as command
from onehttp_compat.script.captures import DEFAULT_MESSAGE, read_messages
from onehttp_compat.script.instance import ScriptError
from onehttp_compat.script.serving import serving
from onehttp_compat.server import LegacyServer
from servers.raw import RawServer
from stand_ins.legacy.loading import Load

INVITE = (
    b"INVITE sip:+4930@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b'From: "A" <sip:alice@example.org>;tag=1\r\nTo: <sip:+4930@example.org>\r\n'
    b"Call-ID: c1@example.org\r\nCSeq: 7 INVITE\r\nContent-Length: 3\r\n\r\nv=0"
)


def test_a_kemi_script(load: Load, tmp_path: Path, legacy: LegacyServer, web: RawServer) -> None:
    text = f"""
import KSR as ksr
def mod_init():
    return Kamailio()
class Kamailio:
    def child_init(self, rank):
        self.rank = rank
        return 0
    def ksr_request_route(self, msg):
        code = ksr.http_client.query("{web.url}/" + KSR.pv.get("$rU"), "$var(x)")
        KSR.pv.seti("$var(code)", code)
        KSR.hdr.append("X-Rank: %d\\r\\n" % self.rank)
        if KSR.is_method("INVITE"):
            KSR.sl.send_reply(200, "Fine")
            KSR.x.exit()
        raise AssertionError("went on after exit")
"""
    script = load(text)
    (tmp_path / "invite.sip").write_bytes(INVITE)
    (message,) = read_messages(tmp_path / "invite.sip")
    outcome = script.run_one(message)
    assert outcome.error is None
    assert outcome.replies == ["200 Fine"]
    assert outcome.headers == ["X-Rank: 1"]
    assert web.targets == ["GET /+4930"]
    assert legacy.pv.get("$var(code)") == 200


def test_a_script_that_works_on_the_whole_request(
    load: Load, tmp_path: Path, legacy: LegacyServer
) -> None:
    text = """
def mod_init():
    return Kamailio()
class Kamailio:
    def child_init(self, rank):
        return 0
    def handle(self, msg):
        msg.call_function("vrfy_check_date")
        msg.call_function("vrfy_check_callid")
        return msg.call_function("vrfy_check_callid")
"""
    script = load(text)
    dated = INVITE.replace(b"CSeq", b"Date: Mon, 01 Jan 2001 00:00:00 GMT\r\nCSeq")
    codes: list[int] = []
    legacy.observers.append(lambda call: codes.append(call.code))
    (tmp_path / "two.sip").write_bytes(dated + b"\r\n%%\r\n" + dated.replace(b"c1@", b"c2@"))
    first, second = read_messages(tmp_path / "two.sip")
    assert first.wire() == dated
    for message in (first, second):
        assert script.run_one(message).error is None
    assert codes == [-4, 1, -6] * 2


def test_headers_added_to_the_request_are_shown(load: Load, legacy: LegacyServer) -> None:
    script = load("def mod_init():\n    return Route()\nclass Route:\n"
                    "    def handle(self, msg):\n        return 1\n")  # fmt: skip
    outcome = script.run_one(DEFAULT_MESSAGE)
    request = legacy.pv.request
    assert request is not None
    request.add("Identity", "x")
    assert outcome.headers == ["Identity: x"]


def test_an_app_python_script(load: Load, tmp_path: Path, web: RawServer) -> None:
    text = f"""
from Router import LM_ERR
import Router.Ranks
def mod_init():
    return Handler()
class Handler:
    def child_init(self, rank):
        return 0
    def route(self, msg):
        if hasattr(self, "kept"):
            return self.kept.Method
        self.kept = msg
        return msg.call_function("http_query", "{web.url}/$ci/" + msg.Method, "$var(x)")
"""
    script = load(text)
    (tmp_path / "invite.sip").write_bytes(INVITE)
    (message,) = read_messages(tmp_path / "invite.sip")
    assert script.run_one(message).error is None
    assert web.targets == ["GET /c1@example.org/INVITE"]
    assert "msg was used after the call" in str(script.run_one(message).error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "SyntaxError"),
        ("1 / 0", "script.py:1: ZeroDivisionError"),
        ("x = 1", "has no mod_init"),
        ("def mod_init(): pass", r"mod_init\(\) returned None"),
        ("class A:\n  def a(self, m): pass\n  def b(self, m): pass\ndef mod_init(): return A()",
         "Say --call NAME or --call NAME:TEXT: a, b"),
        ("class A:\n  def child_init(self, r): return -1\n  def a(self, m): return 1\n"
         "def mod_init(): return A()", "must return an int >= 0"),
    ],
)  # fmt: skip
def test_a_script_that_does_not_start_says_why(load: Load, text: str, said: str) -> None:
    with pytest.raises(ScriptError, match=said):
        load(text)


def test_what_a_route_raises_is_kept_with_its_place(load: Load) -> None:
    text = """
def mod_init():
    return A()
class A:
    def ksr_request_route(self, msg):
        return {}["missing"]
"""
    outcome = load(text).run_one(DEFAULT_MESSAGE)
    assert outcome.error == "script.py:6: KeyError: 'missing'"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "class A:\n    def ksr_request_route(self):\n        return 1\n"
            "def mod_init(): return A()",
            "script.py:2: A.ksr_request_route() takes 1 positional argument but 2 were given; "
            "the server passes msg",
        ),
        (
            "def ksr_request_route(msg):\n    return 1\n",
            "script.py:1: ksr_request_route() missing 1 required positional argument: 'msg'; the "
            "server passes nothing",
        ),
    ],
)
def test_a_route_that_does_not_take_what_is_passed(load: Load, text: str, said: str) -> None:
    assert load(text).run_one(DEFAULT_MESSAGE).error == f"TypeError: {said}"


def test_a_missing_script(legacy: LegacyServer, tmp_path: Path) -> None:
    with (
        pytest.raises(ScriptError, match="no such file"),
        serving(tmp_path / "none.py", legacy),
    ):
        pass


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("KSR.sl.send_reply(code=200, reason='OK')", "TypeError: send_reply() takes no keyword"),
        ("KSR.is_INVITE(x=1)", "TypeError: is_INVITE() takes no keyword"),
        ("KSR.registrar.save('location', flags=0)", "TypeError: save() takes no keyword"),
        ("KSR.http_client.query(url='http://x', dpv='$var(x)')", "TypeError: query() takes no key"),
        ("msg.getHeader('Subject')", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
        ("KSR.hdr.get('Subject')", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
        ("KSR.pv.get('$hdr(Subject)')", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
    ],
)
def test_calls_that_raise_in_the_server_raise(tmp_path: Path, call: str, said: str) -> None:
    sent = (Path(__file__).parent / "scripts/messages/02-options.sip").read_bytes()
    latin_1, script = tmp_path / "latin-1.sip", tmp_path / "script.py"
    latin_1.write_bytes(sent.replace(b"\r\nCSeq", b"\r\nSubject: caf\xe9\r\nCSeq", 1))
    text = (
        f"import KSR\nclass Called:\n    def ksr_request_route(self, msg): {call}\n"
        "def mod_init(): return Called()\n"
    )
    script.write_text(text)
    done = CliRunner().invoke(command, ["run", str(script), "--message", str(latin_1), "--json"])
    (told,) = json.loads(done.stdout)["messages"]
    assert told["error"].startswith(f"script.py:3: {said}")


@pytest.mark.parametrize(
    ("call", "replies"),
    [
        ("'save', 'location'", ["200 OK"]),
        ("'save', 'location', '0x02'", []),
        ("'handle_publish'", ["200 OK"]),
        ("'handle_subscribe'", ["202 OK"]),
        ("'auth_challenge', 'sip.example.org', '1'", ["407 Proxy Authentication Required"]),
        ("'lookup', 'location'", []),
    ],
)
def test_native_calls_that_answer_the_request_are_seen_to(
    tmp_path: Path, call: str, replies: list[str]
) -> None:
    script = tmp_path / "old.py"
    script.write_text(
        f"class Old:\n    def handler(self, msg):\n        msg.call_function({call})\n"
        "        return 1\ndef mod_init(): return Old()\n"
    )
    message = str(Path(__file__).parent / "scripts/messages/02-options.sip")
    done = CliRunner().invoke(command, ["run", str(script), "--message", message, "--json"])
    (told,) = json.loads(done.stdout)["messages"]
    assert told["replies"] == replies


@pytest.mark.parametrize(
    ("call", "is_sent"),
    [
        ("KSR.dispatcher.ds_next_dst()", True),
        ("KSR.registrar.lookup('location')", True),
        ("KSR.uac.uac_auth()", True),
        ("msg.call_function('ds_next_dst')", True),
        ("msg.call_function('lookup', 'location')", True),
        ("KSR.acc.acc_log_request('x')", False),
        ("None", False),
    ],
)
def test_an_assumed_target_is_one_to_relay_to_again(
    tmp_path: Path, call: str, is_sent: bool
) -> None:
    script = tmp_path / "again.py"
    script.write_text(
        "import KSR\nclass Again:\n    def ksr_request_route(self, msg):\n"
        "        KSR.tm.t_on_failure('again')\n        return KSR.tm.t_relay()\n"
        f"    def again(self, msg):\n        {call}\n"
        "        return KSR.hdr.append('X: %d\\r\\n' % KSR.tm.t_relay())\n"
        "def mod_init(): return Again()\n"
    )
    folder = Path(__file__).parent / "scripts/messages"
    sent = [str(folder / name) for name in ("03-invite-busy.sip", "06-busy.sip")]
    options = [part for path in sent for part in ("--message", path)]
    done = CliRunner().invoke(command, ["run", str(script), *options, "--json"])
    refused = json.loads(done.stdout)["messages"][-1]
    assert refused["headers"] == [f"X: {1 if is_sent else -1}"]
    assert ("relay" in refused["actions"]) is is_sent
