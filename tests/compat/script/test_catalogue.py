"""The catalogue of what a real server offers: complete, and answered by ``KSR``. That it is current
is for `make check-catalogue` to say."""

from __future__ import annotations

import inspect

import pytest

from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.script.catalogue import catalogue
from onehttp_compat.script.kemi.tree import EMULATED
from stand_ins.legacy.loading import Load

ASK_ALL = """
import KSR
seen = []
def mod_init(): return Script()
class Script:
    def ksr_request_route(self, msg):
        for name in dir(KSR):
            if name.startswith("__") or name == "x":
                continue
            one = getattr(KSR, name)
            if callable(one):
                seen.append((name, one))
            else:
                seen.extend((name + "." + inner, getattr(one, inner))
                            for inner in dir(one) if not inner.startswith("__"))
        KSR.info("%d functions\\n" % len(seen))
        KSR.hdr.append("X-Count: %d" % len(seen))
"""

READ_ALL = """
import KSR
from onehttp_compat.script.catalogue import catalogue
def mod_init(): return Script()
class Script:
    def ksr_request_route(self, msg):
        for kind, one in catalogue().variables.items():
            for name in one.names or ():
                KSR.pv.get("$%s(%s)" % (kind, name))
            if one.names:
                KSR.pv.get("$%s(nosuchname)" % kind)
        return 1
"""


def test_every_function_of_the_catalogue_is_there_and_told_by_dir(load: Load) -> None:
    count = sum(map(len, catalogue().functions.values()))
    outcome = load(ASK_ALL).run_one(DEFAULT_MESSAGE)
    assert outcome.error is None
    assert outcome.headers == [f"X-Count: {count}"]
    assert count > 1150


def test_what_is_emulated_is_what_the_server_has(load: Load) -> None:
    """A method of a group that no server has would never be called; a slip in its name, say."""
    world = load("def ksr_request_route(): pass").world
    for module, group in EMULATED.items():
        functions = catalogue().functions[module]
        own = {name for name in vars(group) if not name.startswith("_") and name != "find"}
        assert own - set(functions) <= set(), module
        found = {name: group(world).find(name) for name in functions}
        assert any(found.values()), module
        for name, function in found.items():
            if function is not None:  # it takes as many arguments as the server's
                inspect.signature(function).bind(*functions[name].parameters)


def test_names_in_parentheses_are_those_of_the_server(load: Load) -> None:
    """Each is read without a word, and what is none of them is told."""
    server = load(READ_ALL)
    assert server.run_one(DEFAULT_MESSAGE).error is None
    told = {mistake.text for mistake in server.world.mistakes.found.values()}
    closed = {kind for kind, one in catalogue().variables.items() if one.names}
    assert len(closed) > 40
    wrong = [kind for kind in closed if not any(f"no ${kind}(nosuchname)" in one for one in told)]
    assert wrong == []
    assert len(told) == len(closed)


CALL_ALL = """
from onehttp_compat.script.catalogue import catalogue
def mod_init(): return Script()
class Script:
    def route(self, msg):
        for name, each in catalogue().natives.items():
            for count in sorted({one for form in each for one in form.counts}):
                try:
                    code = msg.call_function(name, *["1"] * count)
                except RuntimeError as error:
                    assert "Error in fixup" in str(error), error
                else:
                    assert type(code) is int, (name, code)
        return 1
"""


def test_every_function_of_configurations_answers(load: Load) -> None:
    natives = catalogue().natives
    assert len(natives) > 850
    outcome = load(CALL_ALL, "route").run_one(DEFAULT_MESSAGE)
    assert outcome.error is None


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ("'setflag', '5'", None, "is a word of kamailio.cfg itself, no function of a module; "
         "there is KSR.setflag"),
        ("'rewritehostport', 'h:1'", None, "is a word of kamailio.cfg itself"),
        ("'t_relay', '0x01'", None, "t_relay takes 0 or 2 parameters, not 1"),
        ("'sl_send_repl', '1', '2'", None, "(did you mean sl_send_reply?)"),
        ("'has_body', 'application/sdp'", -1, ""),
        ("'search', '^User-Agent: onehttp run.$'", 1, ""),
        ("'is_present_hf_re', '^User-.*t$'", 1, ""),
        ("'pv_printf', '$var(x)', 'to $rU'", 1, ""),
        ("'isbflagset', '5'", -1, ""),
        ("'is_method', 'INVITE|ACK'", 1, ""),
        ("'sanity_check', '1511'", 1, ""),
        ("'t_set_fr', '3000'", 1, ""),
        ("'uri_param', 'user', 'phone'", -1, ""),
        ("'setdsturi', 'sip:192.0.2.9'", 1, ""),
        ("'m_store', '$ru'", 1, ""),
        ("'save', 'location', '0x04'", 1, ""),
    ],
)  # fmt: skip
def test_functions_of_configurations_are_called_as_there(
    load: Load, call: str, code: int | None, said: str
) -> None:
    server = load(
        "import KSR\ndef mod_init(): return Script()\nclass Script:\n"
        f"    def route(self, msg):\n        KSR.hdr.append('X: %d' % msg.call_function({call}))\n"
        "        return 1\n",
        "route",
    )
    outcome = server.run_one(DEFAULT_MESSAGE)
    if code is None:
        assert outcome.error is not None
        assert said in outcome.error
        assert any(said in mistake.text for mistake in server.world.mistakes.found.values())
    else:
        assert (outcome.error, outcome.headers) == (None, [f"X: {code}"])
