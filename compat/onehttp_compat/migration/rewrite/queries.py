"""Decides which asynchronous queries of a script can be rewritten, together with their settings and
routes.

A query, its settings and the route of its answer are rewritten together or not at all, because the
old route reads variables that only the old query sets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import libcst as cst

from onehttp_compat.migration.names import ScriptNames
from onehttp_compat.migration.rewrite.free_names import free_name
from onehttp_compat.migration.rewrite.not_safe import NotSafeError
from onehttp_compat.migration.rewrite.query_places import Node, QueryPlaces
from onehttp_compat.migration.rewrite.result_routes import ResultRoute, result_route
from onehttp_compat.migration.static_call import StaticCall

MODULE: Final = "http_async_client"
_FIRST: Final = ("async_http", "query_post")
_NATIVE: Final = "its route is one of kamailio.cfg: move that route to the script"
_STRAY: Final = "variables of an answer are read where it cannot be seen whose they are: {!r}"
_UNCLEAR: Final = "what $http_req is set to for it depends on more than the lines before it"
_NOT_IN_A_ROUTE: Final = "a function that several routes may call reads variables of an answer"


@dataclass(frozen=True, slots=True)
class QuerySetting:
    """One ``KSR.pv.sets("$http_req(key)", value)``."""

    statement: Any
    key: str
    value: cst.BaseExpression
    kept_as: str
    """The variable that keeps its value until the query; empty if the value can be evaluated at the
    query."""


class Queries:
    """All queries of a module.

    Args:
        calls: the legacy calls of the module.
        taken: names that the script uses.
    """

    def __init__(
        self,
        module: cst.Module,
        names: ScriptNames[Node],
        calls: Mapping[Node, StaticCall],
        taken: Collection[str],
    ) -> None:
        self.settings: dict[Node, list[QuerySetting]] = {}
        """By the query that they belong to."""
        self.routes: dict[str, ResultRoute] = {}
        """The routes that are rewritten, by name."""
        self.reasons: dict[Node, str] = {}
        """The reasons why queries are not rewritten."""
        self._by_route: dict[str, list[Node]] = {}
        self._taken = taken
        self._places = QueryPlaces(names)
        asked = {node: one for node, one in calls.items() if is_query(one)}
        if not asked:
            return
        module.visit(self._places)
        self._asked = asked
        for node, static in asked.items():
            self._try([node], lambda: self._plan(node, static))  # noqa: B023 - called at once
        for name, nodes in self._by_route.items():
            self._try(nodes, lambda: self._plan_route(name, nodes))  # noqa: B023 - likewise
        self.settle()

    @property
    def of_sign(self) -> Collection[Node]:
        """Queries of whose return code only the sign is used."""
        return self._places.of_sign

    def reads(self) -> dict[Node, str]:
        """Code for all reads of variables in the routes that are rewritten."""
        return {node: code for one in self.routes.values() for node, code in one.reads.items()}

    def refuse(self, queries: Iterable[Node], reason: str) -> None:
        """Do not rewrite some queries. The first reason counts."""
        for query in queries:
            self.reasons.setdefault(query, reason)
            self.settings.pop(query, None)

    def settle(self) -> None:
        """Exclude everything that depends on refused queries. A route stays if one of its queries
        stays; then its other queries stay, too, and all queries that share a setting with them."""
        settled = False
        while not settled:
            before = len(self.reasons)
            for name, nodes in self._by_route.items():
                reason = next((self.reasons[one] for one in nodes if one in self.reasons), "")
                if reason:
                    self.refuse(nodes, f"another query with its route {name} stays: {reason}")
                    self.routes.pop(name, None)
            for node in [one for one in self._asked if one in self.reasons]:
                lines = self._lines_it_may_have(node)
                shared = [query for query, them in self.settings.items()
                          if any(one.statement in lines for one in them)]  # fmt: skip
                self.refuse(shared, f"a query that shares a setting stays: {self.reasons[node]}")
            self._refuse_for_reads()
            settled = len(self.reasons) == before

    def _refuse_for_reads(self) -> None:
        reads = self.reads()
        left = [node for node in self._places.reads if node not in reads]
        reason = ""
        if self._places.stray:
            reason = _STRAY.format(cst.Module(()).code_for_node(self._places.stray[0]))
        elif left and len(self.routes) == len(self._by_route):
            reason = _NOT_IN_A_ROUTE
        if reason and self.routes:
            self.refuse(self._asked, reason)
            self.routes.clear()

    def _try(self, queries: list[Node], plan: Callable[[], None]) -> None:
        try:
            plan()
        except NotSafeError as error:
            self.refuse(queries, str(error))

    def _plan(self, query: Node, static: StaticCall) -> None:
        self._by_route.setdefault(_route_name(static), []).append(query)
        own = self._lines_before(query)
        places = self._places
        function = places.function[query]
        for node in places.settings:
            where = places.statement[node]
            if places.function[node] is function and where not in own:
                later = list(places.block[where])
                later = later[later.index(where) :]
                if not any(self._has_query(one) for one in later):
                    raise NotSafeError(_UNCLEAR)  # it applies to no later query
        self.settings[query] = [self._setting(query, one) for one in own]

    def _lines_before(self, query: Node) -> list[Any]:
        """Return the statements that make settings for a query, in order.

        Raises:
            NotSafeError: it is unclear whether a statement does.
        """
        places = self._places
        found: list[Any] = []
        settings = {places.statement[node] for node in places.settings}
        statement: Any = places.statement[query]
        is_repeated = False
        while statement is not None and not isinstance(statement, cst.FunctionDef):
            block = list(places.block[statement])
            for one in reversed(block[: block.index(statement)]):
                if one in settings:
                    if is_repeated:
                        # it applies to the first pass of the loop only
                        raise NotSafeError(_UNCLEAR)
                    found.insert(0, one)
                elif isinstance(one, cst.SimpleStatementLine) and self._has_query(one):
                    return found
                elif self._has_query(one) or any(part in settings for part in _inside(one)):
                    raise NotSafeError(_UNCLEAR)
            statement = places.around[statement]
            is_repeated = is_repeated or isinstance(statement, cst.For | cst.While)
        return found

    def _lines_it_may_have(self, query: Node) -> list[Any]:
        try:
            return self._lines_before(query)
        except NotSafeError:
            places = self._places
            function = places.function[query]
            return [places.statement[one] for one in places.settings
                    if places.function[one] is function]  # fmt: skip

    def _has_query(self, statement: Any) -> bool:
        return any(part in self._asked for part in _inside(statement))

    def _setting(self, query: Node, statement: Any) -> QuerySetting:
        places = self._places
        node = next(one for one in places.settings if places.statement[one] is statement)
        if not _is_alone(statement, node):
            raise NotSafeError(_UNCLEAR)
        value = node.args[1].value
        block = list(places.block[statement])
        rest = block[block.index(statement) + 1 :]
        until = rest.index(places.statement[query]) if places.statement[query] in rest else None
        own = {places.statement[one] for one in places.settings}
        is_moved = isinstance(value, cst.SimpleString | cst.Integer) or (
            until is not None and all(one in own for one in rest[:until])
        )
        key = places.settings[node]
        same = [one for one in places.settings if places.settings[one] == key]
        name = f"http_{key.replace('-', '_')}{same.index(node) or ''}"
        return QuerySetting(statement, key, value, "" if is_moved else free_name(name, self._taken))

    def _plan_route(self, name: str, queries: list[Node]) -> None:
        places = self._places
        if name in places.attributes or places.texts.get(name, 0) > len(queries):
            raise NotSafeError(f"its route {name} is named elsewhere as well")
        self.routes[name] = result_route(places, name, self._taken)


def is_query(static: StaticCall) -> bool:
    """Whether a call sends a query whose route may be in the script."""
    function = static.function
    return function.module == MODULE or (function.module, function.method) == _FIRST


def _route_name(static: StaticCall) -> str:
    if not static.is_kemi:
        raise NotSafeError(_NATIVE)
    if static.fault:
        raise NotSafeError(static.fault)
    names = [one.name for one in static.function.arguments]
    name = static.arguments[names.index("route")].text
    if not name:
        raise NotSafeError("the name of its route is not a literal")
    return name


def _is_alone(statement: Any, call: Node) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=value)]):
            return value is call
    return False


def _inside(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _inside(child)
