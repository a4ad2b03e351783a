"""What a statement of SQL names: its tables, and which of them a column belongs to, whoever describes the tables."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

import sqlglot
from sqlglot import exp

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings about syntax it keeps as text are answered by the server

_LONGEST = 100_000  # characters of one statement that are looked into


class Described(Protocol):
    """A table whose columns are known by name."""

    @property
    def name(self) -> str:
        """Return the name of the table."""

    def column(self, name: str) -> Any:
        """Return the column of that name, or nothing."""


_T = TypeVar("_T", bound=Described)


@lru_cache(maxsize=2_000)
def _tree(text: str) -> exp.Expr | None:
    try:
        return sqlglot.parse_one(text, read="postgres") if len(text) <= _LONGEST else None
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None


def parsed(text: str) -> exp.Expr | None:
    """Return the tree of one statement in PostgreSQL's dialect, the caller's to change; nothing when it cannot be parsed."""
    tree = _tree(text)
    return tree.copy() if tree is not None else None


class Resolver(Generic[_T]):
    """Find the table a column belongs to: by its qualifier, else by its name, from the innermost query outwards.

    `find` returns the table of a name and a schema (empty: none was written), or nothing.
    """

    def __init__(self, tree: exp.Expr, find: Callable[[str, str], _T | None]) -> None:
        self.tree = tree
        self.sources = _sources(tree, find)

    def table(self, column: exp.Column) -> _T | None:
        """Return the table of a column, or nothing for a column of a subquery or one nobody has."""
        query: exp.Expr | None = query_of(column, self.tree)
        while query is not None:
            for owner, alias, table in self.sources:
                named = column.table in (alias, table.name) if column.table else True
                if owner is query and named and table.column(column.name) is not None:
                    return table
            if query is self.tree:
                return None
            query = query_of(query, self.tree)
        return None


def _sources(tree: exp.Expr, find: Callable[[str, str], _T | None]) -> list[tuple[exp.Expr, str, _T]]:
    """Return the tables a statement reads, each with the query it stands in and the name it goes by there."""
    hidden = {cte.alias for cte in tree.find_all(exp.CTE)}
    found = []
    for node in tree.find_all(exp.Table):
        if node.name in hidden and not node.db:
            continue
        table = find(node.name, node.db)
        if table is not None:
            found.append((query_of(node, tree), node.alias or node.name, table))
    return found


def query_of(node: exp.Expr, tree: exp.Expr) -> exp.Expr:
    """Return the query that a part of a statement stands in."""
    parent = node.parent
    while parent is not None and not isinstance(parent, exp.Select | exp.Update | exp.Delete | exp.Insert | exp.Merge):
        parent = parent.parent
    return parent if parent is not None else tree
