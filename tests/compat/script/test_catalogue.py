"""The catalogue of what a real server offers: complete, and answered by ``KSR``. That it is current
is for `make check-catalogue` to say."""

from __future__ import annotations

import inspect

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
