"""The sites of one Python source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider, ScopeProvider

from onehttp_compat.migration.clients import CLIENTS, NOTE, client_of, client_replacement
from onehttp_compat.migration.gathering import Gathering
from onehttp_compat.migration.names import Names
from onehttp_compat.migration.plain_files import MOVED, scan_plain
from onehttp_compat.migration.sites import FileScan, Problem, Site, SiteKind, shown_code
from onehttp_compat.migration.sources import Source
from onehttp_compat.migration.static_call import StaticCall, function_named, static_call
from onehttp_compat.registry import FUNCTIONS, KEMI

_WORDS: Final = (
    *{function.name for function in FUNCTIONS},
    *{module for module, _ in KEMI},
    "onehttp_compat", "call_function", "from http import",
    *{package if package == "http.client" else package.partition(".")[0] for package in CLIENTS},
)  # fmt: skip
"""A source without any of these has no site: LibCST, which is slow, need not read it."""
_MOVED: Final = frozenset(f"onehttp.{name}" for name in MOVED)
_REFERENCE: Final = "named here and called elsewhere: who calls it with what cannot be seen"


@dataclass(frozen=True, slots=True)
class PythonModule:
    """A parsed source, and what its names stand for."""

    source: Source
    wrapper: MetadataWrapper
    gathered: Gathering
    names: Names

    def legacy_calls(self) -> Iterator[tuple[cst.Call, StaticCall]]:
        """The calls of legacy functions, in the order of the source."""
        for call in self.gathered.calls:
            origin = self.names.origin(call.func) or _method_name(call.func)
            static = static_call(call, origin)
            if static is not None:
                yield call, static


def parse(source: Source) -> PythonModule:
    """Parse a source whose syntax is known to be right.

    Raises:
        libcst.ParserSyntaxError: LibCST does not know what this Python knows.
    """
    wrapper = MetadataWrapper(cst.parse_module(source.text), unsafe_skip_copy=True)
    gathered = Gathering()
    wrapper.module.visit(gathered)
    names = Names(wrapper.resolve(ScopeProvider), gathered.values)
    return PythonModule(source, wrapper, gathered, names)


def may_have_sites(source: Source) -> bool:
    """Whether LibCST has to read a source."""
    return any(word in source.text for word in _WORDS)


def scan_python(source: Source) -> FileScan:
    """Everything there is in a source."""
    if not may_have_sites(source):
        return scan_plain(source)
    try:
        module = parse(source)
    except (cst.ParserSyntaxError, RecursionError) as error:
        problem = Problem(source.path, getattr(error, "raw_line", 0), _said(error))
        return FileScan(source.path, problems=(problem,))
    places = module.wrapper.resolve(PositionProvider)
    found: list[Site] = []
    for node, kind, name_of, name, replacement, note in _found(module):
        place = places[node]
        assert isinstance(node, cst.Call | cst.Attribute)
        found.append(Site(
            path=source.path,
            line=place.start.line,
            column=place.start.column + 1,
            end_line=place.end.line,
            kind=kind,
            module=name_of,
            name=name,
            code=shown_code(module.wrapper.module.code_for_node(node)),
            replacement=shown_code(replacement),
            note=note,
            is_unreachable=node in module.gathered.unreachable,
        ))  # fmt: skip
    found.sort(key=lambda site: (site.line, site.column))
    gathered = module.gathered
    is_script = gathered.is_script or any(site.kind == "call" for site in found)
    return FileScan(
        source.path,
        tuple(found),
        moved=sum(module.names.origin(call.func) in _MOVED for call in gathered.calls),
        is_script=is_script,
        imports=frozenset(gathered.imports),
    )


def _found(
    module: PythonModule,
) -> Iterator[tuple[cst.CSTNode, SiteKind, str, str, str, str]]:
    legacy = dict(module.legacy_calls())
    for call, static in legacy.items():
        function = static.function
        yield call, "call", function.module, static.label, static.replacement(), static.fault
    for call in module.gathered.calls:
        origin = module.names.origin(call.func) if call not in legacy else ""
        package = client_of(origin)
        if package:
            replacement = client_replacement(origin)
            yield call, "past the engine", package.partition(".")[0], origin, replacement, NOTE
    for node in module.gathered.named:
        if node not in module.names.followed:
            named = function_named(module.names.origin(node))
            if named is not None:
                function = named.function
                replacement = function.replacement
                yield node, "reference", function.module, named.label, replacement, _REFERENCE


def _method_name(function: cst.BaseExpression) -> str:
    """``call_function`` of whatever a route is handed as its message."""
    is_method = isinstance(function, cst.Attribute) and function.attr.value == "call_function"
    return "call_function" if is_method else ""


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep to be read"
    return f"not understood: {str(error).splitlines()[0]}"
