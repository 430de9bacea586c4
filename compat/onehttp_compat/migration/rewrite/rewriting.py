"""Rewrites files, and gives the result as text to compare or to write."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from onehttp_compat.migration.names import ScriptNames
from onehttp_compat.migration.other_clients import client_of
from onehttp_compat.migration.patches import lines_of, patch_of
from onehttp_compat.migration.python_sites import concrete, legacy_calls, may_have_sites
from onehttp_compat.migration.rewrite.call_code import ScriptFacts
from onehttp_compat.migration.rewrite.codemod import CallToRewrite, Codemod, Node, Outcome
from onehttp_compat.migration.rewrite.connections import ConnectionEntries, bases_of, names_called
from onehttp_compat.migration.rewrite.imports import with_imports
from onehttp_compat.migration.rewrite.not_safe import NESTED
from onehttp_compat.migration.rewrite.queries import Queries
from onehttp_compat.migration.sites import Problem
from onehttp_compat.migration.sources import SourceText, files_of, read_source
from onehttp_compat.migration.static_call import function_named
from onehttp_compat.migration.trees.libcst_tree import ConcreteTree
from onehttp_compat.migration.trees.tree import KSR
from onehttp_compat.replacements.texts import code_of

_Notes: TypeAlias = "dict[Node, tuple[str, str]]"
"""Names and reasons."""
_REFERENCE = "it is called elsewhere, with what cannot be seen: call it by its name"
_CLIENT = "it blocks the worker, past the engine: onehttp.request does the same on the engine"


@dataclass(frozen=True, slots=True)
class CallChange:
    """The change of one call."""

    path: str
    line: int
    column: int
    name: str
    before: str
    """The statement that contains it."""
    after: str
    reason: str = ""
    """Why it is not rewritten but gets a note; empty if it is rewritten."""


@dataclass(frozen=True, slots=True)
class FileRewrite:
    """A file before and after."""

    source: SourceText
    after: str
    changes: tuple[CallChange, ...] = ()
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Entries of a connections file that the new text needs."""

    @property
    def done(self) -> list[CallChange]:
        """The calls that are rewritten."""
        return [one for one in self.changes if not one.reason]

    @property
    def left(self) -> list[CallChange]:
        """The calls that get a note."""
        return [one for one in self.changes if one.reason]

    @property
    def is_changed(self) -> bool:
        return self.after != self.source.text

    def diff(self) -> str:
        """The patch, for ``git apply`` and ``patch -p1``."""
        return patch_of(self.source.path, lines_of(self.source.text), lines_of(self.after))

    def write(self) -> None:
        """Replace the file by the new text, in one step.

        Raises:
            OSError: the file cannot be written.
        """
        path = Path(os.path.realpath(self.source.path))
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(self.source.encoded(self.after))
        os.chmod(file.name, path.stat().st_mode & 0o7777 if path.exists() else 0o640)
        os.replace(file.name, path)


def rewrite(
    paths: Iterable[Path],
    modules: Collection[str] = (),
    progress: Callable[[int, int], object] = lambda done, of: None,
    known: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> list[FileRewrite | Problem]:
    """Rewrite the given Python files.

    Args:
        modules: the legacy modules whose calls are rewritten; empty: all modules.
        progress: is called with the number of files that are done, and the number of all files.
        known: connections of the server's configuration, by their names in calls.
    """
    files = [path for path in files_of(paths) if path.suffix != ".cfg"]
    sources = [read_source(path) for path in files]
    called = [
        name for one in sources if isinstance(one, SourceText) for name in names_called(one.text)
    ]
    connections = ConnectionEntries(known, called)
    made: list[FileRewrite | Problem] = []
    for source in sources:
        if isinstance(source, SourceText):
            made.append(rewrite_source(source, modules, connections))
        else:
            made.append(source)
        progress(len(made), len(files))
    return made


def rewrite_file(path: Path) -> FileRewrite | Problem:
    """Rewrite one file, without regard to others."""
    source = read_source(path)
    return source if isinstance(source, Problem) else rewrite_source(source)


def rewrite_source(
    source: SourceText, modules: Collection[str] = (), connections: ConnectionEntries | None = None
) -> FileRewrite | Problem:
    """Rewrite one source.

    Args:
        connections: collects entries for a connections file.
    """
    if not may_have_sites(source):
        return FileRewrite(source, source.text)
    connections = connections or ConnectionEntries(named=names_called(source.text))
    script = concrete(source)
    if isinstance(script, Problem):
        return script
    names = ScriptNames(script)
    calls: dict[Node, CallToRewrite] = {}
    for call, static in legacy_calls(script, names):
        if not modules or static.function.module in modules:
            calls[call] = CallToRewrite(static, names.ksr_near(call))
    notes = _notes(script, names, calls, modules)
    if not calls and not notes:
        return FileRewrite(source, source.text)
    tree = script.wrapper.module
    taken = frozenset(script.gathered.words)
    statics = {node: one.call for node, one in calls.items()}
    queries = Queries(tree, names, statics, taken)
    facts = ScriptFacts(taken, bases_of(script.gathered.values), connections)
    while True:
        codemod = Codemod(tree, calls, queries, notes, facts)
        changed = tree.visit(codemod)
        refused = {node: reason for node, reason in codemod.outcome.noted.items()
                   if node in queries.settings}  # fmt: skip
        if not refused:
            break
        for node, reason in refused.items():
            queries.refuse([node], reason)
        queries.settle()
    done = codemod.outcome.done
    if done:
        has_ksr = all(calls[node].ksr for node in done)
        changed = with_imports(changed, ["onehttp"] if has_ksr else ["onehttp", KSR])
    changes = tuple(_changes(source.path, script, codemod.outcome, calls, notes))
    used = {name: entry for name, entry in connections.entries.items()
            if f"onehttp.connection({code_of(name)})" in changed.code}  # fmt: skip
    made = FileRewrite(source, changed.code, changes, used)
    is_nested = done and any(one.reason == NESTED for one in made.left)
    return _with_outer_calls(made, modules, connections) if is_nested else made


def _with_outer_calls(
    made: FileRewrite, modules: Collection[str], connections: ConnectionEntries
) -> FileRewrite:
    """Rewrite calls that had legacy calls as arguments. Those are replaced now, so the outer calls
    can be, too."""
    again = rewrite_source(replace(made.source, text=made.after), modules, connections)
    if isinstance(again, Problem) or len(again.changes) != len(made.left):
        return made
    later = iter(again.changes)
    changes = tuple(
        replace(one, after=(now := next(later)).after, reason=now.reason) if one.reason else one
        for one in made.changes
    )
    return FileRewrite(made.source, again.after, changes, {**made.connections, **again.connections})


def _changes(
    path: str,
    script: ConcreteTree,
    outcome: Outcome,
    calls: Mapping[Node, CallToRewrite],
    notes: _Notes,
) -> Iterator[CallChange]:
    for node, (before, after) in outcome.texts.items():
        place = script.place(node)
        name = calls[node].call.label if node in calls else notes[node][0]
        reason = outcome.noted.get(node, "")
        yield CallChange(path, place.line, place.column, name, before, after, reason)


def _notes(
    script: ConcreteTree,
    names: ScriptNames[Node],
    calls: Collection[Node],
    modules: Collection[str],
) -> _Notes:
    """Return the sites that only get a note: references, and other clients in a script of the
    server."""
    notes: _Notes = {}
    aliases = set(script.gathered.values.values())  # a note would stay after the calls are gone
    for node in script.named:
        named = function_named(names.origin(node))
        is_meant = named is not None and (not modules or named.function.module in modules)
        if named is not None and is_meant and node not in aliases:
            notes[node] = (named.label, _REFERENCE)
    if script.is_script and not modules:
        for call in script.gathered.calls:
            origin = names.origin(call.func) if call not in calls else ""
            if client_of(origin):
                notes[call] = (origin, _CLIENT)
    return notes
