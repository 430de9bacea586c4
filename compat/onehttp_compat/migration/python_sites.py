"""Finds the sites of one Python source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from onehttp_compat.migration.names import ScriptNames
from onehttp_compat.migration.other_clients import CLIENTS, NOTE, client_of, client_replacement
from onehttp_compat.migration.sites import FileScan, Problem, Site, SiteKind, shown_code
from onehttp_compat.migration.sources import SourceText
from onehttp_compat.migration.static_call import StaticCall, function_named, static_call
from onehttp_compat.migration.trees.ast_tree import PlaceUnknownError, SyntaxTree
from onehttp_compat.migration.trees.tree import Node, Tree
from onehttp_compat.registry import FUNCTIONS, KEMI

if TYPE_CHECKING:
    from onehttp_compat.migration.trees.libcst_tree import ConcreteTree

_WORDS: Final = (
    *{function.name for function in FUNCTIONS},
    *{module for module, _ in KEMI},
    "onehttp_compat", "call_function", "from http import",
    *{package if package == "http.client" else package.partition(".")[0] for package in CLIENTS},
)  # fmt: skip
"""A source without any of these words has no site."""
_MOVED: Final = frozenset(
    f"onehttp.{name}"
    for name in ("arequest", "connection", "request", "stream", "submit", "get", "post")
)
"""Functions of ``onehttp`` that replace legacy calls."""
_REFERENCE: Final = "named here and called elsewhere: who calls it with what cannot be seen"


class _Found(NamedTuple):
    """Facts about a site besides its place."""

    kind: SiteKind
    module: str
    name: str
    replacement: str
    note: str


def may_have_sites(source: SourceText) -> bool:
    """Whether a source may contain sites."""
    return any(word in source.text for word in _WORDS)


def legacy_calls(tree: Tree[Node], names: ScriptNames[Node]) -> Iterator[tuple[Node, StaticCall]]:
    """Return the calls of legacy functions, in the order of the source."""
    for call in tree.calls:
        function = tree.call(call)
        assert function is not None
        static = static_call(
            names.origin(function[0]),
            lambda: tree.arguments(call),  # noqa: B023 - called at once
            names.text(function[1][0]) if function[1] else "",
        )
        if static is not None:
            yield call, static


def concrete(source: SourceText) -> ConcreteTree | Problem:
    """Parse a source for a rewrite. Returns the reason if LibCST cannot parse it."""
    # Importing it takes longer than scanning a script.
    import libcst

    from onehttp_compat.migration.trees.libcst_tree import ConcreteTree

    try:
        return ConcreteTree(source.text)
    except RecursionError:
        return Problem(source.path, 0, "nested too deep to be read")
    except libcst.ParserSyntaxError as error:
        said = str(error).splitlines()[0]
        return Problem(source.path, error.raw_line, f"not understood: {said}")
    except NotImplementedError as error:  # "nonlocal" at the top of a module
        return Problem(source.path, 0, f"not understood: {error}")


def scan_python(source: SourceText) -> FileScan:
    """Return all sites of a source."""
    try:
        return scan_tree(source, SyntaxTree(source.text))
    except PlaceUnknownError:
        tree = concrete(source)
    if isinstance(tree, Problem):
        return FileScan(source.path, problems=(tree,))
    return scan_tree(source, tree)


def scan_tree(source: SourceText, tree: Tree[Node]) -> FileScan:
    """The same for a source that was parsed already."""
    names = ScriptNames(tree)
    sites: list[Site] = []
    for node, found in _found(tree, names) if may_have_sites(source) else ():
        place = tree.place(node)
        sites.append(Site(
            path=source.path,
            line=place.line,
            column=place.column,
            end_line=place.end_line,
            kind=found.kind,
            module=found.module,
            name=found.name,
            code=shown_code(tree.code(node)),
            replacement=shown_code(found.replacement),
            note=found.note,
            is_unreachable=node in tree.unreachable,
        ))  # fmt: skip
    sites.sort(key=lambda site: (site.line, site.column))
    functions = (tree.call(call) for call in tree.calls)
    return FileScan(
        source.path,
        tuple(sites),
        moved=sum(names.origin(one[0]) in _MOVED for one in functions if one),
        is_script=tree.is_script or any(site.kind == "call" for site in sites),
        imports=frozenset(tree.imports),
    )


def _found(tree: Tree[Node], names: ScriptNames[Node]) -> Iterator[tuple[Node, _Found]]:
    legacy = dict(legacy_calls(tree, names))
    for call, static in legacy.items():
        module = static.function.module
        yield call, _Found("call", module, static.label, static.replacement(), static.fault)
    for call in tree.calls:
        called = tree.call(call)
        origin = names.origin(called[0]) if called and call not in legacy else ""
        package = client_of(origin).partition(".")[0]
        if package:
            replacement = client_replacement(origin)
            yield call, _Found("past the engine", package, origin, replacement, NOTE)
    # All of them first: which values are followed must not depend on the order of the nodes.
    references = [(node, function_named(names.origin(node))) for node in tree.named]
    for node, named in references:
        if named is not None and node not in names.followed:
            function = named.function
            yield (
                node,
                _Found("reference", function.module, named.label, function.replacement, _REFERENCE),
            )
