"""The migration pages: every name is on them, and before and after do the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import onehttp
from onehttp.testing import FakeTransactionLayer
from onehttp_backends.contract import Request
from onehttp_compat import call_function
from onehttp_compat.http_async_client import COUNTERS
from onehttp_compat.http_client import load_api
from onehttp_compat.ksr import Ksr
from onehttp_compat.modules.http_async_client.calls import kemi_route
from onehttp_compat.modules.http_async_client.settings import DOCUMENTED, KEYS
from onehttp_compat.modules.http_async_client.variables import VARIABLES
from onehttp_compat.parameters import FIRST_ASYNC, PARAMETERS
from onehttp_compat.registry import BOUND, FUNCTIONS
from onehttp_compat.script.captures import DEFAULT_MESSAGE
from onehttp_compat.server import LegacyServer, use_server
from servers.patience import PATIENCE_S

PAGES = Path(__file__).parents[2] / "docs" / "migration"
MODULES = ("utils", "curl", "http_client", "xcap_client", "async_http", "http_async_client")
CONNECTIONS = {
    "version": 1,
    "connections": {
        "api": {"url": "https://api.example"},
        "xcap": {"url": "http://xcap.example/xcap-root"},
        "h2c": {"url": "http://api.example", "http_version": "2-prior-knowledge"},
    },
}
_block = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[Any]:
    """(before, after) of every example, named by page and line."""
    found = []
    for module in MODULES:
        text = (PAGES / f"{module}.md").read_text()
        for match in _block.finditer(text):
            line = text[: match.start()].count("\n") + 1
            before, separator, after = match[1].partition("# after\n")
            assert separator, f"{module}.md:{line}: no '# after'"
            found.append(pytest.param(before, after, id=f"{module}.md:{line}"))
    return found


def answer(request: Request) -> Any:
    """What the services of the examples say."""
    if "down.example" in request.url:
        raise onehttp.ConnectError(7, "refused")
    if "xcap.example" in request.url:
        tag = ("ETag", '"1"')
        if ("If-None-Match", '"1"') in request.headers:
            return 304, "", [tag]
        return 200, '<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>', [tag]
    return 200, f"{request.method} {request.url}\nsecond line", [("X-Kind", "test")]


@pytest.fixture
def legacy() -> Iterator[LegacyServer]:
    onehttp.init(CONNECTIONS, backend="httpx", handler=answer)
    server = LegacyServer()
    server.modparam("xcap_client", "db_url", "sqlite://")
    server.modparam("xcap_client", "periodical_query", 0)
    server.pv.new_message(DEFAULT_MESSAGE.variables())
    use_server(server)
    yield server
    use_server(None)
    onehttp.shutdown()


class Msg:
    """What ``app_python`` hands to a script."""

    call_function = staticmethod(call_function)


def run(
    code: str, server: LegacyServer, *, is_legacy: bool
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """The names that an example sets, and the requests that it sends.

    A legacy script runs in a transaction, whatever it does; new code says when it uses one.
    """
    double: Any = onehttp.backend()
    double.seen.clear()
    transaction = FakeTransactionLayer().new()
    ksr: Any = Ksr(server)
    ksr.tm = SimpleNamespace(t_reply=transaction.reply)
    names: dict[str, Any] = {
        "onehttp": onehttp,
        "call_function": call_function,
        "load_api": load_api,
        "msg": Msg,
        "KSR": ksr,
        "tx": transaction,
        "pv": server.pv,
        "user": server.pv.get("$rU"),
        "caller": server.pv.get("$fU"),
        "call_id": server.pv.get("$ci"),
    }
    given = set(names)
    server.find_route = lambda name: kemi_route(names[name])
    with onehttp.transaction(transaction if is_legacy else None):
        exec(compile(code, "example", "exec"), names)
    assert onehttp.drain(PATIENCE_S)
    names["responses"] = transaction.responses
    set_here = {name: value for name, value in names.items() if name not in given}
    sent = [(each.method, each.url, each.body and each.body.replace(b" ", b""))
            for each in double.seen]  # fmt: skip
    return set_here, sent


@pytest.mark.parametrize(("before", "after"), examples())
@pytest.mark.filterwarnings("ignore::onehttp.LegacyCallWarning")
def test_before_and_after_do_the_same(legacy: LegacyServer, before: str, after: str) -> None:
    old, old_requests = run(before, legacy, is_legacy=True)
    new, new_requests = run(after, legacy, is_legacy=False)
    assert old_requests == new_requests
    assert old_requests
    shared = (old.keys() & new.keys()) - {"__builtins__"}
    assert shared
    for name in shared:
        assert old[name] == new[name], name


@pytest.mark.parametrize("module", MODULES)
def test_every_function_and_parameter_is_on_its_page(module: str) -> None:
    text = (PAGES / f"{module}.md").read_text()
    names = {function.name for function in FUNCTIONS if function.module == module}
    names |= {f"KSR.{module}.{function.kemi}" for function in FUNCTIONS
              if function.module == module and function.kemi}  # fmt: skip
    names |= {name for name, function in BOUND.items() if function.module == module}
    names |= set(PARAMETERS[FIRST_ASYNC if module == "async_http" else module])
    missing = sorted(name for name in names if f"`{name}" not in text)
    assert missing == []


def test_every_key_variable_and_statistic_of_asynchronous_queries_is_on_their_page() -> None:
    text = (PAGES / "http_async_client.md").read_text()
    names = {f"`$http_req({key})" for key in ("all", *KEYS, *DOCUMENTED)}
    names |= {f"`${kind}" for kind in (*VARIABLES, "http_req_id", "http_time(total)")}
    names |= {f"`{counter}`" for counter in COUNTERS}
    assert sorted(name for name in names if name not in text) == []
