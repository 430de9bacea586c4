"""The codemod: replaces statements with legacy calls, or puts notes before them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, cast

import libcst as cst

from onehttp_compat.migration.rewrite.call_code import ScriptFacts, exchange
from onehttp_compat.migration.rewrite.call_statements import statements
from onehttp_compat.migration.rewrite.enclosing_statements import Owners
from onehttp_compat.migration.rewrite.evaluation import is_first
from onehttp_compat.migration.rewrite.free_names import free_name
from onehttp_compat.migration.rewrite.not_safe import NESTED, NotSafeError
from onehttp_compat.migration.rewrite.queries import Queries, QuerySetting, is_query
from onehttp_compat.migration.rewrite.query_code import query_statements
from onehttp_compat.migration.rewrite.result_routes import changed_route
from onehttp_compat.migration.static_call import StaticCall
from onehttp_compat.migration.trees.libcst_tree import argument_of
from onehttp_compat.migration.trees.tree import KSR

NOTE: Final = "# onehttp:"
_WIDTH: Final = 88
_LATE: Final = "it stands where it may be called late or not at all: give it a line of its own"
Node: TypeAlias = cst.CSTNode
_step = re.compile(r"^(?: {4})+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CallToRewrite:
    """A call to rewrite."""

    call: StaticCall
    ksr: str
    """The name of ``KSR`` at the call."""


@dataclass(slots=True)
class Outcome:
    """The result of a codemod, by the nodes of the original."""

    done: list[Node] = field(default_factory=list)
    noted: dict[Node, str] = field(default_factory=dict)
    """The reasons why calls were not rewritten."""
    texts: dict[Node, tuple[str, str]] = field(default_factory=dict)
    """The statement of each call before and after; of a compound statement, its first line."""


class Codemod(cst.CSTTransformer):
    """Rewrites the calls of one module.

    Args:
        calls: the calls to rewrite.
        queries: the settings and routes of those calls that are queries.
        notes: the calls that only get a note: the name, and the reason.
        facts: facts about the rest of the script.
    """

    def __init__(
        self,
        module: cst.Module,
        calls: Mapping[Node, CallToRewrite],
        queries: Queries,
        notes: Mapping[Node, tuple[str, str]],
        facts: ScriptFacts,
    ) -> None:
        super().__init__()
        self._module = module
        self._calls = calls
        self._notes = notes
        self._facts = facts
        self._taken = facts.taken
        self._owners = Owners({*calls, *notes})
        module.visit(self._owners)
        self.outcome = Outcome()
        self._queries = queries
        self._reads = _expressions(queries.reads())
        self._routes = {one.function: one for one in queries.routes.values()}
        self._settings = {one.statement: one for them in queries.settings.values()
                          for one in them}  # fmt: skip
        self._comments: list[cst.EmptyLine] = []
        """Comments of settings that were removed. They are put before the query."""

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        left = super().on_leave(original_node, updated_node)
        if original_node in self._reads:
            return self._reads[original_node]
        if isinstance(original_node, cst.Comparison):
            return _plain_truth(left)
        if original_node in self._settings:
            return self._setting(left, self._settings[original_node])
        if original_node in self._routes:
            left = changed_route(self._module, self._routes[original_node], cast(Any, left))
        owned = self._owners.of.get(original_node)
        return left if owned is None else self._statement(original_node, left, owned)

    def _setting(self, statement: Any, setting: QuerySetting) -> Any:
        """Return what remains of a setting: its value, if that cannot be evaluated later. Its
        comments move to the query."""
        if not setting.kept_as:
            self._comments += _leading(statement)
            return cst.RemoveFromParent()
        value = statement.body[0].value.args[1].value
        assign = cst.Assign([cst.AssignTarget(cst.Name(setting.kept_as))], value)
        return statement.with_changes(body=[assign])

    def _statement(self, original: Any, updated: Any, owned: list[Node]) -> Any:
        new = self._new(original, updated, owned)
        parts = new.nodes if isinstance(new, cst.FlattenSentinel) else [new]
        before, after = self._text([original]), self._text(parts)
        self.outcome.texts.update(dict.fromkeys(owned, (before, after)))
        if self._comments and any(node in self._queries.settings for node in owned):
            comments, self._comments = self._comments, []
            return _after(comments, new)
        return new

    def _text(self, statements: Iterable[Any]) -> str:
        """Return statements as text, without the lines before them and without their blocks."""
        first, *others = [_without_block(one) for one in statements]
        bare = first.with_changes(leading_lines=_comments(first.leading_lines))
        return "".join(map(self._module.code_for_node, (bare, *others))).strip("\r\n")

    def _new(self, original: Any, updated: Any, owned: list[Node]) -> Any:
        before: list[Any] = []
        notes: list[str] = []
        names: dict[Node, cst.Name] = {}
        is_gone = False
        for node in owned:
            wanted = self._calls.get(node)
            try:
                if wanted is None:
                    raise NotSafeError(self._notes[node][1])
                whole = _whole(original, node)
                code = whole.code if whole else self._name_for(original, node, names)
                before += list(self._made(node, wanted, code, owned))
            except NotSafeError as error:
                label = wanted.call.label if wanted else self._notes[node][0]
                self.outcome.noted[node] = str(error)
                notes += _note(f"{label}: {error}")
                continue
            self.outcome.done.append(node)
            is_gone = whole is not None
            if whole is None and code:
                call = cast(cst.Call, node)
                names[node] = cst.Name(code, lpar=call.lpar, rpar=call.rpar)
        done = [self._calls[node].call.label for node in owned if node in self.outcome.done]
        if is_gone:
            return cst.FlattenSentinel(_headed(before, _without(done, _leading(original))))
        if names:
            updated = _renamed(original, updated, {**self._reads, **names})
        updated = updated.with_changes(leading_lines=_without(done, updated.leading_lines))
        noted = _new_lines(updated, notes)
        if not before:
            return updated.with_changes(leading_lines=[*updated.leading_lines, *noted])
        ours = _comments(updated.leading_lines)
        others = [line for line in updated.leading_lines if line not in ours]
        return cst.FlattenSentinel(
            [*_headed(before, others), updated.with_changes(leading_lines=[*ours, *noted])]
        )

    def _name_for(self, original: Any, node: Node, names: Mapping[Node, cst.Name]) -> str:
        """Return a variable for the return code of a call that is moved before its statement."""
        tested = None if original in self._owners.elifs else _evaluated(original)
        if tested is None or not is_first(tested, cast(cst.Call, node), names):
            raise NotSafeError(_LATE)
        return free_name(f"code_{len(names) + 1}" if names else "code", self._taken)

    def _made(
        self, node: Node, wanted: CallToRewrite, code: str | None, owned: list[Node]
    ) -> Iterator[Any]:
        """Return the new statements."""
        if any(other is not node and other in _inside(node) for other in owned):
            raise NotSafeError(NESTED)
        if is_query(wanted.call):
            for text in self._query(node, wanted, code):
                yield self._parsed(text)
            return
        made = exchange(self._with_reads(node, wanted.call), self._facts)
        ksr = wanted.ksr or KSR
        if ksr != KSR and "KSR." in made.request + "".join(made.before):
            raise NotSafeError("it reads variables, and KSR has another name here")
        for text in statements(made, ksr, code, self._taken):
            yield self._parsed(text)

    def _with_reads(self, node: Node, call: StaticCall) -> StaticCall:
        """Return the call with the variables of an answer among its arguments replaced."""
        swap = _Swap(self._reads)
        given = cast(cst.Call, node).args
        own = given[len(given) - len(call.arguments) :]
        arguments = tuple(argument_of(cast(cst.Arg, one.visit(swap))) for one in own)
        return replace(call, arguments=arguments)

    def _query(self, node: Node, wanted: CallToRewrite, code: str | None) -> Iterator[str]:
        queries = self._queries
        if node in queries.reasons:
            raise NotSafeError(queries.reasons[node])
        return query_statements(
            self._with_reads(node, wanted.call), queries.settings[node], wanted.ksr or KSR, code,
            node in queries.of_sign, self._facts,
        )  # fmt: skip

    def _parsed(self, text: str) -> Any:
        module = self._module
        indented = _step.sub(lambda it: module.default_indent * (len(it[0]) // 4), text)
        lines = indented.replace("\n", module.default_newline)
        return cst.parse_statement(lines, config=module.config_for_parsing)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A statement that consists of one call."""

    code: str | None
    """The name that its result is assigned to."""


def _whole(original: Any, node: Node) -> _Whole | None:
    match original:
        case cst.SimpleStatementLine(body=[cst.Expr(value=value)]) if value is node:
            return _Whole(None)
        case cst.SimpleStatementLine(
            body=[cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value)]
        ) if value is node:
            return _Whole(name)
    return None


def _evaluated(original: Any) -> cst.CSTNode | None:
    """Return the expression that a statement evaluates first."""
    match original:
        case cst.If(test=test):
            return cast(cst.CSTNode, test)
        case cst.SimpleStatementLine(
            body=[
                cst.Expr() | cst.Assign() | cst.AugAssign() | cst.AnnAssign() | cst.Return() as one
            ]
        ):
            return one.value
    return None


def _without_block(statement: Any) -> Any:
    if isinstance(statement, cst.Try | cst.TryStar | cst.SimpleStatementLine):
        return statement
    block = cst.SimpleStatementSuite([cst.Expr(cst.Ellipsis())])
    if isinstance(statement, cst.Match):
        return statement.with_changes(cases=[statement.cases[0].with_changes(body=block)])
    bare = statement.with_changes(body=block)
    return bare.with_changes(orelse=None) if hasattr(bare, "orelse") else bare


def _comments(lines: Iterable[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Return our own notes. Comments of the script are not compared."""
    kept: list[cst.EmptyLine] = []
    for line in lines:
        text = line.comment.value if line.comment else ""
        if text.startswith(NOTE) or (kept and text.startswith("#     ")):
            kept.append(line)
    return kept


def _after(comments: list[cst.EmptyLine], new: Any) -> Any:
    """Return statements with further lines before them."""
    parts = list(new.nodes) if isinstance(new, cst.FlattenSentinel) else [new]
    leading = [*comments, *parts[0].leading_lines]
    return cst.FlattenSentinel([parts[0].with_changes(leading_lines=leading), *parts[1:]])


def _expressions(codes: Mapping[Node, str]) -> dict[Node, Any]:
    return {node: cst.parse_expression(code) for node, code in codes.items()}


def _plain_truth(comparison: Any) -> Any:
    """Simplify ``int(result.ok) == 1``."""
    match comparison:
        case cst.Comparison(
            left=cst.Call(func=cst.Name("int"), args=[cst.Arg(value=cst.Attribute() as ok)]),
            comparisons=[cst.ComparisonTarget(
                operator=cst.Equal() | cst.NotEqual() as operator,
                comparator=cst.Integer(value="0" | "1" as number),
            )],
        ) if ok.attr.value == "ok":  # fmt: skip
            if isinstance(operator, cst.Equal) == (number == "1"):
                return ok.with_changes(lpar=comparison.lpar, rpar=comparison.rpar)
            return cst.UnaryOperation(cst.Not(), ok, comparison.lpar, comparison.rpar)
    return comparison


class _Swap(cst.CSTTransformer):
    def __init__(self, names: Mapping[Node, Any]) -> None:
        super().__init__()
        self._names = names

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return self._names.get(original_node, updated_node)


def _renamed(original: Any, updated: Any, names: Mapping[Node, Any]) -> Any:
    swap = _Swap(names)
    if isinstance(original, cst.If):
        return updated.with_changes(test=original.test.visit(swap))
    return original.visit(swap)


def _inside(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _inside(child)


def _headed(statements: list[Any], leading: list[cst.EmptyLine]) -> list[Any]:
    first, *others = statements
    return [first.with_changes(leading_lines=leading), *others]


def _leading(original: Any) -> list[cst.EmptyLine]:
    """The lines before a statement, and the comment after it."""
    comment = original.trailing_whitespace.comment
    return [*original.leading_lines, *([cst.EmptyLine(comment=comment)] if comment else [])]


def _without(labels: Collection[str], lines: Iterable[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Remove the notes of an earlier run from calls that are now replaced."""
    starts = tuple(f"{NOTE} {label}: " for label in labels)
    kept: list[cst.EmptyLine] = []
    is_of_one = False
    for line in lines:
        text = line.comment.value if line.comment else ""
        is_of_one = text.startswith(starts) or (is_of_one and text.startswith("#     "))
        if not is_of_one:
            kept.append(line)
    return kept


def _note(text: str) -> list[str]:
    return textwrap.wrap(
        f"{NOTE} {text}", _WIDTH, subsequent_indent="#     ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _new_lines(statement: Any, notes: list[str]) -> list[cst.EmptyLine]:
    """Return the notes that are not there yet."""
    there = {line.comment.value for line in statement.leading_lines if line.comment}
    return [cst.EmptyLine(comment=cst.Comment(note)) for note in notes if note not in there]
