"""Visits Python's own tree of a source once: collects calls, scopes, and the values of names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final, TypeAlias

from onehttp_compat.migration.trees.scopes import Scope
from onehttp_compat.migration.trees.tree import HOOKS, KSR, Assigned

_Around: TypeAlias = "tuple[Scope, bool, bool]"
"""The scope of a node, whether it is unreachable, and whether it is in an f-string."""
_Step: TypeAlias = "tuple[ast.AST, _Around]"
_ENDS: Final = (ast.Return, ast.Raise, ast.Break, ast.Continue)


class Walk:
    """The nodes of a module."""

    def __init__(self, module: ast.Module) -> None:
        self.calls: list[ast.AST] = []
        self.named: list[ast.AST] = []
        """Attributes that are not called at once."""
        self.unreachable: set[ast.AST] = set()
        self.in_texts: set[ast.AST] = set()
        """Calls and attributes inside f-strings."""
        self.imports: set[str] = set()
        self.stars: set[str] = set()
        self.is_script = False
        self.scopes: dict[ast.AST, Scope] = {}
        """The scopes of names, attributes and calls."""
        self.values: dict[ast.AST, ast.expr] = {}
        """The values that are assigned to targets."""
        self.statements: list[tuple[int, int]] = []
        """The first and last lines of statements."""
        self._called: set[ast.AST] = set()
        # With an explicit stack, because sources may be nested deeper than Python's recursion
        # limit.
        waiting: list[_Step] = [(module, (Scope(), False, False))]
        while waiting:
            node, around = waiting.pop()
            if isinstance(node, ast.stmt):
                self.statements.append((node.lineno, node.end_lineno or node.lineno))
            steps = list(_STEPS.get(type(node), _children)(self, node, around))
            waiting += reversed(steps)

    # For each kind of node: what it is, and which nodes to visit next.

    def _name(self, node: ast.Name, around: _Around) -> Iterator[_Step]:
        self.scopes[node] = around[0]
        self._word(node.id)
        if isinstance(node.ctx, ast.Store):
            around[0].give(node.id, Assigned(value=self.values.get(node)))
        return iter(())

    def _attribute(self, node: ast.Attribute, around: _Around) -> Iterator[_Step]:
        self._word(node.attr)
        if node not in self._called:
            self.named.append(node)
        self._place_in(node, around)
        return _children(self, node, around)

    def _call(self, node: ast.Call, around: _Around) -> Iterator[_Step]:
        self.calls.append(node)
        self._called.add(node.func)
        self._place_in(node, around)
        return _children(self, node, around)

    def _place_in(self, node: ast.AST, around: _Around) -> None:
        self.scopes[node] = around[0]
        if around[1]:
            self.unreachable.add(node)
        if around[2]:
            self.in_texts.add(node)

    def _text_with_values(self, node: ast.JoinedStr, around: _Around) -> Iterator[_Step]:
        return _children(self, node, (around[0], around[1], True))

    def _assign(self, node: ast.Assign, around: _Around) -> Iterator[_Step]:
        self.values.update(dict.fromkeys(node.targets, node.value))
        return _children(self, node, around)

    def _assign_one(self, node: ast.AnnAssign | ast.NamedExpr, around: _Around) -> Iterator[_Step]:
        if node.value is not None:
            self.values[node.target] = node.value
        return _children(self, node, around)

    def _import(self, node: ast.Import | ast.ImportFrom, around: _Around) -> Iterator[_Step]:
        for alias in node.names:
            given = alias.asname or alias.name.partition(".")[0]
            if isinstance(node, ast.Import):
                origin = alias.name if alias.asname else given
            else:
                origin = f"{'.' * node.level}{node.module or ''}.{alias.name}"
            if alias.name == "*":
                self.stars.add(origin.removesuffix(".*"))
            else:
                around[0].give(given, Assigned(imported=origin))
                self.imports.add(alias.name.rpartition(".")[2])
            for word in (*alias.name.split("."), alias.asname):
                self._word(word)
        if isinstance(node, ast.ImportFrom) and node.module:
            self.imports.add(node.module.rpartition(".")[2])
            for word in node.module.split("."):
                self._word(word)
        return iter(())

    def _elsewhere(self, node: ast.Global | ast.Nonlocal, around: _Around) -> Iterator[_Step]:
        for name in node.names:
            around[0].declare(name, isinstance(node, ast.Global))
            self._word(name)
        return iter(())

    def _caught(self, node: ast.ExceptHandler, around: _Around) -> Iterator[_Step]:
        if node.name:
            around[0].give(node.name, Assigned())
            self._word(node.name)
        return _children(self, node, around)

    def _function(self, node: Any, around: _Around) -> Iterator[_Step]:
        around[0].give(node.name, Assigned())
        self._word(node.name)
        self.is_script = self.is_script or node.name in HOOKS
        outer = yield from self._type_parameters(node, around)
        inner = (Scope("function", outer[0]), *outer[1:])
        yield from self._parameters(node.args, outer, inner)
        yield from _block(node.body, inner)
        yield from ((one, outer) for one in node.decorator_list)
        if node.returns is not None:
            yield node.returns, outer

    def _lambda(self, node: ast.Lambda, around: _Around) -> Iterator[_Step]:
        inner = (Scope("function", around[0]), *around[1:])
        yield from self._parameters(node.args, around, inner)
        yield node.body, inner

    def _parameters(self, node: ast.arguments, outer: _Around, inner: _Around) -> Iterator[_Step]:
        named = (*node.posonlyargs, *node.args, node.vararg, *node.kwonlyargs, node.kwarg)
        for one in named:
            if one is not None:
                inner[0].give(one.arg, Assigned(is_parameter=True))
                self._word(one.arg)
                if one.annotation is not None:
                    yield one.annotation, outer
        for default in (*node.defaults, *node.kw_defaults):
            if default is not None:
                yield default, outer

    def _class(self, node: ast.ClassDef, around: _Around) -> Iterator[_Step]:
        around[0].give(node.name, Assigned())
        self._word(node.name)
        yield from ((one, around) for one in node.decorator_list)
        outer = yield from self._type_parameters(node, around)
        yield from ((one, outer) for one in (*node.bases, *node.keywords))
        yield from _block(node.body, (Scope("class", outer[0]), *outer[1:]))

    def _type_parameters(self, node: Any, around: _Around) -> Generator[_Step, None, _Around]:
        """The type parameters of Python 3.12, and the nodes that can see them."""
        parameters = getattr(node, "type_params", ())
        if not parameters:
            return around
        seen_by = (Scope("annotation", around[0]), *around[1:])
        for one in parameters:
            seen_by[0].give(one.name, Assigned())
            yield one, seen_by
        return seen_by

    def _type_alias(self, node: Any, around: _Around) -> Iterator[_Step]:
        around[0].give(node.name.id, Assigned())
        inner = (Scope("annotation", around[0]), *around[1:])
        for one in node.type_params:
            inner[0].give(one.name, Assigned())
            yield one, inner
        yield node.value, inner

    def _comprehension(self, node: Any, around: _Around) -> Iterator[_Step]:
        """The first iterable of a comprehension belongs to the scope around it."""
        inner = (Scope("function", around[0]), *around[1:])
        for number, one in enumerate(node.generators):
            yield one.iter, inner if number else around
            yield one.target, inner
            yield from ((test, inner) for test in one.ifs)
        for part in ("key", "value", "elt"):
            if hasattr(node, part):
                yield getattr(node, part), inner

    def _branch(self, node: ast.If | ast.While, around: _Around) -> Iterator[_Step]:
        test = node.test
        is_never = (
            isinstance(test, ast.Constant)
            and test.value in (False, 0)
            and isinstance(test.value, int)
        )
        yield test, around
        yield from _block(node.body, (around[0], around[1] or is_never, around[2]))
        yield from _block(node.orelse, around)

    def _keyword(self, node: ast.keyword, around: _Around) -> Iterator[_Step]:
        self._word(node.arg)
        yield node.value, around

    def _pattern(self, node: Any, around: _Around) -> Iterator[_Step]:
        """The names in a ``case`` pattern are not nodes of their own."""
        named = (getattr(node, "name", None), getattr(node, "rest", None))
        for name in (*named, *getattr(node, "kwd_attrs", ())):
            self._word(name)
        return _children(self, node, around)

    def _word(self, name: str | None) -> None:
        self.is_script = self.is_script or name == KSR


def _children(walk: Walk, node: ast.AST, around: _Around) -> Iterator[_Step]:
    for name in node._fields:
        part = getattr(node, name, None)
        if isinstance(part, list):
            yield from _block(part, around)
        elif isinstance(part, ast.AST) and not isinstance(part, ast.expr_context):
            yield part, around


def _block(parts: Sequence[Any], around: _Around) -> Iterator[_Step]:
    """Several nodes. Statements after one that ends a block are unreachable."""
    for part in parts:
        if isinstance(part, ast.AST):
            yield part, around
            if isinstance(part, _ENDS):
                around = (around[0], True, around[2])


_STEPS: Final[dict[type[ast.AST], Callable[[Walk, Any, _Around], Iterator[_Step]]]] = {
    ast.Name: Walk._name,
    ast.Attribute: Walk._attribute,
    ast.Call: Walk._call,
    ast.JoinedStr: Walk._text_with_values,
    ast.Assign: Walk._assign,
    ast.AnnAssign: Walk._assign_one,
    ast.NamedExpr: Walk._assign_one,
    ast.Import: Walk._import,
    ast.ImportFrom: Walk._import,
    ast.Global: Walk._elsewhere,
    ast.Nonlocal: Walk._elsewhere,
    ast.ExceptHandler: Walk._caught,
    ast.FunctionDef: Walk._function,
    ast.AsyncFunctionDef: Walk._function,
    ast.Lambda: Walk._lambda,
    ast.ClassDef: Walk._class,
    ast.ListComp: Walk._comprehension,
    ast.SetComp: Walk._comprehension,
    ast.DictComp: Walk._comprehension,
    ast.GeneratorExp: Walk._comprehension,
    ast.If: Walk._branch,
    ast.While: Walk._branch,
    ast.keyword: Walk._keyword,
    ast.MatchAs: Walk._pattern,
    ast.MatchStar: Walk._pattern,
    ast.MatchMapping: Walk._pattern,
    ast.MatchClass: Walk._pattern,
}
