"""The hierarchy of errors: one tree, drawn as it is, exported whole, and no error is lost."""

from __future__ import annotations

import concurrent.futures
import copy
import importlib
import itertools
import multiprocessing
import pickle
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onehttp
import onehttp.errors
import onehttp.identity
import onehttp.xcap
import onehttp_backends
import onehttp_compat
from onehttp.xcap.store import Source
from onehttp_backends.errors import at_least, transfer_error
from onehttp_compat.modules.xcap_client.refresh import RefusedRefreshError

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
BASE = onehttp.OnehttpError


def load_all() -> None:
    """Import every module, so that every class is there."""
    for package in (onehttp_backends, onehttp, onehttp_compat):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # What is inside the real server imports that server's own modules.
            if not module.name.endswith("__main__") and ".inside." not in module.name:
                importlib.import_module(module.name)


load_all()


def below(kind: type[BASE]) -> Iterator[type[BASE]]:
    yield kind
    for each in kind.__subclasses__():
        yield from below(each)


EVERY = sorted(
    {kind for kind in below(BASE) if kind.__module__.startswith("onehttp")},
    key=lambda kind: kind.__qualname__,
)
OURS = [kind for kind in EVERY if not kind.__module__.startswith("onehttp_compat")]
TRANSFER = [kind for kind in OURS if issubclass(kind, onehttp.TransferError)]
HOMES = (onehttp.identity, onehttp.xcap, onehttp)


def home(kind: type[BASE]) -> Any:
    """The package whose users meet it."""
    return next(package for package in HOMES if kind.__module__.startswith(package.__name__))


def drawn(text: str) -> dict[str, str | None]:
    """Each class of a drawn tree, and what stands above it."""
    above: list[tuple[int, str]] = []
    tree: dict[str, str | None] = {}
    for line in re.findall(r"^ *(?:onehttp\.\w+\.)?\w+Error\b.*$", text, re.MULTILINE):
        depth = len(line) - len(line.lstrip())
        name = line.split()[0].rpartition(".")[2]
        above = [place for place in above if place[0] < depth]
        tree[name] = above[-1][1] if above else None
        above.append((depth, name))
    return tree


def real() -> dict[str, str | None]:
    parents = {kind: [base for base in kind.__bases__ if issubclass(base, BASE)] for kind in OURS}
    return {kind.__name__: bases[0].__name__ if bases else None for kind, bases in parents.items()}


def page_tree() -> str:
    return PAGE.read_text().split("```\n")[2]


def rows() -> dict[str, list[str]]:
    """The tables of the page: the cells behind the name of each class."""
    found = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in found}


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert drawn(onehttp.errors.__doc__ or "") == real()


def test_the_tree_on_the_page_is_the_tree_of_classes_and_names_their_builtins() -> None:
    assert drawn(page_tree()) == real()
    named = dict(re.findall(r"(\w+Error) \[(\w+)\]", page_tree()))
    builtin = {
        kind.__name__: base.__name__
        for kind in OURS
        for base in kind.__bases__
        if base.__module__ == "builtins" and base is not Exception
    }
    assert named == builtin


def test_every_class_is_exported_by_the_package_that_raises_it() -> None:
    missing = [kind.__name__ for kind in OURS if kind.__name__ not in home(kind).__all__]
    assert missing == []


def test_the_page_says_of_every_class_when_and_what_to_do() -> None:
    of_others = {kind.__name__ for kind in OURS if home(kind) is not onehttp}
    wanted = real().keys() - of_others - {"OnehttpError"} | {"IdentityError", "XcapError"}
    assert rows().keys() == wanted


def codes_of(kind: type[onehttp.TransferError]) -> list[int]:
    """libcurl's codes that become errors of a class or its subclasses, but of no general one."""
    made = {code: transfer_error(code, "x") for code in range(1, 101)}
    return [code for code, error in made.items()
            if isinstance(error, kind) and type(error) is not onehttp.TransferError]  # fmt: skip


@pytest.mark.parametrize("kind", TRANSFER, ids=lambda kind: kind.__name__)
def test_the_page_has_the_codes_and_how_far_a_request_may_have_got(
    kind: type[onehttp.TransferError],
) -> None:
    _, codes, sent, _ = rows()[kind.__name__]
    code, usual_sent, _ = kind.usual
    if codes == "any":
        assert kind is onehttp.TransferError or kind.has_any_code
        return
    listed = [int(each) for each in codes.split(", ")]
    assert listed == sorted(listed)
    assert code in listed
    assert set(codes_of(kind)) <= set(listed)
    if not kind.has_any_code:
        assert listed == sorted(codes_of(kind) or [code])
    assert sent == "any" or usual_sent.value in sent


@pytest.mark.parametrize("kind", TRANSFER, ids=lambda kind: kind.__name__)
def test_of_a_message_alone_it_is_a_usual_one_of_its_kind(
    kind: type[onehttp.TransferError],
) -> None:
    error = kind("as a test says")
    assert (error.code, error.sent, error.phase) == kind.usual
    assert str(error).startswith("as a test says (code ")
    assert repr(error) == f"{kind.__name__}({error.code:d}, 'as a test says')"
    other = kind("x", sent=onehttp.Sent.YES, phase=onehttp.Phase.TLS)
    assert (other.sent, other.phase) == (onehttp.Sent.YES, onehttp.Phase.TLS)
    # Some are an OSError, too, whose errno would be another list of numbers.
    assert getattr(error, "errno", None) is None


def test_every_code_makes_an_error_and_no_class_takes_the_code_of_another() -> None:
    for code, kind in itertools.product(range(1, 101), TRANSFER):
        made = transfer_error(code, "x")
        assert made.code == code
        if kind.has_any_code or isinstance(made, kind) or issubclass(kind, type(made)):
            assert kind(code, "x").code == code
        else:
            with pytest.raises(ValueError, match=f"that of a {type(made).__name__}"):
                kind(code, "x")


@pytest.mark.parametrize("given", [(28,), (28, 3), (None, "x"), ("28", "x"), (b"x",), (28.0, "x")])
def test_what_is_no_code_and_message_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="expected a code and a message, or a message"):
        onehttp.TimeoutError(*given)


def has_own_constructor(kind: type[BASE]) -> bool:
    return any("__init__" in vars(each) for each in kind.__mro__ if each.__module__ != "builtins")


# What it takes to make one of each class that has a constructor of its own.
FAULTS = [
    onehttp.ConfigurationError("unknown key", file="c.yaml", line=3, column=5, key="connections.a"),
    onehttp.ConfigurationError("empty"),
]
MADE: list[BASE] = [
    *FAULTS,
    onehttp.ConfigurationError.of(FAULTS),
    *(kind(404, "http://a/x", "gone") for kind in below(onehttp.xcap.StatusError)),
    onehttp.xcap.ConflictError(409, "http://a/x", "no", "cannot-insert"),
    *(
        kind(code, "x", sent=onehttp.Sent.MAYBE, phase=onehttp.Phase.SEND)
        for kind in TRANSFER
        for code in codes_of(kind) or [kind.usual[0]]
    ),
    RefusedRefreshError("Invalid port", 3),
    onehttp.HTTPStatusError("x: 404", onehttp.Response(404, [b"HTTP/1.1 404 No\r\n"], b"", "x")),
]
MADE += [kind("text") for kind in EVERY if not has_own_constructor(kind)]
AGAIN = {
    "pickled": lambda error: pickle.loads(pickle.dumps(error)),
    "pickled by the first protocol": lambda error: pickle.loads(pickle.dumps(error, 0)),
    "copied": copy.copy,
    "copied to the ground": copy.deepcopy,
}


def shown(error: BaseException) -> tuple[object, ...]:
    """All there is of it; errors within it, too, by what they show."""
    state = {
        name: [shown(each) for each in value]
        if name == "_errors"
        else repr(value)
        if name == "response"
        else value
        for name, value in vars(error).items()
    }
    return type(error), error.args, str(error), repr(error), state


def test_one_of_each_class_is_tried() -> None:
    assert {type(error) for error in MADE} == set(EVERY)


@pytest.mark.parametrize("way", AGAIN)
def test_errors_survive(way: str) -> None:
    for error in MADE:
        found = AGAIN[way](error)
        assert found is not error
        assert shown(found) == shown(error)


@given(st.text(), st.sampled_from(TRANSFER), st.sampled_from(onehttp.Sent))
def test_whatever_the_message_says_it_survives(
    message: str, kind: type[onehttp.TransferError], sent: onehttp.Sent
) -> None:
    error = kind(message, sent=sent)
    assert shown(pickle.loads(pickle.dumps(error))) == shown(error)


class TheirError(onehttp.ConnectError):
    """Somebody's own, with a constructor that takes something else."""

    def __init__(self, host: str, *, tries: int) -> None:
        super().__init__(7, f"{host} refused {tries} times")
        self.host, self.tries = host, tries


def test_those_of_others_survive_with_what_they_carry() -> None:
    error = TheirError("a.example", tries=3)
    error.__dict__["__notes__"] = ["at night"]
    assert shown(pickle.loads(pickle.dumps(error))) == shown(error)


def test_one_that_is_made_worse_is_another_and_keeps_what_it_carries() -> None:
    error = TheirError("a.example", tries=3)
    worse = at_least(error, onehttp.Sent.MAYBE)
    assert isinstance(worse, TheirError)
    assert (worse.sent, worse.tries, worse.message) == (onehttp.Sent.MAYBE, 3, error.message)
    assert error.sent is onehttp.Sent.NO
    assert at_least(worse, onehttp.Sent.NO) is worse


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("GET http://a.example/x: refused: no route", "refused: no route"),
        ("URL: empty", "empty"),
        ("cancelled", "cancelled"),
    ],
)
def test_the_reason_is_the_message_without_what_it_is_about(message: str, reason: str) -> None:
    assert onehttp.ConnectError(message).reason == reason


def init_with_two_mistakes() -> None:
    onehttp.init({"version": 1, "connections": {"a": {"urll": "x"}}})


def test_a_process_pool_hands_them_on_and_goes_on() -> None:
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        with pytest.raises(onehttp.ConfigurationError) as raised:
            pool.submit(init_with_two_mistakes).result()
        assert len(raised.value.errors) == 2
        assert pool.submit(int, "3").result() == 3


@pytest.mark.parametrize("number", [onehttp.CurlCode.COULDNT_CONNECT, Source.CLIENT])
def test_a_named_number_is_written_as_a_number_on_every_python(number: int) -> None:
    assert {str(number), f"{number}", format(number)} == {str(int(number))}
